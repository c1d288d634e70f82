"""How busy the thread is, and how long its work takes against the pace that was measured at start."""

from __future__ import annotations

import math

_LOAD_MEMORY_S = 0.5
"""Six sevenths of the load are of the last second."""
_PACE_MEMORY_S = 2.0
"""Seconds of work in which an old measurement loses its weight to 1/e."""
_PRIOR_S = 0.1
"""Seconds of work that the measurement at start counts as."""
_FULL_S = 0.15
"""After this many seconds of work without a rest, batches have their largest size."""
_REST_S = 0.001
_EASE_S = 5.0
"""Seconds with rests in which what was learned of batches is forgotten to 1/e."""
_MOST_SLOW = 50.0


class _Ratio:
    """Seconds that something took for each second that it should take, the latest work first."""

    def __init__(self) -> None:
        self._taken_s = self._due_s = _PRIOR_S

    def note(self, taken_s: float, due_s: float, work_s: float) -> None:
        """Account for work that took `work_s` of the thread's time."""
        keep = math.exp(-work_s / _PACE_MEMORY_S)
        self._taken_s = keep * self._taken_s + taken_s
        self._due_s = keep * self._due_s + due_s

    def ease(self, span_s: float) -> None:
        """Return towards 1."""
        keep = math.exp(-span_s / _EASE_S)
        self._taken_s = self._due_s + keep * (self._taken_s - self._due_s)

    @property
    def value(self) -> float:
        return min(max(self._taken_s / max(self._due_s, 1e-9), 1.0), _MOST_SLOW)


class Load:
    """Written by the engine's thread."""

    def __init__(self) -> None:
        self.load = 0.0
        """The part of the last second that was busy, 0 to 1."""
        self.at_s = -math.inf
        """When that was so."""
        self._rested_at_s = -math.inf
        self._work = _Ratio()
        self._batches = _Ratio()

    @property
    def slowness(self) -> float:
        """Seconds that heard audio takes for each second that it takes at the best batch, measured at start.

        Everything counts that the thread does: reading, the networks' lag, waiting for other programs.  Small
        batches count only under load: a device with time to spare does not wait for large ones.
        """
        return self._work.value * self._batches.value

    def note(self, begin_s: float, end_s: float, heard_s: float, best_s: float) -> None:
        """Account for a step.

        Args:
            begin_s, end_s: when the thread worked.
            heard_s: how long its heard audio should take in a batch of this shape.
            best_s: how long it should take at the best batch.
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
    """The load after a time without work."""
    return load * math.exp(-max(0.0, now_s - at_s) / _LOAD_MEMORY_S)
