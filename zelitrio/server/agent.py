"""HAProxy's agent check: one line per connection says how much weight this server takes.

https://docs.haproxy.org/2.6/configuration.html#5.2-agent-check
"""

from __future__ import annotations

from collections.abc import Callable

import trio

_ANSWER_S = 1.0


def weight_line(load: float, *, is_ready: bool) -> bytes:
    """Return the answer for a load in 0..1: a share of the configured weight, or `drain`."""
    if not is_ready:
        return b"drain\n"
    return b"ready up %d%%\n" % max(1, round(100 * (1 - min(1.0, max(0.0, load)))))


async def serve_agent(
    host: str,
    port: int,
    answer: Callable[[], bytes],
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

    listeners = await trio.open_tcp_listeners(port, host=host)
    await trio.serve_listeners(reply, listeners, task_status=task_status)
