"""Pitch of speech, for any speaker."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bench.voice.spoken import Pcm
from zelitrio.training import Speaker, measure_f0

ANYBODY = Speaker(name="anybody", f0_floor_hz=65.0, f0_ceil_hz=420.0)
FRAMES_PER_S = 100


def ln_f0(pcm: Pcm, speaker: Speaker = ANYBODY) -> npt.NDArray[np.float64]:
    """Natural log of pitch in Hz every 10 ms, nan where unvoiced."""
    f0 = measure_f0(pcm, speaker).astype(np.float64)
    return np.log(np.where(f0 > 0, f0, np.nan))


def semitones(ln_ratio: float) -> float:
    """Convert a difference of ln f0 to semitones."""
    return 12 * ln_ratio / float(np.log(2))
