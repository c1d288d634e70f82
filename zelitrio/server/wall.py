"""The wall around each connection: an error in one ends this one only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

import trio

from zelitrio.server.answer import new_request_id
from zelitrio.server.quiet_log import get_log
from zelitrio.server.state import ServerState

log = get_log()


async def serve_walled(
    state: ServerState, socket: trio.SocketStream, serve: Callable[[trio.SocketStream], Awaitable[None]]
) -> None:
    """Serve one connection and close it; an error is logged and counted.

    Raises no `Exception`.
    """
    try:
        async with socket:
            await serve(socket)
    except* Exception as errors:  # cancellations in the group stay cancellations
        log.error("connection_failed", request_id=new_request_id(), exc_info=errors)
        with suppress(Exception):
            state.metrics.connections_failed.inc()
