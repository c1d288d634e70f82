"""What a conversation needs of the wire under it: three calls, so that any message pipe will do."""

from __future__ import annotations

from typing import Protocol

from zelitrio.errors import ZelitrioError


class PeerLeft(ZelitrioError):  # noqa: N818 - what happened, as trio.EndOfChannel is
    """The peer is gone: it closed, vanished, or stopped taking what we send."""


class SocketTransport(Protocol):
    """A two-way pipe of whole messages with a close code, as a WebSocket is one.

    `receive` is called by one task and `send` and `close` by one other task.
    """

    async def receive(self) -> str | bytes:
        """Wait for the peer's next message.

        Cancelling it loses no message.

        Raises:
            PeerLeft: the peer is gone, or `close` was called here.
        """

    async def send(self, text: str) -> None:
        """Send one text message; bounded in time by the transport itself.

        Cancelling it may leave half a message on the wire: the caller gives the transport up then.

        Raises:
            PeerLeft: the peer is gone or took too long to accept the message.
        """

    async def close(self, code: int, reason: str) -> None:
        """Close towards the peer; bounded in time, idempotent, raises nothing when it is gone."""
