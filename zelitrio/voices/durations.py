"""From predicted durations to whole frames: words keep their time, and pauses stay short."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zelitrio.text import PHONES
from zelitrio.voices.inputs import PhoneInputs

# Silence before the first word is latency, after the last one it delays the other speaker.
_LEADING_FRAMES, _TRAILING_FRAMES = 1, 5
_AFTER_SOFT_FRAMES, _LAST_STOP_FRAMES = 1, 7
"""A last P, T or K is often not released: its closure is silence already, and so is the end of other soft
sounds, and what follows adds to it; as does what goes before a first closure."""
_STOPS = frozenset(PHONES.index(phone) for phone in ("K", "P", "T"))
_SOFT = _STOPS | {PHONES.index(phone) for phone in ("B", "CH", "D", "DH", "F", "G", "JH", "TH", "V")}
_LONGEST_FRAMES = 200
"""Two seconds: no phone or unasked pause is longer, whatever a network may predict."""


def spoken_durations(
    inputs: PhoneInputs,
    frames: NDArray[np.float32],
    *,
    speed: float = 1.0,
    hop_ms: float = 10.0,
    joins: bool = False,
    is_cut: bool = False,
) -> NDArray[np.int64]:
    """Give every token its frames.

    A phone has at least one; a pause of less than half of one has none.

    Args:
        inputs: the tokens, first and last of them pauses.
        frames: [n] predicted frames at speed 1.
        speed: how much faster to speak; asked-for pauses keep their length.
        hop_ms: milliseconds in a frame.
        joins: no pause at the start: the sentence began in the utterance before.
        is_cut: no pause at the end: the sentence goes on in the next.

    Returns:
        [n] whole frames.
    """
    # Plain Python: of so few numbers, cold calls into numpy cost a waiting listener several times as much.
    wanted = [
        (0.0 if frame < 0.5 else frame) / speed if word < 0 else max(frame, 1.0) / speed
        for frame, word in zip(_bounded(frames.tolist()), inputs.words.tolist(), strict=True)
    ]
    if inputs.rates is not None:
        wanted = [frame / rate for frame, rate in zip(wanted, inputs.rates.tolist(), strict=True)]
    begins_soft = len(wanted) > 2 and int(inputs.phones[1]) in _SOFT
    wanted[0] = 0.0 if joins or begins_soft else min(wanted[0], _LEADING_FRAMES)
    if is_cut:
        wanted[-1] = min(wanted[-1], 1.0)
    else:
        last = int(inputs.phones[-2])
        if last in _STOPS:
            wanted[-2] = min(wanted[-2], _LAST_STOP_FRAMES)
        longest = _AFTER_SOFT_FRAMES if last in _SOFT else _TRAILING_FRAMES
        wanted[-1] = min(max(wanted[-1], 1.0), longest)
    for at, pause_s in enumerate(inputs.pauses_s.tolist()):
        if pause_s == pause_s:  # asked for: not nan
            wanted[at] = pause_s * (1000 / hop_ms)
    return whole_durations(wanted)


def _bounded(frames: Sequence[float]) -> list[float]:
    """Clamp predictions to 0 and the longest; NaN becomes one frame."""
    return [min(max(frame, 0.0), _LONGEST_FRAMES) if frame == frame else 1.0 for frame in frames]


def whole_durations(frames: Sequence[float]) -> NDArray[np.int64]:
    """Round durations to whole frames without letting the rounding add up.

    Args:
        frames: [n] durations in frames, at least 0.

    Returns:
        [n] whole frames; their running sum stays within half a frame of that of `frames`.
    """
    total, before = 0.0, 0
    whole = []
    for frame in frames:
        total += frame
        end = math.floor(total + 0.5)
        whole.append(end - before)
        before = end
    return np.array(whole, np.int64)
