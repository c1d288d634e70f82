"""Wyoming without a connection: bytes to events, cut at every place, and invalid bytes."""

from __future__ import annotations

import json
import random

import pytest

from zelitrio.errors import RemoteError
from zelitrio.protocol import (
    BeginReply,
    RefuseReply,
    ReplyText,
)
from zelitrio.protocol.replies import EndReply
from zelitrio.protocol.wyoming import Describe, Ping, WyomingConnection, event_bytes

LIMIT = 2000


def inline(kind: str, **data: object) -> bytes:
    """An event with its data in the line, as older clients write it."""
    return json.dumps({"type": kind, "data": data}).encode() + b"\n"


SCRIPT = b"".join(
    [
        event_bytes("describe"),
        inline("ping", text="ä"),
        event_bytes("synthesize", {"text": "One.", "voice": {"name": "v"}, "text_format": "ssml"}),
        event_bytes("audio-chunk", {"rate": 16000}, b"\x00\n{" * 500),
        event_bytes("synthesize-start", {"voice": {"language": "en_US"}, "context": {"x": None}}),
        inline("synthesize-chunk", text="Two "),
        b'{"type": "synthesize-chunk", "data": {"text": "no"}, "data_length": 15, "version": "9"}\n'
        b'{"text": "zw."}',
        event_bytes("synthesize", {"text": "Two zw."}),
        event_bytes("synthesize-stop"),
        event_bytes("synthesize-stop"),
        event_bytes("select-program", {"name": "x"}),
    ]
)
EVENTS = [
    Describe(),
    Ping("ä"),
    BeginReply(voice="v", is_ssml=True, is_streamed=False),
    ReplyText("One."),
    EndReply(),
    BeginReply(language="en_US"),
    ReplyText("Two "),
    ReplyText("zw."),
    EndReply(),
]


def read(connection: WyomingConnection, *pieces: bytes) -> list[object]:
    return [event for piece in pieces for event in connection.receive(piece)]


def test_a_script_gives_its_events() -> None:
    connection = WyomingConnection(LIMIT)
    assert read(connection, SCRIPT) == EVENTS
    assert not connection.is_in_event
    assert not connection.is_in_reply


def test_cuts_change_nothing() -> None:
    assert read(WyomingConnection(LIMIT), *(SCRIPT[at : at + 1] for at in range(len(SCRIPT)))) == EVENTS
    for cut in range(len(SCRIPT)):
        assert read(WyomingConnection(LIMIT), SCRIPT[:cut], SCRIPT[cut:]) == EVENTS
    dice = random.Random(7)
    for _ in range(100):
        cuts = sorted(dice.sample(range(len(SCRIPT)), 5))
        pieces = [SCRIPT[a:b] for a, b in zip([0, *cuts], [*cuts, len(SCRIPT)], strict=True)]
        assert read(WyomingConnection(LIMIT), *pieces) == EVENTS


def test_an_event_in_pieces_is_known_to_be_open() -> None:
    connection = WyomingConnection(LIMIT)
    event = event_bytes("synthesize-start", {"voice": {}}, b"payload")
    for at in range(len(event) - 1):
        connection.receive(event[at : at + 1])
        assert connection.is_in_event
    connection.receive(event[-1:])
    assert not connection.is_in_event
    assert connection.is_in_reply


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"GET / HTTP/1.1\r\n", "invalid_input_message"),
        (b"\n", "invalid_input_message"),
        (b"[]\n", "invalid_input_message"),
        (b'{"data": {}}\n', "invalid_input_message"),
        (b'{"type": 7}\n', "invalid_input_message"),
        (b'{"type": "describe", "data": []}\n', "invalid_input_message"),
        (b'{"type": "describe", "data_length": -1}\n', "invalid_input_message"),
        (b'{"type": "describe", "data_length": "9"}\n', "invalid_input_message"),
        (b'{"type": "describe", "data_length": 1.5}\n', "invalid_input_message"),
        (b'{"type": "describe", "data_length": true}\n', "invalid_input_message"),
        (b'{"type": "describe", "data_length": 2}\n[]', "invalid_input_message"),
        (b'{"type": "describe", "data_length": 2}\n{"', "invalid_input_message"),
        (b'{"type": "describe", "data_length": 2001}\n', "message_too_big"),
        (b'{"type": "x", "payload_length": 99999999999}\n', "message_too_big"),
        (b"\xff\xfe\n", "invalid_input_message"),
        (b"{" * 70_000, "message_too_big"),
        (b"{" * 70_000 + b"\n", "message_too_big"),
    ],
)
def test_bytes_that_are_no_event_are_refused_however_they_are_cut(data: bytes, code: str) -> None:
    for size in (len(data), 1000, 7):
        connection = WyomingConnection(LIMIT)
        with pytest.raises(RemoteError) as refused:
            for at in range(0, len(data), size):
                connection.receive(data[at : at + size])
        assert refused.value.code == code


@pytest.mark.parametrize(
    ("kind", "data", "param"),
    [
        ("synthesize", {}, "text"),
        ("synthesize", {"text": 7}, "text"),
        ("synthesize", {"text": "a", "voice": "v"}, "voice"),
        ("synthesize", {"text": "a", "voice": {"name": 7}}, "voice.name"),
        ("synthesize", {"text": "a", "text_format": "html"}, "text_format"),
        ("synthesize-start", {"voice": {"language": []}}, "voice.language"),
    ],
)
def test_a_wrong_field_refuses_its_reply_only(kind: str, data: dict[str, object], param: str) -> None:
    connection = WyomingConnection(LIMIT)
    events = read(connection, event_bytes(kind, data))
    assert isinstance(events[0], BeginReply)
    [refused] = [event for event in events if isinstance(event, RefuseReply)]
    assert refused.error.param == param
    assert connection.is_in_reply == (kind == "synthesize-start")
    assert isinstance(read(connection, event_bytes("describe"))[0], Describe)


def test_a_wrong_chunk_refuses_the_stream_that_it_is_in() -> None:
    connection = WyomingConnection(LIMIT)
    events = read(
        connection,
        inline("synthesize-start"),
        inline("synthesize-chunk", text=None),
        inline("synthesize-stop"),
    )
    assert [type(event) for event in events] == [BeginReply, RefuseReply, EndReply]


def test_a_second_start_ends_the_stream_before_it() -> None:
    events = read(WyomingConnection(LIMIT), inline("synthesize-start"), inline("synthesize-start"))
    assert [type(event) for event in events] == [BeginReply, EndReply, BeginReply]


def test_chunks_and_stops_without_a_stream_are_ignored() -> None:
    assert not read(WyomingConnection(LIMIT), inline("synthesize-chunk", text="a"), inline("synthesize-stop"))


def test_random_bytes_give_events_or_a_refusal() -> None:
    dice = random.Random(11)
    for _ in range(2000):
        data = bytearray(SCRIPT)
        for _ in range(dice.randrange(1, 6)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        connection = WyomingConnection(LIMIT)
        try:
            connection.receive(bytes(data))
        except RemoteError as error:
            assert error.code in ("invalid_input_message", "message_too_big")
