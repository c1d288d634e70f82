"""The end of a word in the sound, to compare with its told end.

A word before a pause ends where its sound falls 20 dB below the word's level.  Words in t, k, s, f or v are
as quiet as the pause long before their end, so the method does not work for them.  The measured words are
numbers that end in a vowel or in n.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

FALL_DB = 20.0
REACH_MS = 150.0
"""Search range around the told end.  A larger error is reported as this value."""
PAUSE_MS = 100.0
"""The sounds on both sides may fill a shorter gap."""
NUMBERS = (
    1,
    2,
    3,
    7,
    9,
    10,
    11,
    13,
    17,
    20,
    21,
    22,
    30,
    33,
    40,
    47,
    59,
    61,
    70,
    72,
    90,
    93,
    101,
    117,
    1990,
    2003,
)
FRAMES = (
    "Take room {}, then door {}.",
    "We counted {}, not {}.",
    "On page {}, look at line {}.",
    "From {}, take away {}.",
    "Call number {}; wait for {}.",
    "There were {}, and now there are {}.",
)
_STEP_MS, _WINDOW_MS = 2, 10
_ENDING = re.compile(r"\d+(?=[,;.])")


def sentences(count: int, seed: int) -> list[str]:
    """Return `count` sentences with two numbers each."""
    chance = random.Random(seed)
    return [chance.choice(FRAMES).format(*chance.choices(NUMBERS, k=2)) for _ in range(count)]


def end_errors_ms(
    audio: NDArray[np.float32], rate_hz: int, chars: list[str], starts_s: list[float], ends_s: list[float]
) -> Iterator[tuple[str, float]]:
    """Every number before a pause, and how much later than told its sound ended."""
    level = _levels_db(audio, rate_hz)
    length_ms = 1000 * len(audio) / rate_hz
    text = "".join(chars)
    for found in _ENDING.finditer(text):
        start_ms, end_ms = 1000 * starts_s[found.start()], 1000 * ends_s[found.end() - 1]
        rest = text[found.end() :].strip(",;. ")
        next_ms = 1000 * starts_s[text.rindex(rest)] if rest else length_ms
        if rest and next_ms - end_ms < PAUSE_MS:
            continue
        loud = np.percentile(_between(level, start_ms, end_ms), 90) - FALL_DB
        # The next word may begin after the middle of the pause.
        until_ms = end_ms + (next_ms - end_ms) / 2 if rest else length_ms
        first_ms = max(0.0, end_ms - REACH_MS)
        heard = np.flatnonzero(_between(level, first_ms, min(until_ms, end_ms + REACH_MS)) > loud)
        last_ms = first_ms + _STEP_MS * (heard[-1] + 0.5) if len(heard) else first_ms
        yield found[0], last_ms - end_ms


def _levels_db(audio: NDArray[np.float32], rate_hz: int) -> NDArray[np.float64]:
    step, half = rate_hz * _STEP_MS // 1000, rate_hz * _WINDOW_MS // 2000
    sums = np.concatenate(([0.0], np.cumsum(audio.astype(np.float64) ** 2)))
    centres = np.arange(0, len(audio), step)
    low, high = np.maximum(centres - half, 0), np.minimum(centres + half, len(audio))
    return np.asarray(10 * np.log10((sums[high] - sums[low]) / (high - low) + 1e-12))


def _between(level: NDArray[np.float64], begin_ms: float, end_ms: float) -> NDArray[np.float64]:
    begin = int(begin_ms / _STEP_MS)
    return level[begin : max(begin + 1, int(end_ms / _STEP_MS))]
