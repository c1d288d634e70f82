"""Facts of a signal's edges and level: silence at both ends, clicks, level of the speech."""

from __future__ import annotations

import numpy as np

from bench.voice.spoken import RATE_HZ, Pcm

BLOCK_MS = 5
QUIET = 1e-4
"""Power below the loudest block's by this, 40 dB, is silence."""
ROOM = 1e-3


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


def clicks(pcm: Pcm) -> int:
    """Count clicks: 1 ms blocks with a bend of the waveform 12 times sharper than those around it."""
    block = RATE_HZ // 1000
    bend = np.abs(np.diff(pcm.astype(np.float64), 2))
    sharp = bend[: len(bend) // block * block].reshape(-1, block).max(1)
    if len(sharp) < 41:
        return 0
    around = np.median(np.lib.stride_tricks.sliding_window_view(np.pad(sharp, 20, mode="edge"), 41), axis=1)
    return int(np.sum((sharp > 12 * around) & (sharp > 0.02)))
