"""The load of the engine's thread, and the duration of its work compared with the start."""

from __future__ import annotations

import math

_LOAD_MEMORY_S = 0.5
"""Time constant of the load: the last second has six sevenths of the weight."""
_PACE_MEMORY_S = 2.0
"""Time constant of slowness, in seconds of work."""
_PRIOR_S = 0.1
"""Weight of the measurement at start, in seconds of work."""
_FULL_S = 0.15
"""After this much work without a rest, batches are as large as they get."""
_REST_S = 0.001
"""A shorter pause between steps is not a rest."""
_EASE_S = 5.0
"""Time constant with which the batches' part of slowness returns to 1 while the thread has rests."""
_MOST_SLOW = 50.0
"""The largest slowness."""


class _Ratio:
    """Actual divided by expected seconds of work; recent work has more weight."""

    def __init__(self) -> None:
        self._taken_s = self._due_s = _PRIOR_S

    def note(self, taken_s: float, due_s: float, work_s: float) -> None:
        """Add work that took `work_s` of the thread's time."""
        keep = math.exp(-work_s / _PACE_MEMORY_S)
        self._taken_s = keep * self._taken_s + taken_s
        self._due_s = keep * self._due_s + due_s

    def ease(self, span_s: float) -> None:
        """Move the ratio towards 1 by `span_s` of the time constant `_EASE_S`."""
        keep = math.exp(-span_s / _EASE_S)
        self._taken_s = self._due_s + keep * (self._taken_s - self._due_s)

    @property
    def value(self) -> float:
        return min(max(self._taken_s / max(self._due_s, 1e-9), 1.0), _MOST_SLOW)


class Load:
    """Load and slowness of the engine's thread, which owns this object."""

    def __init__(self) -> None:
        self.load = 0.0
        """Share of the last second in which the thread was busy."""
        self.at_s = -math.inf
        """When `load` was computed."""
        self._rested_at_s = -math.inf
        self._work = _Ratio()
        self._batches = _Ratio()

    @property
    def slowness(self) -> float:
        """Present seconds for heard audio divided by those at start; 1 to 50.

        All work of the thread counts: reading, the networks' lag, waiting for other programs.  Small batches
        count only under load, because an idle device uses them by choice.
        """
        return self._work.value * self._batches.value

    def note(self, begin_s: float, end_s: float, heard_s: float, best_s: float) -> None:
        """Add a step.

        Args:
            begin_s, end_s: when the thread worked.
            heard_s: expected seconds for the step's heard audio with its batch.
            best_s: expected seconds for it with the best batch.
        """
        busy_s = end_s - begin_s
        span_s = max(end_s - max(self.at_s, begin_s - 60.0), 1e-9)
        if begin_s - self.at_s > _REST_S:
            self._rested_at_s = begin_s
        weight = 1.0 - math.exp(-span_s / _LOAD_MEMORY_S)
        self.load += weight * (min(1.0, busy_s / span_s) - self.load)
        self.at_s = end_s
        self._work.note(busy_s, heard_s, busy_s)
        if end_s - self._rested_at_s > _FULL_S:
            self._batches.note(heard_s, best_s, busy_s)
        else:
            self._batches.ease(span_s)


def faded_load(load: float, at_s: float, now_s: float) -> float:
    """The load at `now_s` if the thread has been idle since `at_s`, when it was `load`."""
    return load * math.exp(-max(0.0, now_s - at_s) / _LOAD_MEMORY_S)
