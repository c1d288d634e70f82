"""Apply the gains of `<prosody volume>` to the words in an utterance's blocks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zelitrio.session.packets import Samples
from zelitrio.text import Utterance

_RAMP_S = 0.01
"""The gain changes over this time before the word, because a sudden change would click."""


class WordVolume:
    """Applies word gains, utterance by utterance; an utterance without gains is not changed."""

    def __init__(self) -> None:
        self._times: NDArray[np.float64] | None = None
        self._gains: NDArray[np.float64] = np.ones(0)
        self._at = 0

    def begin(
        self, utterance: Utterance, word_times_ms: Sequence[tuple[int, int]], sample_rate_hz: int
    ) -> None:
        """Begin the next utterance, with word times from its first sample."""
        self._at, self._times = 0, None
        if not any(word.prosody is not None and word.prosody.volume_db for word in utterance.words):
            return
        times, gains, before = [], [], None
        for word, (start_ms, _) in zip(utterance.words, word_times_ms, strict=True):
            gain = 10 ** ((word.prosody.volume_db if word.prosody is not None else 0.0) / 20)
            start = start_ms / 1000 * sample_rate_hz
            times += [start - _RAMP_S * sample_rate_hz, start]
            gains += [gain if before is None else before, gain]
            before = gain
        self._times, self._gains = np.maximum.accumulate(np.array(times)), np.array(gains)

    def apply(self, pcm: Samples) -> Samples:
        """Return the utterance's next samples with their gains, [n] in [-1, 1]."""
        if self._times is None:
            return pcm
        at = np.arange(self._at, self._at + len(pcm))
        self._at += len(pcm)
        louder = pcm * np.interp(at, self._times, self._gains).astype(np.float32)
        return np.clip(louder, -1.0, 1.0)
