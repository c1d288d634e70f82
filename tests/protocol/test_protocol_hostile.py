"""Any input from a peer gives events or a RemoteError, and the connection stays valid."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_driver import request, steady

from zelitrio.errors import LocalError, RemoteError
from zelitrio.protocol import (
    Authenticate,
    ClientConnection,
    Connection,
    ContextError,
    Dialect,
    EndContext,
    EndSocket,
    EvictContext,
    Fail,
    OpenContext,
    Text,
    UpdateSettings,
    parse_openai_speech_request,
    parse_socket_target,
    parse_speech_request,
)
from zelitrio.settings import SessionSettings

KEYS = [
    "text", "context_id", "contextId", "flush", "try_trigger_generation", "close_context", "close_socket",
    "voice_settings", "generation_config", "generator_config", "xi_api_key", "authorization",
    "pronunciation_dictionary_locators", "chunk_length_schedule", "speed", "stability", "audio", "isFinal",
    "alignment", "error", "message", "seed", "input", "voice", "response_format", "stream_format", "detail",
]  # fmt: skip
KEY = st.sampled_from(KEYS) | st.text(max_size=3)
NUMBER = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
LEAF = st.none() | st.booleans() | NUMBER | st.text(max_size=5) | st.sampled_from(["", " ", "a", "b", "Hi. "])
VALUE = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEY, inner, max_size=3), max_leaves=6
)
LIKELY = st.fixed_dictionaries(
    {},
    optional={
        "text": st.sampled_from(["", " ", "Hi. "]),
        "context_id": st.sampled_from(["a", "b", "c", "d"]),
        "flush": st.booleans(),
        "try_trigger_generation": st.booleans(),
        "close_context": st.booleans(),
        "voice_settings": st.sampled_from([None, {}, {"speed": 1}, {"style": 9}]),
    },
)
JSON = (st.dictionaries(KEY, VALUE, max_size=6) | VALUE).map(lambda value: orjson.dumps(value).decode())
MESSAGE = LIKELY.map(lambda value: orjson.dumps(value).decode()) | JSON | st.text() | st.binary()


@steady
@given(
    st.sampled_from(Dialect),
    st.booleans(),
    st.lists(st.tuples(MESSAGE, st.floats(0, 30)), max_size=40),
    st.data(),
)
def test_any_messages_at_any_time_keep_the_laws(
    dialect: Dialect, has_key: bool, script: list[tuple[str | bytes, float]], data: st.DataObject
) -> None:
    asked = request(dialect, credential="k" if has_key else None)
    connection = Connection(asked, SessionSettings(max_contexts=2), 0.0)
    states: dict[str | None, str] = {}
    now, is_over, is_known = 0.0, False, False
    for message, wait_s in script:
        now += wait_s
        for event in [*connection.expire(now), *connection.receive(message, now)]:
            assert not is_over
            match event:
                case Authenticate():
                    assert not is_known and not states
                    is_known = True
                case OpenContext(context_id=name):
                    assert is_known and name not in states
                    states[name] = "open"
                    assert sum(state != "evicted" for state in states.values()) <= 2
                case Text(context_id=name) | UpdateSettings(context_id=name):
                    assert states[name] == "open"
                case EndContext(context_id=name):
                    assert states[name] == "open"
                    states[name] = "closing"
                case EvictContext(context_id=name):
                    assert states[name] == "closing"
                    states[name] = "evicted"
                case ContextError(context_id=name, error=error):
                    assert dialect is Dialect.MULTI
                    connection.error_message(error, name)
                case EndSocket() | Fail():
                    is_over = True
                    states = {} if isinstance(event, Fail) else states
        ending = [name for name, state in states.items() if state != "open"]
        if ending and data.draw(st.booleans()):
            connection.final_message(ending[0], now)
            del states[ending[0]]
        deadline = connection.deadline()
        assert deadline is None or deadline >= 0
    if not states:
        with pytest.raises(LocalError):
            connection.final_message(None, now)
    for name in states:
        connection.final_message(name, now)


@steady
@given(st.binary() | JSON.map(str.encode))
def test_any_body_gives_a_request_or_a_remote_error(body: bytes) -> None:
    for parse in (lambda: parse_speech_request(body, {}), lambda: parse_openai_speech_request(body)):
        try:
            assert parse().text
        except RemoteError as error:
            assert error.message


@steady
@given(JSON | st.text() | st.binary(), st.sampled_from(Dialect))
def test_any_frame_gives_events_or_a_remote_error(frame: str | bytes, dialect: Dialect) -> None:
    client = ClientConnection(request(dialect))
    try:
        client.receive(frame)
    except RemoteError as error:
        assert error.code == "invalid_server_message"


@steady
@given(
    st.text()
    | st.lists(
        st.tuples(st.sampled_from(["seed", "auto_mode", "inactivity_timeout", "authorization"]), st.text())
    ).map(lambda pairs: "&".join(f"{name}={value}" for name, value in pairs)),
    st.lists(st.tuples(st.sampled_from(["xi-api-key", "Authorization", "x"]), st.text())),
)
def test_any_target_gives_a_request_or_a_remote_error(query: str, headers: list[tuple[str, str]]) -> None:
    for path in ("", "/v1/text-to-speech/", "/v1/text-to-speech/v/stream-input?"):
        try:
            found: Any = parse_socket_target(path + query, headers)
            assert found is None or 1 <= found.inactivity_timeout_s <= 180
        except RemoteError as error:
            assert error.param
