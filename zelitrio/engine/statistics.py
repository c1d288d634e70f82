"""Statistics of the engine, for metrics and benchmarks."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
import numpy as np

FIRST_AUDIO_KEPT = 1024
"""Streams whose wait for first audio is kept."""


@attrs.frozen(kw_only=True)
class Statistics:
    """A snapshot.  Counters count from the opening of the engine."""

    device: str
    dtype: str
    streams: int
    """Open streams."""
    lanes: int
    """Lanes that are taken; the lane of a closed stream is freed before the next step."""
    speaking: int
    """Streams with text left to speak."""
    capacity: int
    """The largest number of speaking streams of the default voice; one more is refused."""
    load: float
    """The part of the last second that the engine's thread was busy, 0 to 1."""
    profile: str
    """latency or throughput: what batches are chosen for."""
    slowness: float
    """Time that audio takes now divided by the time measured at start; other programs' load counts."""
    encodes: int
    steps: int
    rows: int
    """Windows spoken; `rows / steps` is the mean batch size."""
    audio_s: float
    """Seconds of audio produced."""
    first_audio_ms: dict[str, float]
    """p50, p95 and p99 over the last FIRST_AUDIO_KEPT streams: from feeding the first utterance until the
    first samples leave the thread.  Empty before the first stream."""
    frames_per_s: float
    """Measured at start with the default voice, in the best batch."""
    graphs: tuple[str, ...]
    """Names of the captured shapes."""


def percentiles_ms(seconds: Iterable[float]) -> dict[str, float]:
    """p50, p95 and p99 in milliseconds; empty without values."""
    waits = np.array(list(seconds))
    if not len(waits):
        return {}
    return {f"p{q}": float(np.percentile(waits, q) * 1000) for q in (50, 95, 99)}
