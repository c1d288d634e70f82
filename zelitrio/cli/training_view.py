"""The view of training: lines on stdout, a bar on a terminal's stderr; Ctrl-C loses no progress."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from zelitrio.cli.progress import stderr_bar

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_EVERY_S = 30.0
"""Interval of a task's progress lines without a bar."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class TrainingView:
    """An `Onlooker` for the terminal.  As a context manager it handles the process's signals.

    The first signal ends a stoppable task after its current step, and other tasks at once.  The second signal
    ends everything at once.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.stopping = False
        self._clock = clock
        self._what = ""
        self._total = 0
        self._stoppable = False
        self._said_at = 0.0
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._before: list[Any] = []

    def say(self, line: str) -> None:
        """Print a line on stdout, above the bar."""
        if self._bar is None or not sys.stdout.isatty():
            print(line, flush=True)
        else:
            from rich.text import Text

            self._bar.console.print(Text(line), soft_wrap=True)

    def begin(self, what: str, total: int, *, stoppable: bool = False) -> None:
        """Begin a task of `total` parts.  A stoppable task checks `stopping` after each part."""
        self._leave_if_told()
        self._what, self._total, self._stoppable = what, total, stoppable
        self._said_at = self._clock()
        if self._bar is not None:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(what, total=total, note="")

    def reach(self, done: int, note: str = "") -> None:
        """Show that this number of parts is done."""
        self._leave_if_told()
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, note=note)
        elif self._clock() - self._said_at > _EVERY_S:
            print(f"{self._what}: {done} of {self._total} {note}".rstrip(), file=sys.stderr, flush=True)
            self._said_at = self._clock()

    def _leave_if_told(self) -> None:
        if self.stopping and not self._stoppable:
            raise KeyboardInterrupt

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self.stopping:
            raise KeyboardInterrupt
        self.stopping = True

    def __enter__(self) -> TrainingView:
        self._before = [signal.signal(number, self._stop) for number in _SIGNALS]
        from rich.progress import TimeRemainingColumn

        figures = ("{task.completed}/{task.total}", TimeRemainingColumn(), "{task.fields[note]}")
        self._bar = stderr_bar("{task.description}", *figures)
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        for number, handler in zip(_SIGNALS, self._before, strict=True):
            signal.signal(number, handler)
