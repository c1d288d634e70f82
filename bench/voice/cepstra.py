"""The spectral distance of two recordings of the same words, independent of their timing.

Mel-cepstral distance in dB after dynamic time warping.  With n log-mel magnitudes x_i every 10 ms,

    c_k = 2/n * sum_i x_i cos(pi k (i + 1/2) / n),  k = 1..13
    MCD = 10 sqrt(2) / ln 10 * mean over the path of sqrt(sum_k (c_k - c'_k)^2)

This is the root mean square difference, in dB over the mel scale, of two smoothed spectra without their
levels (c_0).  Of 80 bands up to 12 kHz, those above the limit of the speaker's recordings are left out.
Silence at both ends is cut off.  A pair counts if the frame of the first is within 40 dB of its loudest.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from bench.voice.edges import QUIET
from bench.voice.spoken import Pcm
from zelitrio.training import log_mel, magnitudes, mel_centres_hz

COEFFICIENTS = 13
DB = 10 * np.sqrt(2) / np.log(10)
HOP_SAMPLES, FFT_SAMPLES = 240, 960
Array = npt.NDArray[np.float64]


def cepstra(pcm: Pcm, band_hz: float) -> Array:
    """Cepstral coefficients 1 to 13 of each frame up to `band_hz`, [frames, 13]."""
    ln_mel = log_mel(torch.from_numpy(pcm)[None])[0].T.double().numpy()
    return cepstra_of(ln_mel[:, mel_centres_hz() < band_hz])


def cepstra_of(ln_mel: Array) -> Array:
    """The same of log-mel frames, [frames, mels]."""
    mels = ln_mel.shape[1]
    orders = np.arange(1, COEFFICIENTS + 1)[None]
    return np.asarray(ln_mel @ np.cos(np.pi * orders * (np.arange(mels)[:, None] + 0.5) / mels) * 2 / mels)


def is_active(pcm: Pcm) -> npt.NDArray[np.bool_]:
    """Which frames are within 40 dB of the loudest, [frames]."""
    power = (magnitudes(torch.from_numpy(pcm)[None], FFT_SAMPLES, HOP_SAMPLES)[0] ** 2).sum(0).numpy()
    return np.asarray(power > power.max(initial=0.0) * QUIET)


def warp(one: Array, other: Array) -> npt.NDArray[np.int64]:
    """The cheapest monotonic path through both, [pairs, 2]; a step is one frame of either or both."""
    square = (one**2).sum(1)[:, None] + (other**2).sum(1)[None] - 2 * one @ other.T
    cost = np.sqrt(np.maximum(square, 0.0)).tolist()
    rows, columns = len(one), len(other)
    infinite = float("inf")
    total = [[infinite] * (columns + 1) for _ in range(rows + 1)]
    total[0][0] = 0.0
    for i in range(rows):
        above, here, costs = total[i], total[i + 1], cost[i]
        for j in range(columns):
            here[j + 1] = costs[j] + min(above[j], above[j + 1], here[j])
    i, j = rows, columns
    path = []
    while i and j:
        path.append((i - 1, j - 1))
        _, i, j = min(
            (total[i - 1][j - 1], i - 1, j - 1), (total[i - 1][j], i - 1, j), (total[i][j - 1], i, j - 1)
        )
    return np.array(path[::-1])


def distance_db(
    one: Array, other: Array, path: npt.NDArray[np.int64], counted: npt.NDArray[np.bool_]
) -> float:
    """Mean distance over the pairs that count."""
    pairs = path[counted[path[:, 0]]]
    return float(DB * np.sqrt(((one[pairs[:, 0]] - other[pairs[:, 1]]) ** 2).sum(1)).mean())


def log_spectral_distance_db(one: Pcm, other: Pcm, band_hz: float) -> float:
    """Root mean square of 20 log10 |X|/|Y| over the bins up to `band_hz`, averaged over active frames.

    The recordings must be aligned sample by sample; there is no warping.
    """
    samples = min(len(one), len(other))
    spectra = [
        20 * magnitudes(torch.from_numpy(pcm[:samples])[None], FFT_SAMPLES, HOP_SAMPLES)[0].log10().numpy()
        for pcm in (one, other)
    ]
    bins = int(band_hz / 12_000 * (FFT_SAMPLES // 2)) + 1
    difference = (spectra[0] - spectra[1])[:bins, is_active(one[:samples])]
    return float(np.sqrt((difference**2).mean(0)).mean())
