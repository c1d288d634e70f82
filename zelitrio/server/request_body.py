"""The receive side of one ASGI request: its body, then the disconnect."""

from __future__ import annotations

import trio
from hypercorn.typing import ASGIReceiveEvent
from starlette.types import Message

from zelitrio.session import Signal

MAX_UNREAD_BYTES = 128 * 1024
"""Waiting bytes for the application; further bytes are not read from the client."""
PIECES_AT_ONCE = 64
"""Pieces taken before other tasks run; a client may send one byte per piece."""


class RequestBody:
    """A queue of bytes from the protocol to the application.

    hypercorn's own worker uses a channel of messages.  There, ten unread messages block the answer of an
    application that does not read its body, and the connection never ends.
    """

    def __init__(self) -> None:
        self._unread = bytearray()
        self._pieces = 0
        self._is_complete = False
        self._is_told = False
        self._is_closed = False
        self._changed = Signal()

    @property
    def is_complete(self) -> bool:
        """Whether the last byte of the request has arrived."""
        return self._is_complete

    async def put(self, message: ASGIReceiveEvent) -> None:
        """Take one message of the protocol; wait while MAX_UNREAD_BYTES are unread."""
        if message["type"] != "http.request":
            self.close()
            return
        self._unread += message["body"]
        self._is_complete = not message["more_body"]
        self._changed.notify()
        self._pieces += 1
        if self._pieces % PIECES_AT_ONCE == 0:
            await trio.lowlevel.checkpoint()
        while len(self._unread) > MAX_UNREAD_BYTES and not self._is_closed:
            await self._changed.wait()

    async def receive(self) -> Message:
        """The application's `receive`: all bytes that have arrived, or `http.disconnect` after `close`."""
        await trio.lowlevel.checkpoint()
        while True:
            if self._is_closed:
                return {"type": "http.disconnect"}
            if self._unread or (self._is_complete and not self._is_told):
                body = bytes(self._unread)
                self._unread.clear()
                self._is_told = self._is_complete
                self._changed.notify()
                return {"type": "http.request", "body": body, "more_body": not self._is_complete}
            await self._changed.wait()

    def close(self) -> None:
        """Note that the client has left or has its answer; never waits."""
        self._is_closed = True
        self._unread.clear()
        self._changed.notify()
