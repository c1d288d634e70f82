"""The interface of a conversation to its wire: four calls that any message pipe can offer."""

from __future__ import annotations

from typing import Protocol

from zelitrio.errors import ZelitrioError


class PeerLeft(ZelitrioError):  # noqa: N818 - what happened, as trio.EndOfChannel is
    """The peer is gone: it closed, vanished, or stopped taking what we send."""


class SocketTransport(Protocol):
    """A two-way pipe of whole messages with a close code, as a WebSocket is one.

    One task calls `receive`, one other `flush` and `close`.  Any task calls `offer` while nothing waits.
    """

    async def receive(self) -> str | bytes:
        """The peer's next message.

        Waits for it, or not at all if it is there already, but lets others run every few messages.
        Cancelling it loses no message.

        Raises:
            PeerLeft: the peer is gone, or the close that `close` began is complete.
        """

    def offer(self, *messages: str) -> bool:
        """Take text messages and send what the peer accepts of them at once; never waits or raises.

        Returns:
            Whether all of them have left.  If not, the rest goes before everything later, by `flush`.
        """

    async def flush(self) -> None:
        """Wait until all that was offered has left; bounded in time by the transport itself.

        Cancelling it may leave half a message on the wire: the caller gives the transport up then.

        Raises:
            PeerLeft: the peer is gone or took too long to accept it.
        """

    async def close(self, code: int, reason: str) -> None:
        """Close towards the peer; bounded in time, idempotent, raises nothing when it is gone."""
