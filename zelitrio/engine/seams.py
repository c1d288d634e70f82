"""Where two utterances are one sentence: the end of the one goes over into the other's reading of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def cross(tail: NDArray[np.float32], pcm: NDArray[np.float32], samples: int) -> None:
    """Fade `pcm` in under `tail` over its first `samples`, in place.

    The pulses of two readings are at unrelated places, so their powers add up and not their
    amplitudes: it is the fades' squares that sum to one.

    Args:
        tail: [m] samples that the one before has left over.
        pcm: [n] samples that go on from there.
        samples: how long to cross over, if both are as long.
    """
    fade = _fade_out(min(samples, len(tail), len(pcm)))
    count = len(fade)
    pcm[:count] = pcm[:count] * fade[::-1] + tail[:count] * fade


def close(tail: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    """The tail, [m] samples, of a sentence left open for good, its last `samples` faded out in place."""
    fade = _fade_out(min(samples, len(tail)))
    tail[len(tail) - len(fade) :] *= fade
    return tail


def _fade_out(samples: int) -> NDArray[np.float32]:
    return np.cos((np.arange(samples, dtype=np.float32) + 0.5) * np.float32(np.pi / 2 / max(1, samples)))
