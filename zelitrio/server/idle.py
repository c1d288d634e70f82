"""Connections between two requests: how long they may stay, and how they end when the server does."""

from __future__ import annotations

import trio

from zelitrio.server.guarded import READ_BYTES, GuardedStream

PIPELINED_EVERY_S = 0.005
"""From one pipelined request to the next, over all connections.

A request takes about 1 ms of the loop.  40 connections with 2,500 requests each in one packet held up the
first audio of all others for 20 s without this.
"""


class IdleConnections:
    """The connections that wait for a request, each for `idle_s`."""

    def __init__(self, idle_s: float) -> None:
        self._idle_s = idle_s
        self._waiting: set[trio.CancelScope] = set()
        self._is_over = False
        self._pipelined = trio.Lock()

    def finish(self) -> None:
        """Close all that wait, now and from now on."""
        self._is_over = True
        for scope in self._waiting:
            scope.cancel()

    async def wait_next(self, stream: GuardedStream) -> bool:
        """Wait until the next request begins; False when it does not come.

        A request that the client sent before it had its last answer waits for its turn.
        """
        with trio.CancelScope() as scope:
            if self._is_over:
                return False
            self._waiting.add(scope)
            try:
                if stream.has_unread:
                    async with self._pipelined:
                        await trio.sleep(PIPELINED_EVERY_S)
                    return not stream.has_failed()
                with trio.move_on_after(self._idle_s):
                    data = bytes(await stream.receive_some(READ_BYTES))
                    stream.put_back(data)
                    return bool(data)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return False
            finally:
                self._waiting.discard(scope)
        return False
