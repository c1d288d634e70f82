"""A word before a pause ends where its sound ends."""

from __future__ import annotations

import numpy as np
import pytest

from zelitrio.training.alignment import AlignedWord
from zelitrio.training.edges import ended_by_ear
from zelitrio.training.features import HOP_SAMPLES

FRAMES = 100


def recording(*sounds: tuple[int, int]) -> np.ndarray:
    """Noise in these frames, 60 dB less elsewhere."""
    chance = np.random.default_rng(7)
    level = np.full(FRAMES, 1e-4)
    for begin, end in sounds:
        level[begin:end] = 0.1
    return (chance.standard_normal(FRAMES * HOP_SAMPLES) * np.repeat(level, HOP_SAMPLES)).astype(np.float32)


def word(*phones: str, begin: int, end: int) -> AlignedWord:
    starts = np.linspace(begin, end, len(phones), endpoint=False).astype(int)
    return AlignedWord(phones, tuple(int(start) for start in starts), end)


@pytest.mark.parametrize("sound_end", [26, 30, 36])
def test_a_vowel_before_a_pause_ends_with_its_sound(sound_end: int) -> None:
    words = [word("N", "OW1", begin=10, end=30), word("Y", "EH1", "S", begin=60, end=90)]
    heard = ended_by_ear(words, recording((10, sound_end), (60, 90)))
    assert abs(heard[0].end - sound_end) <= 1
    assert heard[1] == words[1]  # s is quiet long before its end


def test_a_word_ends_no_later_than_the_next_begins_nor_before_its_last_phone() -> None:
    words = [
        word("N", "OW1", begin=10, end=30),
        word("AY1", begin=36, end=50),
        word("M", "AY1", begin=70, end=90),
    ]
    heard = ended_by_ear(words, recording((10, 90)))
    assert [one.end for one in heard[:2]] == [36, 60]
    silent = ended_by_ear(words, recording((10, 12), (36, 37), (70, 72)))
    assert all(one.end > one.starts[-1] for one in silent)


def test_words_without_a_pause_between_keep_the_aligners_border() -> None:
    words = [word("N", "OW1", begin=10, end=30), word("AY1", begin=32, end=90)]
    assert ended_by_ear(words, recording((10, 20), (32, 90)))[0].end == 30
