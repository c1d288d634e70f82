"""Contain the errors of each connection, so that they end only this connection."""

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
    """Serve one connection and close it; log and count its error, if there is one.

    Raises no `Exception`.
    """
    try:
        try:
            await serve(socket)
        finally:
            socket.socket.close()
    except* Exception as errors:  # `except*` lets cancellations in the group pass
        log.error("connection_failed", request_id=new_request_id(), exc_info=errors)
        with suppress(Exception):
            state.metrics.doors.connections_failed.inc()
