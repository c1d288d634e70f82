"""How busy the thread is, and how long its work takes against what was measured before the first stream."""

from __future__ import annotations

import math

_LOAD_MEMORY_S = 0.5
"""Six sevenths of the load are of the last second."""
_PACE_MEMORY_S = 2.0
"""Seconds of work in which what was known of the pace falls to 1/e."""
_PRIOR_S = 0.3
"""Seconds of work that the measurement at start counts as."""
_MOST_SLOW = 50.0


class Load:
    """Written by the engine's thread."""

    def __init__(self) -> None:
        self.load = 0.0
        """The part of the last second that was busy, 0 to 1."""
        self.at_s = -math.inf
        """When that was so."""
        self._busy_s = self._ideal_s = _PRIOR_S

    @property
    def slowness(self) -> float:
        """Seconds that work takes for each second of it by the pace measured at start.

        All that the thread does counts as work, and only audio that is heard counts by the pace.  So it
        covers reading, the networks' lag, and whatever else the machine does meanwhile.
        """
        return min(max(self._busy_s / self._ideal_s, 1.0), _MOST_SLOW)

    def note(self, begin_s: float, end_s: float, ideal_s: float) -> None:
        """Account for a step.

        Args:
            begin_s, end_s: when the thread worked.
            ideal_s: how long the audio that came of it should have taken.
        """
        busy_s = end_s - begin_s
        span = max(end_s - max(self.at_s, begin_s - 60.0), 1e-9)
        weight = 1.0 - math.exp(-span / _LOAD_MEMORY_S)
        self.load += weight * (min(1.0, busy_s / span) - self.load)
        self.at_s = end_s
        keep = math.exp(-busy_s / _PACE_MEMORY_S)
        self._busy_s = keep * self._busy_s + busy_s
        self._ideal_s = max(keep * self._ideal_s + ideal_s, 1e-9)


def faded_load(load: float, at_s: float, now_s: float) -> float:
    """What a load is worth after a while in which nothing was done."""
    return load * math.exp(-max(0.0, now_s - at_s) / _LOAD_MEMORY_S)
