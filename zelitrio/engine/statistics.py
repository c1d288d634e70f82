"""Statistics of the engine."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
import numpy as np

FIRST_AUDIO_KEPT = 1024


@attrs.frozen(kw_only=True)
class Statistics:
    """A snapshot; counts since the engine opened."""

    device: str
    dtype: str
    streams: int
    """Open streams."""
    lanes: int
    """Streams that the engine's thread holds a lane for; it hears of a closed one before its next step."""
    speaking: int
    """Streams with something left to speak."""
    capacity: int
    """Speaking streams of the default voice above which another is refused."""
    load: float
    """The part of the last second that the device's thread was busy, 0 to 1."""
    profile: str
    slowness: float
    """How much longer audio takes now than was measured at start, all else that the machine does included."""
    encodes: int
    steps: int
    rows: int
    """Windows spoken: `rows / steps` is the mean batch."""
    audio_s: float
    """Seconds of audio made."""
    first_audio_ms: dict[str, float]
    """p50, p95, p99 of the last thousand: from feeding a stream's first utterance to its first samples
    leaving the thread.  Empty before the first."""
    frames_per_s: float
    """Measured at start with the default voice, at the best batch."""
    graphs: tuple[str, ...]
    """Captured shapes."""


def percentiles_ms(seconds: Iterable[float]) -> dict[str, float]:
    """p50, p95 and p99 in milliseconds; empty without values."""
    waits = np.array(list(seconds))
    if not len(waits):
        return {}
    return {f"p{q}": float(np.percentile(waits, q) * 1000) for q in (50, 95, 99)}
