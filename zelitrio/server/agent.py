"""HAProxy's agent check: each connection gets one line with this server's weight.

https://docs.haproxy.org/2.6/configuration.html#5.2-agent-check
"""

from __future__ import annotations

from collections.abc import Callable

import trio

from zelitrio.server.accepting import accept_all
from zelitrio.server.metrics import Metrics
from zelitrio.server.quiet_log import get_log

_ANSWER_S = 1.0
log = get_log()


def weight_line(load: float, *, is_ready: bool) -> bytes:
    """The answer for a load of 0 to 1: a percentage of the configured weight, or `drain`."""
    if not is_ready:
        return b"drain\n"
    return b"ready up %d%%\n" % max(1, round(100 * (1 - min(1.0, max(0.0, load)))))


async def serve_agent(
    host: str,
    port: int,
    answer: Callable[[], bytes],
    metrics: Metrics,
    *,
    task_status: trio.TaskStatus[list[trio.SocketListener]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer each connection with `answer()` and close it, until cancelled; started with the listeners.

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
        except Exception as error:  # raised by `answer`; the balancer will connect again
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
