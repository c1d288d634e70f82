"""From the engine's thread to the event loop: one wake-up, however much is posted before it is taken."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

import trio

from zelitrio.engine.commands import Delivery, Progress


class Postbox:
    """Deliveries on their way.

    Args:
        wake: makes the loop call a function soon, as `TrioToken.run_sync_soon` does.
        take: called in the loop with each delivery, in order; must not raise.
    """

    def __init__(self, wake: Callable[[Callable[[], None]], None], take: Callable[[Delivery], None]) -> None:
        self.progress = Progress()
        """The thread's latest report."""
        self._wake = wake
        self._take = take
        self._posted: deque[Delivery] = deque()
        self._is_called = False
        """Whether the loop was asked to open the box and has not begun."""

    def post(self, deliveries: Sequence[Delivery], progress: Progress) -> None:
        """Called in the thread.  Never blocks or raises."""
        self.progress = progress
        self._posted.extend(deliveries)
        if self._is_called or not self._posted:
            return  # a loop that is behind finds these with the others: to wake it again costs the thread
        self._is_called = True
        with suppress(trio.RunFinishedError):  # nothing is left to hear it
            self._wake(self._open)

    def _open(self) -> None:
        # First this: a later post of the thread is either taken here or calls again.
        self._is_called = False
        while self._posted:
            self._take(self._posted.popleft())
