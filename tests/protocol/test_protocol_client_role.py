from __future__ import annotations

import json

import attrs
import pytest
from protocol_driver import connect, request

from zelitrio.errors import LocalError, RemoteError
from zelitrio.protocol import (
    AudioFrame,
    CharTimes,
    ClientConnection,
    ContextError,
    Dialect,
    EndContext,
    EndSocket,
    ErrorFrame,
    FinalFrame,
    OpenContext,
    Text,
    close_frame,
)
from zelitrio.settings import VoiceSettings

HI = CharTimes(("H", "i"), (0, 50), (50, 70))


@pytest.mark.parametrize("dialect", list(Dialect))
def test_both_ends_of_a_socket_understand_each_other(dialect: Dialect) -> None:
    server, client = connect(dialect, sync_alignment=True), ClientConnection(request(dialect))
    name = "a" if dialect is Dialect.MULTI else None
    settings = VoiceSettings(style=0.5)
    opening = client.open_message(name, voice_settings=settings, chunk_schedule=(60, 70))
    assert server.receive(opening, 0.0) == [OpenContext(name, settings, (60.0, 70.0))]
    assert server.receive(client.text_message("Hi. ", name, flush=True), 0.0) == [
        Text(name, "Hi. ", flush=True)
    ]
    assert server.receive(client.text_message("Hi. ", name), 0.0) == [Text(name, "Hi. ")]
    assert server.receive(client.flush_message(name), 0.0) == [Text(name, "", flush=True)]
    discard = dialect is Dialect.MULTI
    assert server.receive(client.end_message(name), 0.0) == [EndContext(name, discard)]
    assert client.receive(server.audio_message(name, b"ab", HI, HI)) == [AudioFrame(b"ab", HI, HI, name)]
    assert client.receive(server.final_message(name, 0.0)) == [FinalFrame(name)]
    assert client.closed(1000, "") is None
    if dialect is Dialect.MULTI:
        client.open_message(name)
        assert server.receive(client.end_socket_message(), 0.0) == [EndSocket()]


def test_a_credential_travels_in_the_first_message() -> None:
    client = ClientConnection(request(credential="k"))
    assert json.loads(client.open_message())["xi_api_key"] == "k"


def test_calls_in_the_wrong_order_are_local_errors() -> None:
    client = ClientConnection(request())
    with pytest.raises(LocalError, match="open"):
        client.text_message("a")
    client.open_message()
    with pytest.raises(LocalError, match="at least one character"):
        client.text_message("")
    with pytest.raises(LocalError, match="not open"):
        client.open_message()
    with pytest.raises(LocalError, match="multi-stream-input"):
        client.end_socket_message()
    client.end_message()
    for call in (client.flush_message, client.end_message, client.open_message):
        with pytest.raises(LocalError):
            call()


def test_an_error_of_the_socket_explains_its_close() -> None:
    client, server = ClientConnection(request()), connect()
    error = RemoteError("invalid_api_key", "Invalid API key")
    (event,) = client.receive(server.error_message(error))
    assert isinstance(event, ErrorFrame) and event.error.code == "invalid_api_key"
    assert client.closed(*close_frame(error)) is event.error


def test_an_error_of_a_context_keeps_the_socket_open() -> None:
    client, server = ClientConnection(request(Dialect.MULTI)), connect(Dialect.MULTI, max_contexts=1)
    server.receive(client.open_message("a"), 0.0)
    (refused,) = server.receive(client.open_message("b"), 0.0)
    assert isinstance(refused, ContextError)
    (event,) = client.receive(server.error_message(refused.error, "b"))
    assert isinstance(event, ErrorFrame) and event.context_id == "b"
    assert client.closed(1000, None) is None


def test_a_close_before_the_end_is_an_error() -> None:
    client = ClientConnection(request())
    closed = client.closed(1006, None)
    assert closed is not None and closed.code == "connection_closed" and "1006" in closed.message
    assert ClientConnection(request()).closed(1000, "") is not None


def test_the_vendors_variants_of_a_frame_are_read() -> None:
    client = ClientConnection(request(Dialect.MULTI))
    times = {"chars": ["H"], "charStartTimesMs": [0], "charsDurationsMs": [5]}
    both = json.dumps({"audio": "YQ==", "isFinal": True, "context_id": "x", "alignment": times})
    assert client.receive(both) == [
        AudioFrame(b"a", CharTimes(("H",), (0,), (5,)), None, "x"),
        FinalFrame("x"),
    ]
    assert client.receive('{"audio": "", "isFinal": false, "type": "flush_done"}') == []
    (event,) = client.receive('{"message": "no"}')
    assert isinstance(event, ErrorFrame) and event.error.code == "something_went_wrong"


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "[]",
        b"\xff",
        '{"audio": 5}',
        '{"audio": "a"}',
        '{"audio": "é==="}',
        '{"isFinal": "yes"}',
        '{"error": 5}',
        '{"audio": "YQ==", "alignment": []}',
        '{"audio": "YQ==", "alignment": {"chars": ["a"]}}',
        '{"audio": "YQ==", "alignment": {"chars": 5}}',
        '{"audio": "YQ==", "alignment": {"chars": ["a"], "charStartTimesMs": ["0"], "charDurationsMs": [0]}}',
    ],
)
def test_an_invalid_frame_is_a_remote_error(frame: str | bytes) -> None:
    with pytest.raises(RemoteError) as caught:
        ClientConnection(request()).receive(frame)
    assert caught.value.code == "invalid_server_message"


def test_settings_travel_whole() -> None:
    client = ClientConnection(request())
    sent = json.loads(client.open_message(voice_settings=VoiceSettings()))["voice_settings"]
    assert sent == attrs.asdict(VoiceSettings())
