"""Convert samples from one rate to another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from av import AudioFrame

from zelitrio.audio.encoder import Samples
from zelitrio.audio.resampler import Resampler


class RateConverter:
    """Converts one stream of samples; holds back at most 2 ms until `flush`."""

    def __init__(self, input_rate_hz: int, output_rate_hz: int) -> None:
        self._resampler = Resampler(input_rate_hz, output_rate_hz, "flt")

    def push(self, pcm: Samples) -> Samples:
        """Convert float32 [n]; return the samples that are ready."""
        return _samples(self._resampler.push(pcm)) if len(pcm) else pcm

    def flush(self) -> Samples:
        """Return the rest.  `push` must not be called afterwards."""
        return _samples(self._resampler.flush())


def _samples(frames: Sequence[AudioFrame]) -> Samples:
    parts = [frame.to_ndarray()[0] for frame in frames]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)
