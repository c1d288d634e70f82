"""Connections between two requests; they end after a timeout or with the server."""

from __future__ import annotations

import trio

from zelitrio.server.guarded import READ_BYTES, GuardedStream

PIPELINED_EVERY_S = 0.005
"""Time between two pipelined requests of any connections.

A request takes about 1 ms of the loop.  Without this limit, 40 connections with 2,500 requests each in one
packet delayed first audio of all others by 20 s.
"""


class IdleConnections:
    """The connections that wait for a request, each for at most `idle_s`."""

    def __init__(self, idle_s: float) -> None:
        self._idle_s = idle_s
        self._waiting: set[trio.CancelScope] = set()
        self._is_over = False
        self._pipelined = trio.Lock()

    def finish(self) -> None:
        """Close all present and later idle connections."""
        self._is_over = True
        for scope in self._waiting:
            scope.cancel()

    async def wait_next(self, stream: GuardedStream) -> bool:
        """Wait until the next request begins; return False if the connection should be closed.

        A pipelined request, which was sent before the last answer was complete, waits for its turn.
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
