"""Every accepted stream, made safe: a deadline on each write, and bytes that were read put back.

Without the deadline one client that stops reading keeps its task for ever; under hypercorn, which
shields its sends from cancellation, it even keeps the whole server from being cancelled.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import trio

CLOSE_TIMEOUT_S = 1.0
"""For what closing has to say (TLS close_notify); after it the stream is dropped."""
READ_BYTES = 64 * 1024
WRITE_BYTES = 16 * 1024
"""The deadline is for this many bytes: a player that reads at 32 kbit/s takes them in 4 s."""

RawStream = trio.SocketStream | trio.SSLStream[trio.SocketStream]


class GuardedStream(trio.abc.Stream):
    """A TCP or TLS stream with a write deadline.

    Sending raises `trio.BrokenResourceError` when the peer does not take WRITE_BYTES within
    `write_timeout_s`.  A send that was cut short, by the deadline or by cancellation, leaves half a
    message on the wire, so the stream is dropped then and takes no further ones.
    """

    def __init__(self, stream: RawStream, write_timeout_s: float) -> None:
        self._stream = stream
        self._write_timeout_s = write_timeout_s
        self._put_back = b""

    @property
    def is_encrypted(self) -> bool:
        """Whether it speaks TLS."""
        return isinstance(self._stream, trio.SSLStream)

    @property
    def has_unread(self) -> bool:
        """Whether `receive_some` returns without asking the system."""
        return bool(self._put_back)

    def peer_address(self) -> tuple[str, int] | None:
        """The host and port of the peer; None when it is gone."""
        return _address(self._socket().getpeername)

    def own_address(self) -> tuple[str, int] | None:
        """The host and port that the peer connected to."""
        return _address(self._socket().getsockname)

    def has_failed(self) -> bool:
        """Whether the peer has reset the connection, or it is closed here; never waits.

        It looks at the socket, for a stream that is not read.
        """
        try:
            return self._socket().getsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_ERROR) != 0
        except OSError:
            return True

    def put_back(self, data: bytes) -> None:
        """Let the next `receive_some` return these bytes first."""
        self._put_back = data + self._put_back

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send within the deadline, or drop the stream."""
        done = False
        try:
            with trio.move_on_after(self._write_timeout_s) as scope:
                for start in range(0, len(data), WRITE_BYTES):
                    scope.deadline = trio.current_time() + self._write_timeout_s
                    await self._stream.send_all(data[start : start + WRITE_BYTES])
                done = True
        finally:
            if not done:
                await self.drop()
        if not done:
            raise trio.BrokenResourceError(f"the peer took nothing for {self._write_timeout_s} s")

    def send_nowait(self, data: bytes | bytearray | memoryview) -> int:
        """Send what the peer accepts at once; returns how many bytes, never waits or raises.

        The rest, perhaps all of it, is for `send_all`, which also finds out what is wrong.  Not to be
        called while a send is under way.  It costs a system call, where `send_all` takes a cancel scope
        and a turn of the loop for each WRITE_BYTES.
        """
        # Not on TLS: only Trio's stream can make its records.  `os.write`, because Trio's sockets have no
        # call that never waits; Windows has no `os.write` for sockets.
        if sys.platform == "win32" or isinstance(self._stream, trio.SSLStream):
            return 0
        try:
            return os.write(self._stream.socket.fileno(), data)
        except OSError:  # no room, or the stream is closed or broken
            return 0

    async def wait_send_all_might_not_block(self) -> None:
        """As the stream below; unused by those we hand this to."""
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Bytes that were put back, else the next bytes; empty at the end."""
        if self._put_back:
            await trio.lowlevel.checkpoint()
            limit = len(self._put_back) if max_bytes is None else max_bytes
            data, self._put_back = self._put_back[:limit], self._put_back[limit:]
            return data
        return await self._stream.receive_some(max_bytes)

    async def aclose(self) -> None:
        """Close within CLOSE_TIMEOUT_S."""
        with trio.move_on_after(CLOSE_TIMEOUT_S):
            await self._stream.aclose()

    def _socket(self) -> trio.socket.SocketType:
        stream = self._stream.transport_stream if isinstance(self._stream, trio.SSLStream) else self._stream
        return stream.socket

    async def drop(self) -> None:
        """Close at once."""
        await trio.aclose_forcefully(self._stream)

    async def linger(self) -> None:
        """Say that we are done and swallow what the peer still sends, for CLOSE_TIMEOUT_S at most.

        Closing a socket with unread bytes resets the connection, and the reset may overtake an answer
        that the peer has not read yet.  TLS cannot half close, so that is done to the TCP stream below it.
        """
        raw = self._stream.transport_stream if isinstance(self._stream, trio.SSLStream) else self._stream
        with trio.move_on_after(CLOSE_TIMEOUT_S):
            try:
                await raw.send_eof()
                while await raw.receive_some(READ_BYTES):
                    pass
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass
            except trio.BusyResourceError:
                pass  # the peer does not read, so it waits for no answer


def _address(ask: Callable[[], Any]) -> tuple[str, int] | None:
    try:
        host, port = ask()[:2]
    except OSError:
        return None
    return str(host), int(port)
