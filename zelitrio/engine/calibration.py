"""Measure the speed of a model on this device before its first stream, for the scheduler."""

from __future__ import annotations

import time

import numpy as np

from zelitrio.engine.calls import EncodeRow, ExpandRow, Frames, SpeakRow
from zelitrio.engine.pace import Ladder, Pace
from zelitrio.engine.runner import Runner
from zelitrio.settings import VoiceSettings
from zelitrio.text import Break, Utterance, Word

_WORDS = 12
_ROUNDS = 7
_LONGEST_S = 0.5
"""No further round after this time, so a slow step is measured once."""


def calibrate(runner: Runner, ladder: Ladder, speaker: object, *, is_wide: bool) -> Pace:
    """Warm the runner up and time its steps, in some tenths of a second.  Uses only the spare slot."""
    frames = _spoken(runner, speaker)
    small, large = min(ladder.windows), max(ladder.windows)
    short_s = _step_s(runner, frames, small, 1)
    long_s = _step_s(runner, frames, large, 1)
    for window in ladder.windows:
        _step_s(runner, frames, window, 1, rounds=1)
    frame_s = max((long_s - short_s) / (large - small), 1e-7)
    batch = ladder.rows(ladder.full) if is_wide else 1
    best = ladder.full if is_wide else large
    best_s = _step_s(runner, frames, best, batch) if is_wide else long_s
    return Pace(
        frame_s=frame_s,
        step_s=max(short_s - small * frame_s, 0.0),
        is_wide=is_wide,
        frames_per_s=batch * best / best_s,
    )


def _spoken(runner: Runner, speaker: object) -> Frames:
    """Encode, lay out and expand a sentence in the spare slot; return its frames."""
    word = Word("warm", (0, 0), ("W", "AO1", "R", "M"))
    words = (*(word,) * _WORDS, Word("up", (0, 0), ("AH1", "P"), Break.STOP))
    model = runner.model
    reading = model.read(Utterance("", words))
    columns = model.columns(reading, speaker, VoiceSettings(), 0)
    row = EncodeRow(slot=runner.spare, tokens=len(reading), columns=columns)
    for _ in range(2):
        read = runner.encode([row]).wait()
    durations = model.durations(
        reading, read[0, 0, : len(reading)].copy(), speed=1.0, joins=False, is_cut=False
    )
    tokens = np.repeat(np.arange(len(durations)), durations)
    frames = Frames(tokens=tokens, places=model.places(durations))
    if runner.facts.frame_ladder:
        for _ in range(2):
            runner.expand([ExpandRow(slot=runner.spare, frames=frames, noise_at=0)]).wait()
    return frames


def _step_s(runner: Runner, frames: Frames, window: int, batch: int, rounds: int = _ROUNDS) -> float:
    row = SpeakRow(slot=runner.spare, frames=frames, first=0, noise_at=0)
    taken: list[float] = []
    while len(taken) < 1 + rounds and (len(taken) < 2 or sum(taken) < _LONGEST_S):
        begin = time.perf_counter()
        runner.speak([row] * batch, window).wait()
        taken.append(time.perf_counter() - begin)
    return min(taken[1:])  # other programs may slow some of them down
