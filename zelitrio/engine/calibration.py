"""What this device can do, measured before the first stream: the pace that scheduling goes by."""

from __future__ import annotations

import time

import numpy as np

from zelitrio.engine.lanes import FULL_WINDOW, Ladder, Pace
from zelitrio.engine.runner import EncodeRow, Runner, SpeakRow
from zelitrio.engine.timeline import Timeline, lay_out
from zelitrio.settings import VoiceSettings
from zelitrio.text import Break, Utterance, Word
from zelitrio.voices import phone_inputs

_WORDS = 12
_ROUNDS = 7


def calibrate(runner: Runner, ladder: Ladder) -> Pace:
    """Warm the runner up and time its steps.  Takes a few tenths of a second; leaves no trace."""
    word = Word("warm", (0, 0), ("W", "AO1", "R", "M"))
    inputs = phone_inputs(Utterance("", (word,) * _WORDS + (Word("up", (0, 0), ("AH1", "P"), Break.STOP),)))
    # The spare slot: no stream ever reads what is left there.
    row = EncodeRow(slot=runner.slots, inputs=inputs, speaker=0, settings=VoiceSettings(), seed=0)
    for _ in range(2):
        runner.encode([row]).wait()
    timeline = lay_out(inputs, np.full(len(inputs), 8.0, np.float32), 1.0, 10.0)
    small, large = min(ladder.windows), max(ladder.windows)
    short_s = _step_s(runner, timeline, small, 1)
    long_s = _step_s(runner, timeline, large, 1)
    for window in ladder.windows:
        _step_s(runner, timeline, window, 1, rounds=1)
    frame_s = max((long_s - short_s) / (large - small), 1e-7)
    is_wide = runner.device.type == "cuda"
    full = max(window for window in ladder.windows if window <= FULL_WINDOW)
    batch = ladder.rows(full) if is_wide else 1
    best_s = _step_s(runner, timeline, full, batch) if is_wide else long_s
    return Pace(
        lag=runner.lag,
        frame_s=frame_s,
        step_s=max(short_s - small * frame_s, 0.0),
        is_wide=is_wide,
        frames_per_s=batch * full / best_s,
        hop_s=runner.hop_samples / runner.sample_rate_hz,
    )


def _step_s(runner: Runner, timeline: Timeline, window: int, batch: int, rounds: int = _ROUNDS) -> float:
    """Seconds of one step: the least of some, since whatever else runs now will not run for ever."""
    row = SpeakRow(slot=runner.slots, timeline=timeline, speaker=0, first=0, noise_at=0)
    taken = []
    for _ in range(1 + rounds):
        begin = time.perf_counter()
        runner.speak([row] * batch, window).wait()
        taken.append(time.perf_counter() - begin)
    return min(taken[1:])
