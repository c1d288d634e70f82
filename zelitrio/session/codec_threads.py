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
    """It waits for the result; None: it was cancelled."""


@attrs.define(eq=False)
class CodecThreads:
    """Some threads of Trio's cache.  It belongs to one Trio run.

    `trio.to_thread.run_sync` has a limiter, a context and a wake-up of the loop for each call: 50 us of the
    loop's and the thread's time together, where this takes 26.

    Args:
        most: threads that work at once.
    """

    most: int
    _busy: int = attrs.field(default=0, init=False)
    _waiting: list[tuple[float, int, _Job]] = attrs.field(factory=list, init=False)
    _numbers: itertools.count[int] = attrs.field(factory=itertools.count, init=False)
    _done: deque[tuple[_Job, outcome.Outcome[bytes]]] = attrs.field(factory=deque, init=False)
    _is_called: bool = attrs.field(default=False, init=False)
    """Whether the loop was asked to take results and has not begun."""

    async def run(self, work: Callable[[], bytes], due_s: float) -> bytes:
        """Do this in a thread.  Cancelled, it returns at once, and the thread ends its work for nothing.

        Args:
            work: one call of an encoder.
            due_s: the earliest goes first.
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
        """Called in the thread."""
        self._done.append((job, result))
        if not self._is_called:
            self._is_called = True
            with suppress(trio.RunFinishedError):  # nothing waits for it
                token.run_sync_soon(self._collect)

    def _collect(self) -> None:
        # First this: a later result is either taken here or calls again.
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
