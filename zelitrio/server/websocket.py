"""The server's WebSocket on a guarded stream.  wsproto parses frames; messages are sent without waiting.

trio-websocket, which the client uses, is more general.  It needs a task and a channel for every connection,
and a lock, a cancel scope and three turns of the loop for every message.  With it an utterance of 5 s took
126 turns of the loop; now it takes 33, also because there are fewer messages.  On a GPU the loop limits the
server.
"""

from __future__ import annotations

import contextvars
import io
import struct
from contextlib import suppress

import attrs
import trio
from wsproto.connection import ConnectionState
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage
from wsproto.utilities import generate_accept_token

from zelitrio.server.frames import Frames
from zelitrio.server.guarded import GuardedStream
from zelitrio.server.head import RequestHead
from zelitrio.session import PeerLeft

CLOSE_HANDSHAKE_S = 2.0
"""Time to wait for the peer's close frame.  Pipecat waits as long for ours."""
FRAMES_AT_ONCE = 4
"""Frames handled before other tasks run: a greeting, a text, its flush and the end.  Frames count, not
messages: one read can hold 680 pings, which take 12 ms."""
READ_BYTES = 4096
"""Bytes per read: enough for a text and its flush."""
MAX_UNSENT_PONGS = 16 * 1024
"""Unsent bytes above which pings are not answered, for peers that send pings and do not read."""
_TOO_BIG, _GONE = 1009, 1006


@attrs.frozen
class HandshakeError(Exception):
    """The upgrade is not valid; `status` is the HTTP status of the answer."""

    status: int
    message: str


def accept_answer(head: RequestHead) -> bytes:
    """The answer that accepts an upgrade (RFC 6455, section 4.2), without extensions.

    Raises:
        HandshakeError: the request is not a valid WebSocket handshake.
    """
    headers = dict(head.headers)
    connection = ",".join(value for name, value in head.headers if name == "connection")  # may come twice
    if head.method != "GET":
        raise HandshakeError(400, f"method: expected GET for an upgrade, found {head.method}")
    if "upgrade" not in [token.strip().lower() for token in connection.split(",")]:
        raise HandshakeError(400, "connection: expected Upgrade")
    version, key = headers.get("sec-websocket-version"), headers.get("sec-websocket-key")
    if version != "13":
        raise HandshakeError(426 if version else 400, f"sec-websocket-version: expected 13, found {version}")
    if not key or not key.isascii():
        raise HandshakeError(400, "sec-websocket-key: expected a key")
    token = generate_accept_token(key.encode())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + token + b"\r\n\r\n"
    )


TEXT, BINARY = 0x81, 0x82
"""The first byte of a message that is a single frame."""


def frame_head(kind: int, size: int) -> bytes:
    """The header of a server's frame with a whole message, which is not masked (RFC 6455, section 5.2)."""
    if size < 126:
        return bytes((kind, size))
    if size < 1 << 16:
        return struct.pack("!BBH", kind, 126, size)
    return struct.pack("!BBQ", kind, 127, size)


def _bytes_in(data: str | bytes | bytearray) -> int:
    if isinstance(data, str) and not data.isascii():  # isascii takes constant time
        return len(data.encode())
    return len(data)


class WebSocket:
    """One accepted socket, a transport of `zelitrio.session.run_socket`.

    The opener of the stream closes it.  The peer's pings are answered while a task receives.

    Args:
        stream: the stream after the request was read.
        nursery: sends the rest of a control frame that the peer does not take at once.
        max_message_bytes: a longer message closes the socket with 1009.
        answer: accepts the request (`accept_answer`); sent now.
        received: bytes after the request.
    """

    def __init__(
        self,
        stream: GuardedStream,
        nursery: trio.Nursery,
        max_message_bytes: int,
        *,
        answer: bytes = b"",
        received: bytes = b"",
    ) -> None:
        self._stream = stream
        self._nursery = nursery
        self._max_message_bytes = max_message_bytes
        self._frames = Frames(received)
        self._parts: io.StringIO | io.BytesIO | None = None
        self._part_bytes = 0
        self._at_once = FRAMES_AT_ONCE
        self._unsent = bytearray()
        self._flushing = trio.Lock()
        self._code: int | None = None
        self._is_closed = trio.Event()
        self._context = contextvars.copy_context()
        self._pings = 0
        self._pong = trio.Event()
        self._post(answer)

    @property
    def close_code(self) -> int | None:
        """The close code of the side that closed first; None while the socket is open."""
        return self._code

    async def receive(self) -> str | bytes:
        """See `run_socket`'s transport."""
        while (message := self.receive_nowait()) is None:
            if self._is_closed.is_set():
                raise PeerLeft(f"closed with {self._code}")
            if self._at_once:
                await self._read()
            else:
                self._at_once = FRAMES_AT_ONCE
                await trio.lowlevel.checkpoint()
        return message

    def receive_nowait(self) -> str | bytes | None:
        """See `run_socket`'s transport."""
        while self._at_once and not self._is_closed.is_set():
            found = self._frames.next()
            if found is None:
                return None
            self._at_once -= 1
            message = self._take_text(found) if isinstance(found, str) else self._take(found)
            if message is not None:
                return message
        return None

    async def _read(self) -> None:
        try:
            data = await self._stream.receive_some(READ_BYTES)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            data = b""
        self._at_once = FRAMES_AT_ONCE
        if not data:
            self._end(_GONE)
        else:
            self._frames.receive_data(bytes(data))

    def _take(self, event: Event) -> str | bytes | None:
        """Handle a frame; return the message that it completes, if any."""
        match event:
            case TextMessage() | BytesMessage():
                return self._take_part(event)
            case Ping():
                is_open = self._frames.state is ConnectionState.OPEN  # after a close no frame is allowed
                if is_open and len(self._unsent) < MAX_UNSENT_PONGS:
                    self._post(self._frames.send(event.response()))
            case Pong():
                self._pong.set()
            case CloseConnection():
                # Reply to the peer's close.  A malformed close frame gets its error code.
                if self._frames.state in (ConnectionState.REMOTE_CLOSING, ConnectionState.OPEN):
                    self._post(self._frames.send(event.response()))
                self._end(int(event.code))
            case _:
                pass
        return None

    def _take_text(self, text: str) -> str | None:
        if self._code is not None:
            return None  # this side has closed: later data of the peer is ignored
        return text if self._fits(_bytes_in(text)) else None

    def _fits(self, size: int) -> bool:
        """Close with 1009 if a message is too large."""
        if size <= self._max_message_bytes:
            return True
        reason = f"Exceeded maximum message size: {self._max_message_bytes} bytes"
        self._post(self._frames.send(CloseConnection(_TOO_BIG, reason)))
        self._end(_TOO_BIG)
        return False

    def _take_part(self, event: TextMessage | BytesMessage) -> str | bytes | None:
        if self._code is not None:
            return None
        self._part_bytes += _bytes_in(event.data)
        if not self._fits(self._part_bytes):
            return None
        if event.message_finished and self._parts is None:
            self._part_bytes = 0
            return event.data if isinstance(event, TextMessage) else bytes(event.data)
        if self._parts is None:
            # A buffer, because any number of empty parts could fill a list.
            self._parts = io.StringIO() if isinstance(event, TextMessage) else io.BytesIO()
        self._parts.write(event.data)  # type: ignore[arg-type]  # all of one message are of one kind
        if not event.message_finished:
            return None
        message = self._parts.getvalue()
        self._parts, self._part_bytes = None, 0
        return message

    def _end(self, code: int) -> None:
        self._code = self._code or code
        self._is_closed.set()

    def offer(self, *messages: str | bytes) -> bool:
        """See `run_socket`'s transport; bytes leave as a binary message."""
        if self._frames.state is not ConnectionState.OPEN:
            return True  # after a close of either side no frame is allowed
        parts: list[bytes] = []
        for message in messages:
            kind, payload = (BINARY, message) if isinstance(message, bytes) else (TEXT, message.encode())
            parts += (frame_head(kind, len(payload)), payload)
        return self._push(b"".join(parts))

    async def flush(self) -> None:
        """See `run_socket`'s transport."""
        try:
            async with self._flushing:
                while self._unsent:
                    data, self._unsent = self._unsent, bytearray()
                    await self._stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._end(_GONE)
            raise PeerLeft("the peer is gone or takes nothing") from None

    def close_nowait(self, code: int, reason: str) -> float | None:
        """See `run_socket`'s transport."""
        is_open = self._code is None and self._frames.state is ConnectionState.OPEN
        if not is_open or self._unsent or self._flushing.locked():
            return None
        self._code = code
        self._post(self._frames.send(CloseConnection(code, reason)))
        return CLOSE_HANDSHAKE_S

    async def close(self, code: int, reason: str) -> None:
        """Send the close frame and wait for the peer's, for at most CLOSE_HANDSHAKE_S.

        Another task must be receiving at the same time.
        """
        if self._code is not None or self._frames.state is not ConnectionState.OPEN:
            return
        self._code = code
        with trio.move_on_after(CLOSE_HANDSHAKE_S):
            try:
                if not self._push(self._frames.send(CloseConnection(code, reason))):
                    await self.flush()
            except PeerLeft:
                return
            await self._is_closed.wait()

    async def finish(self) -> None:
        """Send unsent data to a peer that has closed, within CLOSE_HANDSHAKE_S; never raises."""
        if not self._unsent and not self._flushing.locked():
            return
        with trio.move_on_after(CLOSE_HANDSHAKE_S), suppress(PeerLeft):
            await self.flush()

    async def fail(self, code: int, reason: str) -> None:
        """Send the close frame without waiting for the peer's, within CLOSE_HANDSHAKE_S; never raises."""
        if self._frames.state is ConnectionState.OPEN:
            self._code = self._code or code
            self._push(self._frames.send(CloseConnection(code, reason)))
        await self.finish()

    def begin_ping(self, wait_s: float) -> None:
        """Ping the peer in a task of the nursery, and drop the stream if no answer comes in time."""
        if self._frames.state is ConnectionState.OPEN:
            # The task's log lines need the request id of the socket.
            self._context.run(self._nursery.start_soon, self.ping, wait_s)

    async def ping(self, wait_s: float) -> None:
        """Ping the peer and wait for its answer; without one, drop the stream."""
        if self._frames.state is not ConnectionState.OPEN:
            return
        answered = self._pong = trio.Event()
        self._pings += 1
        self._post(self._frames.send(Ping(struct.pack("!I", self._pings & 0xFFFFFFFF))))
        with trio.move_on_after(wait_s):
            await answered.wait()
        if not answered.is_set():
            await self._stream.drop()

    def _post(self, frame: bytes) -> None:
        """Send a control frame, now or as soon as the peer takes it."""
        if not self._push(frame) and not self._flushing.locked():
            self._nursery.start_soon(self._flush_quietly)

    async def _flush_quietly(self) -> None:
        with suppress(PeerLeft):  # the receiving task gets this error, too
            await self.flush()

    def _push(self, frame: bytes) -> bool:
        """Queue bytes and send as many as the peer accepts at once; return whether all were sent."""
        if self._unsent or self._flushing.locked():
            self._unsent += frame
            return False
        sent = self._stream.send_nowait(frame)
        if sent == len(frame):
            return True
        self._unsent += memoryview(frame)[sent:]
        return False
