"""From a chunk as it was read to a chunk as it is said, behind the one before it.

The networks read a sentence's rest again from the sentence's beginning, now that they know how it goes on,
and read the end that was heard already somewhat higher or lower than it was said.  So the rest begins by
part of that difference nearer to what was heard, and goes over to its own pitch within some syllables.
"""

from __future__ import annotations

import math

import attrs
import numpy as np
from numpy.typing import NDArray

from zelitrio.engine.commands import Speak
from zelitrio.engine.timeline import Timeline, lay_out
from zelitrio.voices import PhoneInputs

LEAN_SHARE = 0.6
"""Of the difference.  Jumps of pitch at 200 joins of two voices are then as at the same places of uncut
sentences (medians 0.77 and 1.03 semitones, uncut 0.72 and 1.05; without 1.02 and 1.15); with all of it the
largest grow again."""
LEAN_MOST = 1.5 * math.log(2.0) / 12
"""In ln f0: beyond, the two readings mean different melodies."""
LEAN_FRAMES = 20.0
"""In which it falls to 1/e."""


def lay_out_behind(
    before: Timeline | None,
    speak: Speak,
    inputs: PhoneInputs,
    read: NDArray[np.float32],
    hop_ms: float,
    lag: int,
) -> Timeline:
    """Lay a chunk out in time.

    Args:
        before: the stream's chunk before it, if there was one.
        speak: what is asked for.
        inputs: its tokens.
        read: [2, tokens or more], of each token the frames at speed 1, and ln f0 about the speaker's mean.
        hop_ms: milliseconds in a frame.
        lag: frames that the networks look ahead.
    """
    utterance = speak.utterance
    unheard_words = len(utterance.context)
    taken_over = before.given_up if utterance.joins and before is not None else 0
    timeline = lay_out(
        inputs,
        read[0, : len(inputs)],
        speak.settings.speed,
        hop_ms,
        joins=utterance.joins,
        is_cut=utterance.is_cut,
        unheard_words=unheard_words,
        taken_over=taken_over,
        lag=lag,
    )
    said = np.flatnonzero(inputs.words >= 0)
    ends_at = float(read[1, said[-1]]) if len(said) else 0.0
    again = np.flatnonzero((inputs.words >= 0) & (inputs.words < unheard_words))
    if not taken_over or before is None or not len(again):
        return attrs.evolve(timeline, ends_at=ends_at)
    apart = LEAN_SHARE * (before.ends_at - float(read[1, again[-1]]))
    since = np.maximum(np.arange(timeline.length, dtype=np.float32) - timeline.begin, 0.0)
    lean = np.float32(min(LEAN_MOST, max(-LEAN_MOST, apart))) * np.exp(since / np.float32(-LEAN_FRAMES))
    return attrs.evolve(timeline, ends_at=ends_at + float(lean[timeline.end - 1]), lean=lean)
