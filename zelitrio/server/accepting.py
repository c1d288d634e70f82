"""Accept connections, and continue after errors of the operating system."""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable

import trio

from zelitrio.server.metrics import Metrics
from zelitrio.server.quiet_log import get_log

PAUSE_S = 0.1
"""Pause before the next attempt if no descriptor or memory is free.  New clients wait in the backlog."""
_SAY_EVERY_S = 10.0
_OF_THE_LISTENER = (errno.EBADF, errno.EINVAL, errno.ENOTSOCK)
"""Errors after which a listener never accepts again."""
log = get_log()


async def accept_all(
    listener: trio.abc.Listener[trio.SocketStream],
    handler: Callable[[trio.SocketStream], Awaitable[None]],
    handlers: trio.Nursery,
    metrics: Metrics,
) -> None:
    """Accept connections until cancelled, each in its own task.

    Trio's `serve_listeners` raises errors of a single connection (ECONNABORTED, EPROTO, ENETDOWN), which
    Linux passes on from the network.  This function counts them and continues.

    Args:
        listener: accepts the connections.
        handler: serves one connection, closes it, and raises no `Exception`.
        handlers: runs the handlers.
        metrics: counts errors.
    """
    said_at = -_SAY_EVERY_S
    while True:
        try:
            stream = await listener.accept()
        except OSError as error:
            if error.errno in _OF_THE_LISTENER:
                raise
            metrics.doors.accept_errors.inc()
            now = trio.current_time()
            if now - said_at >= _SAY_EVERY_S:
                said_at = now
                log.error("accept_failed", error=str(error))
            await trio.sleep(PAUSE_S)
        else:
            handlers.start_soon(handler, stream)
