"""Finds the first audible sample: silence at the start of an utterance is latency too."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

AUDIBLE_DB = -40.0
"""Decibels relative to the utterance's peak; nari-labs' TTS bench uses the same threshold."""


def audible_sample(pcm: npt.NDArray[np.float32]) -> int | None:
    """Index of the first sample above the threshold `AUDIBLE_DB`; None if all samples are zero."""
    level = np.abs(pcm)
    peak = float(level.max(initial=0.0))
    if peak == 0.0:
        return None
    return int(np.argmax(level > peak * 10 ** (AUDIBLE_DB / 20)))


def pcm_of(audio: bytes) -> npt.NDArray[np.float32]:
    """Convert 16-bit little-endian bytes to samples in [-1, 1]."""
    return np.frombuffer(audio, "<i2").astype(np.float32) / 32768.0
