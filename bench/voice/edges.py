"""Facts of a signal's edges and level: silence at both ends, clicks, level of the speech."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.voice.spoken import RATE_HZ, Pcm

BLOCK_MS = 5
QUIET = 1e-4
"""Power below the loudest block's by this, 40 dB, is silence."""
ROOM = 1e-3
_ONE_BURST = RATE_HZ // 100
"""Sharp bends that follow each other within this many samples are one burst."""


def silence_ms(pcm: Pcm, quiet: float = QUIET) -> tuple[float, float]:
    """Silence at both ends: until the first and after the last 5 ms block that is louder than `quiet`.

    `quiet` is a share of the loudest block's power.
    """
    block = RATE_HZ * BLOCK_MS // 1000
    power = np.mean(np.square(pcm[: len(pcm) // block * block].reshape(-1, block), dtype=np.float64), 1)
    heard = np.flatnonzero(power > power.max(initial=0.0) * quiet)
    if not len(heard):
        return len(pcm) / RATE_HZ * 1000, 0.0
    return float(heard[0] * BLOCK_MS), float((len(power) - 1 - heard[-1]) * BLOCK_MS)


def trimmed(pcm: Pcm) -> Pcm:
    """Without what is 30 dB below the loudest block at both ends: a recording's room counts as silence."""
    lead, tail = (round(ms * RATE_HZ / 1000) for ms in silence_ms(pcm, ROOM))
    return pcm[lead : len(pcm) - tail]


def sharp_places(pcm: Pcm) -> list[int]:
    """Samples of bends of the waveform 12 times sharper than those of the 20 ms around, one per 10 ms.

    A jump between two samples is one, and so is the release of a plosive that is clearly spoken.
    """
    block = RATE_HZ // 1000
    bend = np.abs(np.diff(pcm.astype(np.float64), 2))
    sharp = bend[: len(bend) // block * block].reshape(-1, block).max(1)
    if len(sharp) < 41:
        return []
    around = np.median(np.lib.stride_tricks.sliding_window_view(np.pad(sharp, 20, mode="edge"), 41), axis=1)
    found: list[int] = []
    for at in np.flatnonzero((sharp > 12 * around) & (sharp > 0.02)).tolist():
        if not found or at * block - found[-1] > _ONE_BURST:
            found.append(at * block)
    return found


def clicks(pcm: Pcm, releases: Sequence[tuple[int, int]]) -> int:
    """Count sharp bends that are no plosive's release.

    Args:
        pcm: samples.
        releases: first and last sample of each time in which a plosive may be released.
    """
    return sum(not any(begin <= place <= end for begin, end in releases) for place in sharp_places(pcm))
