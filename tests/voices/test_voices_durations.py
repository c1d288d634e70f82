from __future__ import annotations

import attrs
import numpy as np
import pytest

from zelitrio.text import (
    Break,
    Utterance,
    Word,
)
from zelitrio.text.types import Prosody
from zelitrio.voices import (
    phone_inputs,
    spoken_durations,
)
from zelitrio.voices.inputs import PhoneInputs


def word(*phones: str, pause_s: float | None = None) -> PhoneInputs:
    return phone_inputs(Utterance("", (Word("x", (0, 0), phones, Break.STOP, pause_s=pause_s),)))


@pytest.mark.parametrize("last", ["P", "T", "K"])
def test_silence_after_a_last_stop_that_is_not_released_is_short(last: str) -> None:
    predicted = np.array([1.0, 9.0, 14.0, 9.0], np.float32)
    assert spoken_durations(word("AE1", last), predicted).tolist() == [1, 9, 7, 1]
    assert spoken_durations(word("AE1", "N"), predicted).tolist() == [1, 9, 14, 5]
    assert spoken_durations(word("AE1", "V"), predicted).tolist() == [1, 9, 14, 1]


def test_there_is_no_silence_before_a_first_sound_that_begins_with_its_own() -> None:
    predicted = np.array([1.0, 9.0, 9.0, 9.0], np.float32)
    assert spoken_durations(word("CH", "AE1"), predicted)[0] == 0
    assert spoken_durations(word("M", "AE1"), predicted)[0] == 1


def test_a_stop_keeps_its_time_where_the_sentence_goes_on_and_a_pause_that_was_asked_for_its_own() -> None:
    predicted = np.array([1.0, 9.0, 14.0, 9.0], np.float32)
    assert spoken_durations(word("AE1", "T"), predicted, is_cut=True).tolist() == [1, 9, 14, 1]
    assert spoken_durations(word("AE1", "T", pause_s=0.5), predicted).tolist() == [1, 9, 7, 50]


def test_prosody_stretches_the_words_it_is_for_and_raises_their_pitch() -> None:
    words = [Word(name, (at, at + 1), ("L", "OW1")) for at, name in enumerate("abc")]
    plain = phone_inputs(Utterance("abc", tuple(words)))
    words[1] = attrs.evolve(words[1], prosody=Prosody(0.5, 0.1))
    asked = phone_inputs(Utterance("abc", tuple(words)))
    frames = np.full(len(plain), 8.0, np.float32)
    usual, slow = (spoken_durations(one, frames).tolist() for one in (plain, asked))
    assert [new - old for new, old in zip(slow, usual, strict=True)] == [0, 0, 0, 8, 8, 0, 0, 0]
    assert (asked.rises - plain.rises).tolist() == pytest.approx([0, 0, 0, 0.1, 0.1, 0, 0, 0])
