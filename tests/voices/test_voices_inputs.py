"""The inputs of the acoustic model."""

from __future__ import annotations

import numpy as np

from zelitrio.text import Break, Utterance, Word
from zelitrio.voices import (
    FEATURES,
    PHONE_TOKENS,
    STRESS_TOKENS,
    frame_positions,
    phone_inputs,
)
from zelitrio.voices.durations import whole_durations


def utterance(*words: Word) -> Utterance:
    return Utterance("", words)


HELLO = Word("hello", (0, 5), ("HH", "AH0", "L", "OW1"), Break.COMMA)
YOU = Word("you", (7, 10), ("Y", "UW1"), Break.QUESTION)


def test_a_pause_opens_and_every_break_is_a_pause() -> None:
    inputs = phone_inputs(utterance(HELLO, YOU))
    assert inputs.words.tolist() == [-1, 0, 0, 0, 0, -1, 1, 1, -1]
    assert len(set(inputs.phones[[0, 5, 8]])) == 1
    assert len(set(inputs.stresses[[0, 5, 8]])) == 3  # start, comma, question
    assert inputs.features.shape == (9, FEATURES)
    assert inputs.phones.max() < PHONE_TOKENS
    assert inputs.stresses.max() < STRESS_TOKENS


def test_an_empty_utterance_is_two_pauses() -> None:
    assert phone_inputs(utterance()).words.tolist() == [-1, -1]


def test_a_phrase_is_marked_with_its_end() -> None:
    inputs = phone_inputs(utterance(HELLO, YOU))
    assert inputs.features[1:6, 8].max() == 0.0
    assert inputs.features[6:9, 8].min() == 1.0


def test_every_phone_knows_where_in_its_word_and_phrase_it_stands() -> None:
    words = (Word("the", (0, 3), ("DH", "AH0")), Word("cat", (4, 7), ("K", "AE1", "T"), Break.COMMA))
    features = phone_inputs(Utterance("the cat", (*words, Word("I", (8, 9), ("AY1",), Break.STOP)))).features
    log = np.log1p
    np.testing.assert_allclose(
        features[:, :4],
        [
            [0, 0, 0, 0],
            [1, 0, 1, log(1) / 3],
            [0, 1, 1, log(1) / 3],
            [1, 0, 0, log(2) / 3],
            [0, 0, 0, log(2) / 3],
            [0, 1, 0, log(2) / 3],
            [0, 0, 0, 0],
            [1, 1, 0, 0],
            [0, 0, 0, 0],
        ],
        rtol=1e-6,
    )
    since, left, length = [1, 2, 3, 4, 5, 6, 1, 2], [5, 4, 3, 2, 1, 0, 1, 0], [6] * 6 + [2] * 2
    places = [log(since) / 4, log(left) / 4, np.divide(since, length), log(length) / 4]
    np.testing.assert_allclose(features[1:, 4:8], np.transpose(places), rtol=1e-6)
    assert not features[0].any()
    assert features[1:, 11].tolist() == [0] * 6 + [0.5] * 2


def test_an_asked_for_pause_is_kept() -> None:
    inputs = phone_inputs(utterance(Word("a", (0, 1), ("AH0",), Break.NONE, 1.5), YOU))
    assert inputs.pauses_s[2] == 1.5
    assert np.isnan(inputs.pauses_s[[0, 1, 3]]).all()


def test_rounding_durations_never_adds_up() -> None:
    frames = np.full(1000, 3.3)
    whole = whole_durations(frames)
    assert set(whole.tolist()) == {3, 4}
    assert np.abs(np.cumsum(whole) - np.cumsum(frames)).max() <= 0.5


def test_frames_know_their_phone_and_place() -> None:
    phones, positions = frame_positions(np.array([2, 0, 3]))
    assert phones.tolist() == [0, 0, 2, 2, 2]
    assert np.allclose(positions[:, 0], [0.25, 0.75, 1 / 6, 3 / 6, 5 / 6])
    assert positions.dtype == np.float32


def test_a_pause_asked_for_before_the_first_word_is_the_first_token() -> None:
    inputs = phone_inputs(Utterance("", (YOU,), 0.7))
    assert inputs.pauses_s[0] == np.float32(0.7)
