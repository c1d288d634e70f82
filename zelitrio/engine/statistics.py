"""What the engine can say about itself."""

from __future__ import annotations

import math
from collections import deque

import attrs
import numpy as np

_LOAD_MEMORY_S = 0.5  # six sevenths of it are of the last second
_FIRST_AUDIO_KEPT = 1024


@attrs.frozen(kw_only=True)
class Statistics:
    """A snapshot; counts since the engine opened."""

    device: str
    dtype: str
    streams: int
    """Open streams."""
    speaking: int
    """Streams with something left to speak."""
    capacity: int
    """Speaking streams above which another is refused."""
    load: float
    """The part of the last second that the device's thread was busy, 0 to 1."""
    profile: str
    encodes: int
    steps: int
    rows: int
    """Windows spoken: `rows / steps` is the mean batch."""
    audio_s: float
    """Seconds of audio made."""
    first_audio_ms: dict[str, float]
    """p50, p95, p99 of the last thousand: from feeding a stream's first chunk to its first samples
    leaving the thread.  Empty before the first."""
    frames_per_s: float
    """Measured at start, at the best batch."""
    graphs: tuple[str, ...]
    """Captured shapes."""


class Counters:
    """What the engine's thread counts.  Written by that thread, read by any."""

    def __init__(self) -> None:
        self.encodes = 0
        self.steps = 0
        self.rows = 0
        self.audio_s = 0.0
        self._first_audio_s: deque[float] = deque(maxlen=_FIRST_AUDIO_KEPT)
        self._load = 0.0
        self._seen_at_s: float | None = None

    def busy(self, begin_s: float, end_s: float) -> float:
        """Account for a step; returns the load."""
        since = begin_s if self._seen_at_s is None else self._seen_at_s
        span = max(end_s - since, 1e-9)
        weight = 1.0 - math.exp(-span / _LOAD_MEMORY_S)
        self._load += weight * (min(1.0, (end_s - begin_s) / span) - self._load)
        self._seen_at_s = end_s
        return self._load

    def load(self, now_s: float) -> float:
        """The load now: it fades while nothing is done."""
        if self._seen_at_s is None:
            return 0.0
        return self._load * math.exp(-max(0.0, now_s - self._seen_at_s) / _LOAD_MEMORY_S)

    def first_audio(self, seconds: float) -> None:
        """Note how long a stream waited for its first samples."""
        self._first_audio_s.append(seconds)

    def first_audio_ms(self) -> dict[str, float]:
        """Percentiles of the waits noted last."""
        waits = np.array(list(self._first_audio_s))
        if not len(waits):
            return {}
        return {f"p{q}": float(np.percentile(waits, q) * 1000) for q in (50, 95, 99)}
