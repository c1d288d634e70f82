"""The pitch of speech by autocorrelation, exact enough to compare two readings of one text."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FLOOR_HZ, CEILING_HZ = 70.0, 420.0
_VOICED = 0.6
"""Frames with this correlation at one period's distance are voiced."""


def pitches_hz(audio: NDArray[np.float32], rate_hz: int) -> NDArray[np.float64]:
    """The pitch of every voiced 10 ms, in order."""
    shortest, longest = int(rate_hz / CEILING_HZ), int(rate_hz / FLOOR_HZ)
    window = 2 * longest
    starts = np.arange(0, len(audio) - window - longest, rate_hz // 100)
    rows = np.lib.stride_tricks.sliding_window_view(audio.astype(np.float64), window + longest)[starts]
    rows = rows[np.sqrt((rows**2).mean(1)) > 0.1 * np.sqrt((audio**2).max())]
    lags = np.arange(shortest, longest + 1)
    head = rows[:, :window]
    energy = np.concatenate((np.zeros((len(rows), 1)), np.cumsum(rows**2, 1)), 1)
    size = 2 ** int(np.ceil(np.log2(2 * window + longest)))
    cross = np.fft.irfft(np.fft.rfft(rows, size) * np.conj(np.fft.rfft(head, size)), size)[:, lags]
    norm = np.sqrt(energy[:, [window]] * (energy[:, window + lags] - energy[:, lags]))
    likeness = cross / np.maximum(norm, 1e-12)
    # Take the shortest period that is nearly as good as the best, because an octave lower fits any periodic
    # sound.
    best = (likeness > likeness.max(1, keepdims=True) - 0.05).argmax(1)
    voiced = likeness.max(1) > _VOICED
    return np.asarray(rate_hz / lags[best[voiced]])
