"""A WebSocket on asyncio that reads frames and answers pings; its owner says what a message means."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from typing import cast

from zelitrio.bench_client.address import Address
from zelitrio.bench_client.wire import (
    CLOSE,
    MOST_UNSENT_BYTES,
    PING,
    PONG,
    TEXT,
    FrameReader,
    WireError,
    close,
    frame,
    upgrade,
)


class FrameSocket(asyncio.Protocol, ABC):
    """One socket.  `opened` is done when the server has accepted or refused it.

    Args:
        address: where.
        target: path and query of the upgrade.
    """

    def __init__(self, address: Address, target: str) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.messages = 0
        self._address = address
        self._target = target
        self._frames = FrameReader()
        self._transport: asyncio.Transport

    @abstractmethod
    def _take_text(self, now: float, payload: bytes) -> None:
        """Read one message."""

    @abstractmethod
    def _take_close(self, payload: bytes) -> None:
        """Read the server's close frame, which is answered after it."""

    @abstractmethod
    def _fail(self, kind: str, detail: str) -> None:
        """Note why the socket cannot be used any more."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast(asyncio.Transport, transport)
        address = self._address
        self._transport.write(upgrade(address.authority, address.path + self._target, address.key_header))

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        now = time.perf_counter()
        try:
            for opcode, payload in self._frames.feed(data):
                self._take(now, opcode, payload)
        except WireError as error:
            self._fail(error.kind, str(error))
            self._transport.abort()
            return
        if self._frames.is_open:
            self._set_opened()

    def _set_opened(self) -> None:
        if not self.opened.done():
            self.opened.set_result(None)

    def _take(self, now: float, opcode: int, payload: bytes) -> None:
        if opcode == TEXT:
            self.messages += 1
            self._take_text(now, payload)
        elif opcode == PING and self._transport.get_write_buffer_size() < MOST_UNSENT_BYTES:
            self._transport.write(frame(PONG, payload))
        elif opcode == CLOSE:
            self._take_close(payload)
            self._transport.write(close())
            self._transport.close()

    def abort(self) -> None:
        """End the connection without a close frame."""
        self._transport.abort()
