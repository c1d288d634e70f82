"""Word error and its confidence interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bench.voice.spoken import SEED

DRAWS = 2_000


def rate(wrong: Sequence[int], counts: Sequence[int]) -> tuple[float, float, float]:
    """Word error in per cent, and its 95 % bootstrap interval over sentences."""
    errors, words = np.array(wrong), np.array(counts)
    picks = np.random.default_rng(SEED).integers(0, len(errors), (DRAWS, len(errors)))
    rates: npt.NDArray[np.float64] = 100 * errors[picks].sum(1) / words[picks].sum(1)
    low, high = np.percentile(rates, [2.5, 97.5])
    return 100 * float(errors.sum()) / float(words.sum()), float(low), float(high)
