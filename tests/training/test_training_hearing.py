from __future__ import annotations

import numpy as np
import pytest

from zelitrio.training import hearing
from zelitrio.training.hearing import at_16k, hear, plain_words, word_edits
from zelitrio.training.samples import say
from zelitrio.voices import load_builtin


def test_words_are_counted_as_changed_added_or_taken_away() -> None:
    assert word_edits("a b c".split(), "a b c".split()) == 0
    assert word_edits("a b c".split(), "a x c".split()) == 1
    assert word_edits("a b c".split(), "b c d e".split()) == 3
    assert word_edits([], ["a"]) == 1
    assert plain_words(["Don't", "twenty-one", "U.S."]) == ["dont", "twenty", "one", "us"]


def test_a_tone_keeps_its_pitch_at_the_recognisers_rate() -> None:
    pcm = (0.3 * np.sin(2 * np.pi * 1_000 * np.arange(24_001) / 24_000)).astype(np.float32)
    heard = at_16k(pcm)
    assert len(heard) == 16_000
    assert int(np.abs(np.fft.rfft(heard)).argmax()) == 1_000


def test_the_built_in_voice_is_understood_and_without_a_listener_not_scored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hearing, "missing_ears", lambda: ["speechmos", "onnxruntime"])
    heard = hear(say(load_builtin().default, ["Please leave your message after the tone."]))
    assert heard.words == 7
    assert heard.word_error is not None and heard.word_error <= 3 / 7
    assert heard.overall is None
