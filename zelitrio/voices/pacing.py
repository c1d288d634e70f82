"""Whole frames at any speed: exact in sum, and no phone is lost."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def paced_durations(frames: Sequence[float], least: Sequence[int]) -> NDArray[np.int64]:
    """Round durations so that their running sum stays near, with a least length for each.

    Rounding each token by itself, as both families' own runtimes do, makes speech at 1.2 a tenth too slow,
    because most tokens have one or two frames.  What a token gets beyond its share, the next ones give back.

    Args:
        frames: wanted, at least 0.
        least: fewest frames of each.
    """
    total, given = 0.0, 0
    whole = []
    for frame, fewest in zip(frames, least, strict=True):
        total += frame
        count = max(fewest, math.floor(total + 0.5) - given)
        given += count
        whole.append(count)
    return np.array(whole, np.int64)
