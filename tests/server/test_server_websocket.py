"""The server's WebSocket: frames in pieces, pings, closes, and peers that read late or not at all."""

from __future__ import annotations

import base64
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import orjson
import pytest
import trio
import trio.testing
from running import VOICE, read_all, running
from scripted_engine import ScriptedEngine, pcm_of
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Event, Message, Ping, Pong, TextMessage

from zelitrio.server.guarded import GuardedStream
from zelitrio.server.head import RequestHead
from zelitrio.server.keep_alive import KeepAlive
from zelitrio.server.websocket import FRAMES_AT_ONCE, WebSocket, accept_answer
from zelitrio.session import PeerLeft

TEXT = "Hello there, this is a sentence to be spoken. "
PATH = f"/v1/text-to-speech/{VOICE}/stream-input?output_format=pcm_24000"
HEADERS = {
    "Host": "x",
    "Upgrade": "websocket",
    "Connection": "keep-alive, Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def upgrade(**changed: str | None) -> bytes:
    """A request; `changed` headers are named with underscores, and None removes one."""
    headers = {**HEADERS, **{name.replace("_", "-"): value for name, value in changed.items()}}
    lines = [f"{name}: {value}\r\n" for name, value in headers.items() if value is not None]
    return f"GET {PATH} HTTP/1.1\r\n{''.join(lines)}\r\n".encode()


class Peer:
    """The client's side, frame by frame."""

    def __init__(self) -> None:
        self.frames = Connection(ConnectionType.CLIENT)

    def say(self, **fields: Any) -> bytes:
        return self.frames.send(TextMessage(orjson.dumps(fields).decode()))

    def read(self, data: bytes) -> list[Event]:
        self.frames.receive_data(data)
        return list(self.frames.events())


def audio_in(events: list[Event]) -> np.ndarray:
    text = "".join(event.data for event in events if isinstance(event, TextMessage))
    frames = [orjson.loads(line) for line in text.replace("}{", "}\n{").splitlines()]
    audio = b"".join(base64.b64decode(frame["audio"]) for frame in frames if frame["audio"])
    return np.frombuffer(audio, "<i2").astype(np.float32) / 32768


async def test_frames_after_the_request_may_come_in_pieces_with_pings_between():
    peer = Peer()
    half, rest = TEXT[:20], TEXT[20:]
    data = (
        upgrade()
        + peer.frames.send(Message(data='{"text": "' + half, message_finished=False))
        + peer.frames.send(Ping(b"there?"))
        + peer.frames.send(Message(data=rest + '"}'))
        + peer.say(text="")
    )
    async with running() as server, await server.connect() as stream:
        await stream.send_all(data)
        with trio.fail_after(3):
            answer = b""
            while b"\x03\xe8" not in answer[-2:]:  # the code of the close frame, which comes last
                answer += await stream.receive_some()
    head, _, sent = answer.partition(b"\r\n\r\n")
    assert b"101" in head and b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head  # of RFC 6455, section 1.3
    events = peer.read(sent)
    assert [event.payload for event in events if isinstance(event, Pong)] == [b"there?"]
    np.testing.assert_allclose(audio_in(events), pcm_of(TEXT), atol=1e-4)
    assert isinstance(events[-1], CloseConnection) and events[-1].code == 1000


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"Sec_WebSocket_Version": "8"}, 426),
        ({"Sec_WebSocket_Version": None}, 400),
        ({"Sec_WebSocket_Key": None}, 400),
        ({"Connection": "keep-alive"}, 400),
    ],
)
async def test_an_invalid_upgrade_is_answered_in_http(changed, status):
    async with running() as server, await server.connect() as stream:
        await stream.send_all(upgrade(**changed))
        with trio.fail_after(3):
            answer = await read_all(stream)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert (status == 426) == (b"sec-websocket-version: 13" in answer.lower())


def test_the_connection_header_may_be_repeated():
    twice = [("connection", "Upgrade"), ("connection", "keep-alive")]
    others = [(name.lower(), value) for name, value in HEADERS.items() if name != "Connection"]
    assert b"101" in accept_answer(RequestHead("GET", PATH, (*others, *twice), raw=b""))


async def test_a_client_that_reads_late_gets_everything_whole_and_in_order():
    peer = Peer()
    text = TEXT * 40
    async with running(ScriptedEngine(block_ms=1000)) as server:
        raw = trio.socket.socket()
        raw.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_RCVBUF, 4096)  # the server must wait for us
        await raw.connect(("127.0.0.1", server.port))
        async with trio.SocketStream(raw) as stream:
            await stream.send_all(upgrade() + peer.say(text=text) + peer.say(text=""))
            await trio.sleep(0.3)
            await stream.send_all(peer.frames.send(Ping(b"late")))
            await trio.sleep(0.1)
            sent = b""
            with trio.fail_after(5):
                while b"\x03\xe8" not in sent[-2:]:
                    sent += await stream.receive_some()
    events = peer.read(sent.partition(b"\r\n\r\n")[2])
    assert [event.payload for event in events if isinstance(event, Pong)] == [b"late"]
    expected = np.concatenate([pcm_of(one) for one in server.engine.fed()])
    np.testing.assert_allclose(audio_in(events), expected, atol=1e-4)


@asynccontextmanager
async def accepted(max_message_bytes: int = 1000, send_buffer: int | None = None):
    """Yield a socket without a server, the stream of its peer, and the peer."""
    ours, theirs = trio.socket.socketpair()
    if send_buffer is not None:
        ours.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_SNDBUF, send_buffer)
    async with (
        trio.SocketStream(ours) as raw,
        trio.SocketStream(theirs) as stream,
        trio.open_nursery() as nursery,
    ):
        yield WebSocket(GuardedStream(raw, 5), nursery, max_message_bytes), stream, Peer()
        nursery.cancel_scope.cancel()


async def hear(stream: trio.SocketStream, peer: Peer) -> list[Event]:
    """Wait for events at the peer."""
    events: list[Event] = []
    with trio.move_on_after(0.2):
        while data := await stream.receive_some():
            events += peer.read(data)
    return events


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"\x83\x80\0\0\0\0", 1002),  # not a valid opcode
        (b"\x81\x81\0\0\0\0\xff", 1007),  # not valid UTF-8
        (b"\x82\xfe\x08\0\0\0\0\0" + bytes(2048), 1009),  # more than is allowed
        (b"\x88\x82\0\0\0\0\x03\xe9", 1001),  # a close, which is answered with its code
    ],
)
async def test_a_closed_peer_gets_the_reason(sent, code):
    async with accepted() as (socket, stream, peer):
        await stream.send_all(sent)
        with trio.fail_after(2), pytest.raises(PeerLeft):
            await socket.receive()
        await socket.finish()
        events = await hear(stream, peer)
        assert isinstance(events[-1], CloseConnection) and events[-1].code == code
        assert socket.close_code == code


async def test_a_client_that_pings_and_never_reads_is_not_answered_for_ever():
    async with accepted(send_buffer=4096) as (socket, stream, peer):
        pings = 2000
        async with trio.open_nursery() as nursery:
            nursery.start_soon(socket.receive)
            for number in range(pings):
                await stream.send_all(peer.frames.send(Ping(b"%0125d" % number)))
            await trio.sleep(0.05)
            # The first pings are answered in order, the others after it reads again.
            events = await hear(stream, peer)
            await stream.send_all(peer.frames.send(Ping(b"again")))
            events += await hear(stream, peer)
            nursery.cancel_scope.cancel()
        payloads = [bytes(event.payload) for event in events if isinstance(event, Pong)]
        assert 10 < len(payloads) < pings and payloads[-1] == b"again"
        assert payloads[:10] == [b"%0125d" % number for number in range(10)]


@pytest.mark.parametrize("kind", ["messages", "pings", "pieces"])
async def test_a_client_that_sends_many_frames_at_once_lets_others_run(kind):
    async with accepted() as (socket, stream, peer):
        frames = {
            "messages": [peer.say(text="x") for _ in range(40)],
            "pings": [peer.frames.send(Ping()) for _ in range(39)] + [peer.say(text="x")],
            "pieces": [peer.frames.send(Message("x", message_finished=at == 39)) for at in range(40)],
        }[kind]
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                await trio.lowlevel.checkpoint()
                turns += 1

        async with trio.open_nursery() as nursery:
            nursery.start_soon(count)
            await stream.send_all(b"".join(frames))
            before = turns
            for _ in range(40 if kind == "messages" else 1):
                await socket.receive()
            assert turns - before >= 40 // FRAMES_AT_ONCE - 1
            nursery.cancel_scope.cancel()


async def test_a_message_of_countless_empty_pieces_is_one_message():
    async with accepted() as (socket, stream, peer):
        pieces = ["some", *[""] * 500]
        sent = [peer.frames.send(Message(piece, message_finished=False)) for piece in pieces]
        await stream.send_all(b"".join([*sent, peer.frames.send(Message("thing"))]))
        with trio.fail_after(2):
            assert await socket.receive() == "something"


@pytest.mark.parametrize("side", ["client", "server"])
async def test_nothing_follows_a_close_frame(side):
    async with accepted() as (socket, stream, peer):
        if side == "client":
            await stream.send_all(peer.frames.send(CloseConnection(1000)))
            with pytest.raises(PeerLeft):
                await socket.receive()
        else:
            await stream.send_all(peer.frames.send(Message("x" * 2000)))
            with pytest.raises(PeerLeft):
                await socket.receive()
        assert socket.offer("too late")  # as from a task that was about to run
        sent = await stream.receive_some()
        assert sent[:1] == b"\x88" and len(sent) == 2 + sent[1]  # one frame, a close


@pytest.mark.parametrize(("sent", "code"), [(b"\x83\x80\0\0\0\0", 1002), (b"\x81\x81\0\0\0\0\xff", 1007)])
async def test_data_after_an_invalid_frame_causes_no_reset(sent, code):
    async with running() as server, await server.connect() as stream:
        await stream.send_all(upgrade() + sent)
        with trio.fail_after(3):
            answer = await read_all(stream)
        assert code.to_bytes(2, "big") in answer.partition(b"\r\n\r\n")[2]
        for _ in range(2):  # the second read would show a reset
            await stream.send_all(bytes(1000))
            await trio.sleep(0.05)


async def test_closing_a_peer_that_reads_nothing_raises_no_error():
    ours, theirs = trio.socket.socketpair()
    async with trio.SocketStream(ours) as raw, trio.SocketStream(theirs), trio.open_nursery() as nursery:
        stream = GuardedStream(raw, 5)
        nursery.start_soon(stream.send_all, bytes(4 << 20))
        await trio.testing.wait_all_tasks_blocked()
        with trio.fail_after(3):
            await stream.linger()
        nursery.cancel_scope.cancel()


async def test_our_close_waits_for_the_peers_and_drops_other_messages():
    async with accepted() as (socket, stream, peer):
        heard: list[str | bytes] = []

        async def receive() -> None:
            with pytest.raises(PeerLeft):
                while True:
                    heard.append(await socket.receive())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(receive)
            nursery.start_soon(socket.close, 1012, "service restart")
            await trio.testing.wait_all_tasks_blocked()
            await stream.send_all(peer.say(text="too late") + peer.frames.send(Ping(b"still there?")))
            close = (await hear(stream, peer))[-1]
            assert isinstance(close, CloseConnection)
            assert (close.code, close.reason) == (1012, "service restart")
            await stream.send_all(peer.frames.send(close.response()))
        assert heard == [] and socket.close_code == 1012


async def test_a_close_without_waiting_is_one_frame_and_comes_once():
    async with accepted() as (socket, stream, peer):
        assert socket.receive_nowait() is None  # nothing has come
        assert socket.close_nowait(1000, "") is not None
        assert socket.close_nowait(1000, "") is None
        close = (await hear(stream, peer))[-1]
        assert isinstance(close, CloseConnection) and close.code == 1000
        await stream.send_all(peer.frames.send(close.response()))
        with pytest.raises(PeerLeft):
            await socket.receive()
        assert socket.close_code == 1000


async def test_a_client_that_does_not_answer_the_close_is_closed_after_a_while(monkeypatch):
    monkeypatch.setattr("zelitrio.server.websocket.CLOSE_HANDSHAKE_S", 0.2)
    async with running() as server, await server.connect() as stream:
        peer = Peer()
        await stream.send_all(upgrade() + peer.say(text=" ") + peer.say(text=TEXT) + peer.say(text=""))
        with trio.fail_after(10):
            answer = await read_all(stream)  # until the server ends the connection
        assert answer[-2:] == b"\x03\xe8"  # the code of its close frame


@pytest.mark.parametrize("seed", range(30))
async def test_any_input_gives_messages_or_a_close(seed):
    random = np.random.default_rng(seed)
    opcodes = [0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x83, 0x88, 0x89, 0x8A, 0xC1]
    data = b""
    for _ in range(30):
        payload = random.bytes(int(random.integers(0, 130)))
        size = (
            bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
        )
        # Mostly valid text: invalid text ends the socket at once.
        if random.random() < 0.9:
            payload = bytes(byte & 0x7F for byte in payload)
        first = random.choice(opcodes, p=[0.1, 0.1, 0.05, 0.15, 0.3, 0.05, 0.01, 0.02, 0.1, 0.1, 0.02])
        data += bytes([int(first)]) + size + bytes(4) + payload
    async with accepted(max_message_bytes=400) as (socket, stream, _), trio.open_nursery() as nursery:
        pings = KeepAlive(0.05)
        pings.add(socket)
        nursery.start_soon(pings.run)
        while data:
            cut = int(random.integers(1, 200))
            await stream.send_all(data[:cut])
            data = data[cut:]
        await stream.send_eof()
        with trio.fail_after(3), pytest.raises(PeerLeft):
            while True:
                assert isinstance(await socket.receive(), str | bytes)
        await socket.finish()
        assert socket.close_code in (1000, 1001, 1002, 1005, 1006, 1007, 1009) or socket.close_code > 1009
        nursery.cancel_scope.cancel()
