"""Crossfades where a sentence was cut into two utterances.

Both utterances contain the audio around the cut; the first fades out while the second fades in.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def cross(tail: NDArray[np.float32], pcm: NDArray[np.float32], samples: int) -> None:
    """Fade `tail` out and `pcm` in over the first `samples` of `pcm`, in place.

    The squares of the gains sum to one: the glottal pulses of the two are not aligned, so their powers add,
    not their amplitudes.

    Args:
        tail: [m] remaining samples of the first utterance.
        pcm: [n] samples of the second utterance.
        samples: length of the crossfade; shorter if either array is.
    """
    fade = _fade_out(min(samples, len(tail), len(pcm)))
    count = len(fade)
    pcm[:count] = pcm[:count] * fade[::-1] + tail[:count] * fade


def close(tail: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    """Fade out the last `samples` of a tail [m] that no utterance continues, in place."""
    fade = _fade_out(min(samples, len(tail)))
    tail[len(tail) - len(fade) :] *= fade
    return tail


def _fade_out(samples: int) -> NDArray[np.float32]:
    return np.cos((np.arange(samples, dtype=np.float32) + 0.5) * np.float32(np.pi / 2 / max(1, samples)))
