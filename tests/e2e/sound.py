"""Checks of audio."""

from __future__ import annotations

import io

import av
import numpy as np
from numpy.typing import NDArray


def decoded(data: bytes, rate_hz: int = 24_000, container: str | None = None) -> NDArray[np.float32]:
    """Samples of a file or stream with a container."""
    with av.open(io.BytesIO(data), format=container) as file:
        resampler = av.AudioResampler("flt", "mono", rate_hz)
        frames = [out for frame in file.decode(audio=0) for out in resampler.resample(frame)]
        frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


def samples(pcm: bytes) -> NDArray[np.float32]:
    """Samples of headerless signed 16-bit PCM."""
    return np.frombuffer(pcm, "<i2").astype(np.float32) / 32768


def assert_speech(audio: NDArray[np.float32], min_s: float, max_s: float, rate_hz: int = 24_000) -> None:
    """Check the length, and that the audio is not silent, clipped or constant."""
    assert min_s <= len(audio) / rate_hz <= max_s, f"{len(audio) / rate_hz:.2f} s"
    hop = rate_hz // 100
    levels = np.sqrt((audio[: len(audio) // hop * hop].reshape(-1, hop) ** 2).mean(1))
    assert 0.05 < np.abs(audio).max() <= 1.0
    assert levels.std() > 0.3 * levels.mean()
