"""The bench's own WebSocket code against wsproto, as the sender and as the receiver."""

from __future__ import annotations

import random

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Ping, Request, TextMessage

from zelitrio.bench_client import wire


def served() -> tuple[WSConnection, bytes]:
    """A wsproto server that has accepted our upgrade, and its answer."""
    server = WSConnection(ConnectionType.SERVER)
    server.receive_data(
        wire.upgrade("127.0.0.1", "/v1/text-to-speech/v/stream-input?output_format=pcm_24000")
    )
    (request,) = server.events()
    assert isinstance(request, Request)
    assert request.target.endswith("output_format=pcm_24000")
    return server, server.send(AcceptConnection())


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536, 200_000])
def test_a_server_reads_our_frames_of_every_size(size: int) -> None:
    server, _ = served()
    server.receive_data(wire.frame(wire.TEXT, b"x" * size))
    text = "".join(event.data for event in server.events() if isinstance(event, TextMessage))
    assert text == "x" * size


def test_a_server_reads_our_messages_and_our_close_frame() -> None:
    server, _ = served()
    server.receive_data(wire.message({"text": "Grüße ", "flush": True}) + wire.close(1000))
    said, goodbye = server.events()
    assert isinstance(said, TextMessage) and said.data == '{"text":"Grüße ","flush":true}'
    assert isinstance(goodbye, CloseConnection) and goodbye.code == 1000


@pytest.mark.parametrize("seed", range(5))
def test_a_servers_messages_are_read_in_any_pieces(seed: int) -> None:
    server, answer = served()
    texts = ["", "a" * 125, "b" * 126, "c" * 70_000, "d"]
    sent = answer + b"".join(server.send(TextMessage(text)) for text in texts)
    sent += server.send(Ping(b"there?")) + server.send(CloseConnection(1000, "done"))
    chance, reader, found, at = random.Random(seed), wire.FrameReader(), [], 0
    while at < len(sent):
        step = chance.choice((1, 2, 7, 1000, 50_000))
        found += list(reader.feed(sent[at : at + step]))
        at += step
    assert [payload.decode() for opcode, payload in found if opcode == wire.TEXT] == texts
    assert [(opcode, payload) for opcode, payload in found if opcode != wire.TEXT] == [
        (wire.PING, b"there?"),
        (wire.CLOSE, b"\x03\xe8done"),
    ]


def test_the_error_of_a_refused_upgrade_contains_the_answer() -> None:
    with pytest.raises(wire.WireError, match="404"):
        list(wire.FrameReader().feed(b"HTTP/1.1 404 Not Found\r\n\r\n"))


def test_messages_that_come_with_the_answer_are_read_whatever_their_length() -> None:
    payload = b"x" * 60_000
    data = b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + 3 * (
        b"\x81\x7e" + len(payload).to_bytes(2, "big") + payload
    )
    assert list(wire.FrameReader().feed(data)) == [(wire.TEXT, payload)] * 3


def test_an_endless_head_is_refused() -> None:
    with pytest.raises(wire.WireError, match="expected an HTTP answer"):
        list(wire.FrameReader().feed(b"HTTP/1.1 101 " + b"x" * 100_000))


def test_a_message_in_pieces_is_joined_also_around_a_ping() -> None:
    data = b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x01\x01a\x89\x00\x80\x01b\x81\x01c"
    assert list(wire.FrameReader().feed(data)) == [(wire.PING, b""), (wire.TEXT, b"ab"), (wire.TEXT, b"c")]
