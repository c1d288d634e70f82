"""HTTP: Starlette on hypercorn, behind a private Unix socket that the front door pumps bytes to.

The other way would be to hand each stream to hypercorn's inner `TCPServer`, which is not a public
interface and may change with any release.  Pumping stands on `hypercorn.trio.serve` alone.  What it
costs: of the 1.4 ms that a GET on a new connection took inside of this process (two busy cores), 0.15 ms
were for reaching the Unix socket; each piece of an answer takes one turn of the loop more.  Beside
first audio, some 20 ms there, that buys nothing worth a private interface.

It also defuses hypercorn's shielded sends: those go to the Unix socket, and end when the pump does,
which has a write deadline and can be cancelled.
"""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any, cast

import hypercorn.trio
import trio
from hypercorn.config import Config
from starlette.types import ASGIApp

from zelitrio.server.guarded import READ_BYTES, GuardedStream
from zelitrio.server.upgrades import UpgradeWatch

GRACE_S = 1.0
"""For answers under way when the server ends; conversations had their own, longer time before."""
BACKLOG = 2048


class InnerHttp:
    """A running HTTP server that `pump` connects streams to."""

    def __init__(self, path: str, done: trio.Event, max_head_bytes: int) -> None:
        self._path = path
        self._done = done
        self._max_head_bytes = max_head_bytes

    def finish(self) -> None:
        """Take no further request: idle connections are closed, answers under way get GRACE_S."""
        self._done.set()

    async def pump(self, client: GuardedStream) -> bool:
        """Carry bytes both ways until either side is done; the caller closes the stream.

        Returns:
            Whether the client asks for a WebSocket next; its request was put back for the caller.
        """
        try:
            inner = await trio.open_unix_socket(self._path)
        except OSError:  # the server is ending
            return False
        watch = UpgradeWatch(self._max_head_bytes)
        is_upgrade = False

        async def forward(scope: trio.CancelScope) -> None:
            nonlocal is_upgrade
            is_upgrade = await _forward(client, inner, watch, scope)

        async with inner, trio.open_nursery() as nursery:
            nursery.start_soon(forward, nursery.cancel_scope)
            with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                while data := await inner.receive_some(READ_BYTES):
                    await client.send_all(data)
            nursery.cancel_scope.cancel()
        if is_upgrade:
            client.put_back(watch.held)
        else:
            await client.linger()
        return is_upgrade


async def _forward(
    client: GuardedStream, inner: trio.SocketStream, watch: UpgradeWatch, scope: trio.CancelScope
) -> bool:
    """Client to server, until the client leaves (both ways end) or asks for a WebSocket (then True).

    A server that will not hear more ends nothing: its answer is still on its way.
    """
    while True:
        try:
            data = bytes(await client.receive_some(READ_BYTES))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            data = b""
        ready, is_upgrade = watch.receive(data)
        if is_upgrade or not data:
            # No client asks for more before it has the answer, so nothing is cut off here.
            scope.cancel()
            return is_upgrade
        try:
            await inner.send_all(ready)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return False


@contextlib.asynccontextmanager
async def open_inner_http(app: ASGIApp, max_head_bytes: int, idle_s: float) -> AsyncIterator[InnerHttp]:
    """Run an ASGI application for as long as the block lasts.

    On the way out idle connections are closed, and answers under way get GRACE_S.
    """
    # Private: the folder is readable by this user alone.
    with tempfile.TemporaryDirectory(prefix="zelitrio-") as folder:
        path = str(Path(folder) / "http")
        config = Config()
        config.bind = [f"unix:{path}"]
        config.backlog = BACKLOG
        config.keep_alive_timeout = idle_s
        config.graceful_timeout = GRACE_S
        config.h11_max_incomplete_size = max_head_bytes
        config.include_server_header = False
        config.errorlog = _quiet_logger()
        done = trio.Event()
        async with trio.open_nursery() as nursery:
            await nursery.start(
                partial(hypercorn.trio.serve, cast(Any, app), config, shutdown_trigger=done.wait, mode="asgi")
            )
            try:
                yield InnerHttp(path, done, max_head_bytes)
            finally:
                done.set()


def _quiet_logger() -> logging.Logger:
    """Hypercorn's own log, for what goes wrong in it; its start-up line would name a private path."""
    logger = logging.getLogger("hypercorn.error")
    logger.setLevel(logging.ERROR)
    return logger
