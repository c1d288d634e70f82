"""A stream with a deadline for each write, into which read bytes can be put back.

Without the deadline a client that stops reading would hold its task for ever.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import trio

CLOSE_TIMEOUT_S = 1.0
"""Time to close in order (TLS close_notify); then the stream is dropped."""
READ_BYTES = 64 * 1024
WRITE_BYTES = 16 * 1024
"""The write deadline applies to this many bytes.  A player that reads 32 kbit/s takes them in 4 s."""

_USES_DESCRIPTORS = sys.platform != "win32"
"""Windows has no `os.read` and `os.write` for sockets."""

RawStream = trio.SocketStream | trio.SSLStream[trio.SocketStream]


class GuardedStream(trio.abc.Stream):
    """A TCP or TLS stream with a write deadline.

    Sending raises `trio.BrokenResourceError` if the peer does not take WRITE_BYTES within `write_timeout_s`.
    After a deadline or cancellation half a message may be sent, so the stream is dropped.
    """

    def __init__(self, stream: RawStream, write_timeout_s: float) -> None:
        self._stream = stream
        self._write_timeout_s = write_timeout_s
        self._put_back = b""
        # Not with TLS: only Trio's stream can make TLS records.
        is_plain = _USES_DESCRIPTORS and not isinstance(stream, trio.SSLStream)
        self._plain_socket = stream.socket if is_plain else None
        """The socket, if this class may read and write it by system calls."""

    @property
    def is_encrypted(self) -> bool:
        """Whether it uses TLS."""
        return isinstance(self._stream, trio.SSLStream)

    @property
    def has_unread(self) -> bool:
        """Whether `receive_some` has bytes that were put back."""
        return bool(self._put_back)

    def peer_address(self) -> tuple[str, int] | None:
        """The peer's host and port; None if the peer is gone."""
        return _address(self._socket().getpeername)

    def own_address(self) -> tuple[str, int] | None:
        """The host and port that the peer connected to."""
        return _address(self._socket().getsockname)

    def has_failed(self) -> bool:
        """Whether the peer has reset the connection, or it was closed here; never waits.

        It asks the operating system; use it only while no task reads.
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
            raise trio.BrokenResourceError(f"the peer read nothing for {self._write_timeout_s} s")

    def send_nowait(self, data: bytes | bytearray | memoryview) -> int:
        """Send what the peer accepts at once, and return the number of bytes; never waits or raises.

        Send the rest with `send_all`, which also raises errors.  Do not call it during another send.  It
        costs one system call; `send_all` needs a cancel scope and a turn of the loop per WRITE_BYTES.
        """
        if self._plain_socket is None:
            return 0
        try:
            # Trio's sockets have no send that never waits.
            return os.write(self._plain_socket.fileno(), data)
        except OSError:  # no room, or the stream is closed or broken
            return 0

    async def wait_send_all_might_not_block(self) -> None:
        """See the wrapped stream.  Required by the interface; nothing calls it."""
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Return the bytes that were put back, or wait for the next bytes; empty at the end."""
        if self._put_back:
            await trio.lowlevel.checkpoint()
            limit = len(self._put_back) if max_bytes is None else max_bytes
            data, self._put_back = self._put_back[:limit], self._put_back[limit:]
            return data
        if self._plain_socket is not None:
            return await _read(self._plain_socket, READ_BYTES if max_bytes is None else max_bytes)
        return await self._stream.receive_some(max_bytes)

    async def aclose(self) -> None:
        """Close within CLOSE_TIMEOUT_S."""
        if isinstance(self._stream, trio.SSLStream):
            with trio.move_on_after(CLOSE_TIMEOUT_S):
                await self._stream.aclose()
        else:
            self._stream.socket.close()  # without TLS there is nothing to wait for

    def _socket(self) -> trio.socket.SocketType:
        stream = self._stream.transport_stream if isinstance(self._stream, trio.SSLStream) else self._stream
        return stream.socket

    async def drop(self) -> None:
        """Close at once."""
        await trio.aclose_forcefully(self._stream)

    async def linger(self) -> None:
        """End the sending side and discard further input, for at most CLOSE_TIMEOUT_S.

        Closing a socket with unread bytes resets the connection, and the peer may lose the answer.  TLS
        cannot close one side only, so the TCP stream below is used.
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
                pass  # the peer has not read the answer, so it will not miss the rest


async def _read(socket: trio.socket.SocketType, most_bytes: int) -> bytes:
    """Wait for bytes and read them; empty at the end.

    Trio's stream reads before it waits, which costs a system call and an error for nearly every message.
    """
    while True:
        if socket.fileno() < 0:
            raise trio.ClosedResourceError("this side has closed the connection")
        await trio.lowlevel.wait_readable(socket)
        try:
            return os.read(socket.fileno(), most_bytes)
        except BlockingIOError:
            continue
        except OSError as error:
            raise trio.BrokenResourceError(f"the connection broke: {error}") from error


def _address(ask: Callable[[], Any]) -> tuple[str, int] | None:
    try:
        host, port = ask()[:2]
    except OSError:
        return None
    return str(host), int(port)
