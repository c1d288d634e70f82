"""Threads that encode: the most urgent packet first, and results come back to the loop together."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import attrs
import trio

if TYPE_CHECKING:
    import outcome


@attrs.define(eq=False)
class _Job:
    work: Callable[[], bytes]
    task: trio.lowlevel.Task | None
    """Waits for the result; None: it was cancelled."""


@attrs.define(eq=False)
class CodecThreads:
    """Threads from Trio's cache, for one Trio run.

    A job costs 26 us of the loop's and the thread's time together.  `trio.to_thread.run_sync` costs 50 us,
    because it has a limiter, a context and a wake-up of the loop for each call.

    Args:
        most: threads that work at once.
    """

    most: int
    _busy: int = attrs.field(default=0, init=False)
    _waiting: list[tuple[float, int, _Job]] = attrs.field(factory=list, init=False)
    _numbers: itertools.count[int] = attrs.field(factory=itertools.count, init=False)
    _done: deque[tuple[_Job, outcome.Outcome[bytes]]] = attrs.field(factory=deque, init=False)
    _is_called: bool = attrs.field(default=False, init=False)
    """Whether the loop was asked to take results and has not started."""

    async def run(self, work: Callable[[], bytes], due_s: float) -> bytes:
        """Do the work in a thread.  If cancelled, return at once; the result is then dropped.

        Args:
            work: one call of an encoder.
            due_s: priority; the earliest goes first.
        """
        job = _Job(work, trio.lowlevel.current_task())
        if self._busy < self.most:
            self._begin(job)
        else:
            heapq.heappush(self._waiting, (due_s, next(self._numbers), job))

        def abort(raise_cancel: object) -> trio.lowlevel.Abort:
            job.task = None
            return trio.lowlevel.Abort.SUCCEEDED

        result: bytes = await trio.lowlevel.wait_task_rescheduled(abort)
        return result

    def _begin(self, job: _Job) -> None:
        self._busy += 1
        token = trio.lowlevel.current_trio_token()
        trio.lowlevel.start_thread_soon(job.work, partial(self._ended, token, job), "zelitrio-codec")

    def _ended(self, token: trio.lowlevel.TrioToken, job: _Job, result: outcome.Outcome[bytes]) -> None:
        self._done.append((job, result))
        if not self._is_called:
            self._is_called = True
            with suppress(trio.RunFinishedError):  # nothing waits for it
                token.run_sync_soon(self._collect)

    def _collect(self) -> None:
        # Before the results are taken, because a later one must either be taken here or call again.
        self._is_called = False
        while self._done:
            job, result = self._done.popleft()
            self._busy -= 1
            if job.task is not None:
                trio.lowlevel.reschedule(job.task, result)
        while self._waiting and self._busy < self.most:
            _, _, job = heapq.heappop(self._waiting)
            if job.task is not None:
                self._begin(job)
