"""Correct the aligner's starts and ends of speech by the sound's level.

The aligner's last phone before a pause lasts until the room is silent.  For clients' word times, the fall of
the level is a better end.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt

from zelitrio.training.alignment import AlignedWord
from zelitrio.training.features import HOP_SAMPLES

FALL_DB = 20.0
"""A word has ended when its sound is this far below its level."""
_PAUSE_FRAMES = 5
_REACH_FRAMES = 10
"""The sound may last this many frames longer than the aligner's phone."""
_SHORTEST_FRAMES = 2
_SONORANTS = frozenset("AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW L M N NG R W Y".split())
"""Phones with an end that the level shows.  Others are as quiet as a pause long before their end."""


def ended_by_ear(words: Sequence[AlignedWord], pcm: npt.NDArray[np.float32]) -> tuple[AlignedWord, ...]:
    """Move the end of each word before a pause to where its sound ends.

    Args:
        words: the aligned words.
        pcm: [samples] of the whole recording.
    """
    blocks = pcm[: len(pcm) // HOP_SAMPLES * HOP_SAMPLES].reshape(-1, HOP_SAMPLES).astype(np.float64)
    level_db = 10.0 * np.log10(np.square(blocks).mean(1) + 1e-12)
    # A frame is centred on its first sample: half of it is in the block before.
    level_db[1:] = np.maximum(level_db[1:], level_db[:-1])
    heard = []
    for index, word in enumerate(words):
        limit = words[index + 1].starts[0] if index + 1 < len(words) else len(level_db)
        is_last = index + 1 == len(words)
        if (is_last or limit - word.end >= _PAUSE_FRAMES) and word.phones[-1].rstrip("012") in _SONORANTS:
            word = attrs.evolve(word, end=_sound_end(level_db, word, min(limit, word.end + _REACH_FRAMES)))
        heard.append(word)
    return tuple(heard)


def _sound_end(level_db: npt.NDArray[np.float64], word: AlignedWord, limit: int) -> int:
    first = word.starts[-1] + _SHORTEST_FRAMES
    own = level_db[word.starts[0] : word.end]
    if not len(own) or first >= limit:
        return word.end
    loud = np.flatnonzero(level_db[first:limit] > np.percentile(own, 90) - FALL_DB)
    return first + int(loud[-1]) + 1 if len(loud) else first


def speech_edges(mel: npt.NDArray[np.float16], first: int, end: int) -> tuple[int, int]:
    """Move the aligner's first and last frame inwards to the sound's begin and end.

    A frame is silent if its level is nearer to the recording's quiet frames than to its loud ones.
    """
    level = np.asarray(mel, np.float32).mean(1)
    quiet, loud = np.percentile(level, 3), np.percentile(level, 90)
    heard = np.flatnonzero(level > quiet + 0.22 * (loud - quiet))
    if not len(heard):
        return first, end
    # One more frame, because closures of stops and soft onsets are below the threshold.
    return max(first, int(heard[0]) - 1), min(end, int(heard[-1]) + 4)
