"""The text-to-dialogue socket: its messages, its frames, its limits."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_driver import steady

from zelitrio.errors import LocalError
from zelitrio.protocol import (
    Authenticate,
    CharTimes,
    Dialect,
    DialogueConnection,
    EndContext,
    EndSocket,
    Event,
    EvictContext,
    Fail,
    OpenContext,
    SocketRequest,
    Text,
    parse_socket_target,
    socket_url,
)
from zelitrio.settings import SessionSettings

ANNA, BEN = "anna", "ben"


def connect(dialect: Dialect = Dialect.MULTI, **how: Any) -> DialogueConnection:
    request = SocketRequest(dialect=dialect, voice_id="", is_dialogue=True, **how)
    connection = DialogueConnection(request, SessionSettings(max_contexts=2), 0.0)
    connection.authenticated(0.0)
    return connection


def tell(connection: DialogueConnection, now: float = 0.0, **fields: Any) -> list[Event]:
    return connection.receive(json.dumps(fields), now)


def line(text: str, voice_id: str = ANNA, **more: Any) -> dict[str, Any]:
    return {"text": text, "voice_id": voice_id, **more}


def error_of(events: list[Event]) -> str:
    assert isinstance(events[-1], Fail)
    return events[-1].error.message


@pytest.mark.parametrize("last", ["stream-input", "multi-stream-input"])
def test_the_path_of_a_dialogue_is_read_and_written(last: str) -> None:
    query = "model_id=eleven_v4_turbo&sync_alignment=true"
    found = parse_socket_target(f"/v1/text-to-dialogue/{last}?{query}", ())
    assert found is not None and found.is_dialogue and found.dialect.value == last
    assert (found.model_id, found.sync_alignment, found.voice_id) == ("eleven_v4_turbo", True, "")
    assert f"/v1/text-to-dialogue/{last}?" in socket_url("ws://host", found)
    assert parse_socket_target("/v1/text-to-dialogue/stream", ()) is None


def test_livekits_messages_become_text_flushes_and_an_end() -> None:
    connection = connect()
    (opened,) = tell(connection, context_id="x", voices=[ANNA])
    assert isinstance(opened, OpenContext) and opened.voices == (ANNA,)
    assert tell(connection, context_id="x", inputs=[line("One. ")], flush=True) == [
        Text("x", "One. ", voice_id=ANNA),
        Text("x", "", flush=True),
    ]
    assert tell(connection, context_id="x", inputs=[line("")], flush=True) == [Text("x", "", flush=True)]
    assert tell(connection, context_id="x", close_context=True) == [EndContext("x", discard=False)]
    assert tell(connection, context_id="x", inputs=[line("Late. ")]) == []
    assert json.loads(connection.final_message("x", 0.0)) == {"is_final": True, "context_id": "x"}
    with pytest.raises(LocalError):
        connection.final_message("x", 0.0)
    assert isinstance(tell(connection, context_id="x", voices=[BEN])[0], OpenContext)


def test_several_inputs_keep_their_order_voices_and_turns() -> None:
    connection = connect(Dialect.SINGLE)
    inputs = [line("Hi. "), line("Ho. ", BEN), line("Go. ", BEN, new_turn=True)]
    opened, *texts = tell(connection, voices=[ANNA, BEN], inputs=inputs)
    assert isinstance(opened, OpenContext)
    assert texts == [
        Text(None, "Hi. ", voice_id=ANNA),
        Text(None, "Ho. ", voice_id=BEN),
        Text(None, "Go. ", voice_id=BEN, new_turn=True),
    ]
    assert tell(connection, close_socket=True) == [EndContext(None, discard=False), EndSocket()]
    assert not connection.is_finished
    assert json.loads(connection.final_message(None, 0.0)) == {"is_final": True}
    assert connection.is_finished


def test_frames_are_in_snake_case() -> None:
    connection = connect(sync_alignment=True)
    tell(connection, context_id="x", voices=[ANNA])
    times = CharTimes(("H", " "), (0, 50), (50, 10))
    assert json.loads(connection.audio_message("x", b"\x00\x01", times, times)) == {
        "audio": "AAE=",
        "alignment": {"chars": ["H", " "], "char_start_times_ms": [0, 50], "char_durations_ms": [50, 10]},
        "normalized_alignment": None,
        "context_id": "x",
    }
    assert json.loads(connection.turn_message("x")) == {"is_final_audio_for_turn": True, "context_id": "x"}
    plain = connect(Dialect.SINGLE)
    assert json.loads(plain.audio_message(None, b"", times)) == {
        "audio": "",
        "alignment": None,
        "normalized_alignment": None,
    }


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"inputs": []}, "context_id"),
        ({"context_id": "y", "inputs": [line("Hi")]}, "voices"),
        ({"context_id": "y", "voices": []}, "voices"),
        ({"context_id": "y", "voices": [ANNA] * 11}, "voices"),
        ({"context_id": "y", "voices": "anna"}, "voices"),
        ({"context_id": "x", "voices": [BEN]}, "voices can only be set in the first message"),
        ({"context_id": "x", "inputs": [line("Hi", "carl")]}, "among anna"),
        ({"context_id": "x", "inputs": ["Hi"]}, "objects"),
        ({"context_id": "x", "inputs": [{"text": 5}]}, "a string"),
    ],
)
def test_a_wrong_message_ends_the_socket_and_says_why(fields: dict[str, Any], said: str) -> None:
    connection = connect()
    tell(connection, context_id="x", voices=[ANNA])
    assert said in error_of(tell(connection, **fields))
    assert tell(connection, context_id="z", voices=[ANNA]) == []


def test_an_unchanged_repeat_of_the_voices_and_messages_to_unknown_contexts_do_no_harm() -> None:
    connection = connect()
    tell(connection, context_id="x", voices=[ANNA])
    assert tell(connection, context_id="x", voices=[ANNA]) == []
    for fields in ({"keep_alive": True}, {"flush": True}, {"close_context": True}, {"inputs": [line("")]}):
        assert tell(connection, context_id="gone", **fields) == []


def test_contexts_that_close_or_have_no_text_do_not_count() -> None:
    connection = connect()
    tell(connection, context_id="pipecat-keepalive", voices=[ANNA])
    evicted = []
    for name in "abcdefgh":
        *others, opened, text = tell(connection, context_id=name, voices=[ANNA], inputs=[line("Hi. ")])
        assert isinstance(opened, OpenContext) and isinstance(text, Text)
        evicted += others
        tell(connection, context_id=name, close_context=True)
    assert evicted == [EvictContext(name) for name in "abcde"]
    for name in "ij":
        tell(connection, context_id=name, voices=[ANNA], inputs=[line("Hi. ")])
    events = tell(connection, context_id="k", voices=[ANNA])
    assert isinstance(events[0], Fail) and events[0].error.code == "too_many_contexts"


def test_a_silent_context_is_spoken_and_ended_and_a_keep_alive_keeps_it() -> None:
    connection = connect()
    tell(connection, context_id="x", voices=[ANNA])
    assert connection.deadline() == 20.0
    tell(connection, 15.0, context_id="x", keep_alive=True)
    connection.busy("x", True, 16.0)
    assert connection.deadline() is None
    connection.busy("x", False, 30.0)
    assert connection.expire(50.0) == [EndContext("x", discard=False)]
    connection.final_message("x", 50.0)
    assert connection.deadline() == 230.0
    assert connection.expire(230.0) == [EndSocket()] and connection.is_finished


def test_a_silent_single_socket_times_out() -> None:
    connection = connect(Dialect.SINGLE)
    tell(connection, voices=[ANNA])
    (event,) = connection.expire(20.0)
    assert isinstance(event, Fail) and event.error.code == "input_timeout_exceeded"


def test_the_first_message_may_bring_the_key() -> None:
    request = SocketRequest(dialect=Dialect.MULTI, voice_id="", is_dialogue=True)
    connection = DialogueConnection(request, SessionSettings(auth_timeout_s=5), 0.0)
    assert connection.deadline() == 5.0
    first, opened = tell(connection, context_id="x", voices=[ANNA], xi_api_key="Bearer k")
    assert first == Authenticate("k", None) and isinstance(opened, OpenContext)
    late = DialogueConnection(request, SessionSettings(auth_timeout_s=5), 0.0)
    (event,) = late.expire(5.0)
    assert isinstance(event, Fail) and event.error.code == "authentication_required"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
NAMES = ("context_id", "voices", "inputs", "flush", "close_context", "close_socket", "keep_alive")


@steady
@given(
    st.lists(st.dictionaries(st.sampled_from(NAMES), JSON | st.just(["anna"]), max_size=4), max_size=6),
    st.sampled_from(Dialect),
)
def test_any_messages_give_events_and_never_raise(messages: list[dict[str, Any]], dialect: Dialect) -> None:
    connection = connect(dialect)
    for number, message in enumerate(messages):
        connection.expire(float(number))
        for event in tell(connection, float(number), **message):
            if isinstance(event, Fail):
                json.loads(connection.error_message(event.error))
