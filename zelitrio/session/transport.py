"""The transport of a conversation: the calls of any two-way message pipe."""

from __future__ import annotations

from typing import Protocol

from zelitrio.errors import ZelitrioError


class PeerLeft(ZelitrioError):  # noqa: N818 - what happened, as trio.EndOfChannel is
    """The peer is gone: it closed, vanished, or stopped reading."""


class SocketTransport(Protocol):
    """A two-way pipe of whole messages with a close code, such as a WebSocket.

    One task calls `receive` and `receive_nowait`, another one `flush` and `close`.  Any task may call `offer`
    and `close_nowait`, but not while `flush` waits.
    """

    async def receive(self) -> str | bytes:
        """Wait for the peer's next message.

        Returns without a checkpoint if a message is there, but lets other tasks run every few messages.
        Cancelling it loses no message.

        Raises:
            PeerLeft: the peer is gone, or our close is complete.
        """

    def receive_nowait(self) -> str | bytes | None:
        """The peer's next message if it is there and other tasks need not run first; None: call `receive`."""

    def offer(self, *messages: str) -> bool:
        """Take text messages and send what the peer accepts at once; never waits or raises.

        Returns:
            Whether all were sent.  If not, `flush` sends the rest before later messages.
        """

    async def flush(self) -> None:
        """Wait until all taken messages are sent; the transport bounds the time.

        Cancelling it may leave half a message sent: the transport cannot be used afterwards.

        Raises:
            PeerLeft: the peer is gone or too slow.
        """

    def close_nowait(self, code: int, reason: str) -> float | None:
        """Begin to close the connection with this code, if nothing is unsent.

        Returns:
            Seconds for which to go on receiving, until the peer's close comes; None: call `close` instead.
        """

    async def close(self, code: int, reason: str) -> None:
        """Close the connection with this code.  Bounded in time; does nothing if the peer has left."""
