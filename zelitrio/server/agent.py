"""HAProxy's agent check: each connection gets one line with this server's weight.

https://docs.haproxy.org/2.6/configuration.html#5.2-agent-check
"""

from __future__ import annotations

from collections.abc import Callable

import trio

from zelitrio.server.accepting import accept_all
from zelitrio.server.metrics import Metrics
from zelitrio.server.quiet_log import get_log

LEAST_PERCENT = 25
"""Weight of a server at full load.  HAProxy shares connections in proportion to weights.  With a least weight
of 1 %, servers with loads of 90 and 98 % would share them 5 to 1."""
_ANSWER_S = 1.0
log = get_log()


def weight_line(load: float, *, is_ready: bool) -> bytes:
    """The answer for a load of 0 to 1: a percentage of the configured weight, or `drain`."""
    if not is_ready:
        return b"drain\n"
    free = 1.0 - min(1.0, max(0.0, load))
    return b"ready up %d%%\n" % round(LEAST_PERCENT + (100 - LEAST_PERCENT) * free)


async def serve_agent(
    host: str,
    port: int,
    answer: Callable[[], bytes],
    metrics: Metrics,
    *,
    task_status: trio.TaskStatus[list[trio.SocketListener]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer each connection with `answer()` and close it, until cancelled; started when it listens.

    Raises:
        OSError: the address cannot be bound.
    """

    async def reply(stream: trio.SocketStream) -> None:
        try:
            with trio.move_on_after(_ANSWER_S):
                async with stream:
                    await stream.send_all(answer())
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return  # the balancer left
        except Exception as error:  # raised by `answer`; the balancer reconnects
            log.error("agent_failed", exc_info=error)

    listeners = await trio.open_tcp_listeners(port, host=host)
    try:
        async with trio.open_nursery() as nursery:
            for listener in listeners:
                nursery.start_soon(accept_all, listener, reply, nursery, metrics)
            task_status.started(listeners)
    finally:
        for listener in listeners:
            listener.socket.close()
