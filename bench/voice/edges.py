"""Silence at both ends of a signal, and clicks in it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.voice.spoken import RATE_HZ, Pcm

BLOCK_MS = 5
QUIET = 1e-4
"""A block is silent if its power is 40 dB below that of the loudest block."""
ROOM = 1e-3
_ONE_BURST = RATE_HZ // 100
"""Sharp bends within this many samples of each other are one burst."""


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
    """Cut off both ends up to 30 dB below the loudest block, so that room noise counts as silence."""
    lead, tail = (round(ms * RATE_HZ / 1000) for ms in silence_ms(pcm, ROOM))
    return pcm[lead : len(pcm) - tail]


def sharp_places(pcm: Pcm) -> list[int]:
    """Samples at which the waveform bends 12 times sharper than in the 20 ms around, one per 10 ms.

    A jump between two samples is such a bend, and so is a clearly spoken release of a plosive.
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
    """Count sharp bends that are not a plosive's release.

    Args:
        pcm: samples.
        releases: first and last sample of each time in which a plosive may be released.
    """
    return sum(not any(begin <= place <= end for begin, end in releases) for place in sharp_places(pcm))
