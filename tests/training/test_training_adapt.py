from __future__ import annotations

from pathlib import Path

from tiny_voice import tiny_model

from zelitrio.training.adapt import begin_from
from zelitrio.training.loop import load_checkpoint


def test_a_vocoder_that_learns_on_takes_pitch_as_it_is_told(tmp_path: Path) -> None:
    assert tiny_model().vocoder.config.jitter_cents > 0
    _, vocoder = begin_from(tiny_model(), 0, "me", tmp_path)
    state = load_checkpoint(vocoder)
    assert state is not None
    assert state["config"]["jitter_cents"] == 0
