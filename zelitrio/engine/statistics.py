"""Statistics of the engine, for metrics and benchmarks."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
import numpy as np

FIRST_AUDIO_KEPT = 1024
"""Number of streams in the percentiles of first audio."""


@attrs.frozen(kw_only=True)
class Statistics:
    """A snapshot; counters start at the opening of the engine."""

    device: str
    dtype: str
    streams: int
    """Open streams."""
    lanes: int
    """Taken lanes; a closed stream's lane is freed before the next step."""
    speaking: int
    """Streams with text left to speak."""
    capacity: int
    """Largest number of speaking streams of the default voice."""
    load: float
    """Share of the last second in which the engine's thread was busy."""
    profile: str
    """latency or throughput: the goal of batching."""
    slowness: float
    """Present duration of audio's computation divided by that at start; other programs' load counts."""
    encodes: int
    steps: int
    rows: int
    """Spoken windows; `rows / steps` is the mean batch size."""
    audio_s: float
    """Seconds of audio produced."""
    first_audio_ms: dict[str, float]
    """p50, p95 and p99 over the last FIRST_AUDIO_KEPT streams: from the first utterance's `feed` to the first
    samples from the thread.  Empty before the first stream."""
    frames_per_s: float
    """Speed of the default voice in the best batch, measured at start."""
    graphs: tuple[str, ...]
    """Names of the captured shapes."""


def percentiles_ms(seconds: Iterable[float]) -> dict[str, float]:
    """p50, p95 and p99 in milliseconds; empty without values."""
    waits = np.array(list(seconds))
    if not len(waits):
        return {}
    return {f"p{q}": float(np.percentile(waits, q) * 1000) for q in (50, 95, 99)}
