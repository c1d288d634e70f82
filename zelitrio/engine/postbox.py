"""Deliveries from the engine's thread to the event loop; several posts may share one wake-up of the loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

import trio

from zelitrio.engine.commands import Delivery, Progress


class Postbox:
    """Deliveries to the loop.

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
        """Whether a call of `_open` is scheduled."""

    def post(self, deliveries: Sequence[Delivery], progress: Progress) -> None:
        """Send deliveries to the loop.  Called in the thread; never blocks or raises."""
        self.progress = progress
        self._posted.extend(deliveries)
        if self._is_called or not self._posted:
            return  # the scheduled call takes these too; another wake-up would cost time
        self._is_called = True
        with suppress(trio.RunFinishedError):  # the program has ended
            self._wake(self._open)

    def _open(self) -> None:
        # Reset first, so that a later post is either taken below or wakes the loop again.
        self._is_called = False
        while self._posted:
            self._take(self._posted.popleft())
