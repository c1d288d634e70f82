"""Turn predicted durations into whole frames: words keep their length, pauses at the ends are cut."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zelitrio.text import PHONES
from zelitrio.voices.inputs import PhoneInputs

# Silence before the first word adds latency; silence after the last word delays the other speaker.
_LEADING_FRAMES, _TRAILING_FRAMES = 1, 5
_AFTER_SOFT_FRAMES, _LAST_STOP_FRAMES = 1, 7
"""Shorter limits next to silent phones.  A last P, T or K is often not released, so its closure is already
silence; the ends of other soft phones nearly are; and the closure of a first plosive is silence too."""
_STOPS = frozenset(PHONES.index(phone) for phone in ("K", "P", "T"))
_SOFT = _STOPS | {PHONES.index(phone) for phone in ("B", "CH", "D", "DH", "F", "G", "JH", "TH", "V")}
_LONGEST_FRAMES = 200
"""Two seconds: the limit for a phone, and for a pause that was not requested."""


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

    A phone has at least one frame; a pause of less than half a frame has none.

    Args:
        inputs: the tokens; the first and the last are pauses.
        frames: [n] predicted frames at speed 1.
        speed: factor of the speed; requested pauses keep their length.
        hop_ms: milliseconds of a frame.
        joins: whether the previous utterance began the sentence; then there is no pause at the start.
        is_cut: whether the next utterance continues the sentence; then there is no pause at the end.

    Returns:
        [n] whole frames.
    """
    # Plain Python, because for so few numbers numpy takes several times as long on an uncached call.
    wanted = [
        (0.0 if frame < 0.5 else frame) / speed if word < 0 else (1.0 if frame < 1.0 else frame) / speed
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
        if pause_s == pause_s:  # not NaN: the pause was requested
            wanted[at] = pause_s * (1000 / hop_ms)
    return whole_durations(wanted)


def _bounded(frames: Sequence[float]) -> list[float]:
    """Clamp predictions to 0 and the longest; NaN becomes one frame."""
    return [
        frame if 0.0 <= frame <= _LONGEST_FRAMES else _nearest(frame)  # nearly all are within
        for frame in frames
    ]


def _nearest(frame: float) -> float:
    return min(max(frame, 0.0), _LONGEST_FRAMES) if frame == frame else 1.0


def whole_durations(frames: Sequence[float]) -> NDArray[np.int64]:
    """Round durations to whole frames without adding up rounding errors.

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
