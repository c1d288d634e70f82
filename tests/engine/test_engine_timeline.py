"""Durations become frames; a context is read and not heard."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from tiny_voice import tiny_catalogue

from zelitrio.engine.runner import MAX_TOKENS
from zelitrio.engine.timeline import faded, lay_out
from zelitrio.text import Break, Utterance, Word, load_front_end, read_text
from zelitrio.voices import phone_inputs

TWO_WORDS = Utterance(
    "we do",
    (Word("we", (0, 2), ("W", "IY1"), Break.COMMA, 0.5), Word("do", (3, 5), ("D", "UW1"), Break.STOP)),
)


def test_words_are_timed_by_their_phones_and_asked_for_pauses_last_as_asked() -> None:
    inputs = phone_inputs(TWO_WORDS)
    timeline = lay_out(inputs, np.array([2, 5, 5, 9, 6, 6, 3], np.float32), 1.0, 10.0)
    assert timeline.word_times_ms == ((10, 110), (610, 730))
    assert timeline.length == 1 + 10 + 50 + 12 + 3


def test_speed_shortens_speech_but_not_asked_for_pauses() -> None:
    inputs = phone_inputs(TWO_WORDS)
    frames = np.array([2, 10, 10, 9, 10, 10, 4], np.float32)
    plain, fast = (lay_out(inputs, frames, speed, 10.0) for speed in (1.0, 1.25))
    assert plain.length - 50 == pytest.approx(1.25 * (fast.length - 50), abs=1)


def test_speech_begins_and_ends_without_delay_whatever_the_network_predicts() -> None:
    inputs = phone_inputs(TWO_WORDS)
    timeline = lay_out(inputs, np.full(7, 150, np.float32), 1.0, 10.0)
    assert timeline.word_times_ms[0][0] == 10
    assert timeline.length * 10 - timeline.word_times_ms[-1][1] == 50


def test_a_network_gone_mad_is_bounded() -> None:
    inputs = phone_inputs(TWO_WORDS)
    wild = np.array([np.nan, np.inf, -np.inf, 1e30, np.nan, 0, 0], np.float32)
    assert 3 < lay_out(inputs, wild, 1.0, 10.0).length < 1000


def test_a_context_is_read_and_takes_no_time() -> None:
    said, both = attrs.evolve(TWO_WORDS.words[0], pause_s=None), TWO_WORDS.words
    inputs = phone_inputs(Utterance("we do", both, context=(said, said)))
    frames = np.array([4, 5, 5, 7, 5, 5, 7, 5, 5, 9, 6, 6, 3], np.float32)
    timeline = lay_out(inputs, frames, 1.0, 10.0, unheard_words=2)
    assert timeline.word_times_ms == ((0, 100), (600, 720))
    assert timeline.phones.min() == 7 and timeline.length == len(timeline.positions) == 10 + 50 + 12 + 3


def test_a_pause_that_was_asked_for_after_a_context_is_heard() -> None:
    said = attrs.evolve(TWO_WORDS.words[1], after=Break.NONE, pause_s=0.3)
    inputs = phone_inputs(Utterance("we do", TWO_WORDS.words, context=(said,)))
    timeline = lay_out(inputs, np.full(len(inputs), 5, np.float32), 1.0, 10.0, unheard_words=1)
    assert timeline.word_times_ms[0] == (300, 400)


@pytest.mark.parametrize("text", ["word " * 600, "One, two. " * 200 + "x" * 2000])
def test_utterances_of_the_models_limit_fit_its_memory(text: str) -> None:
    limit = tiny_catalogue().default.limit
    for utterance in read_text(text, limit=limit):
        assert len(phone_inputs(utterance)) <= MAX_TOKENS


def test_words_before_a_pause_end_when_they_have_faded() -> None:
    words = load_front_end().utterance("Yes, we do it", ends_sentence=False).words
    times = ((0, 300), (400, 500), (500, 510), (510, 700))
    assert faded(times, words, 20) == ((0, 280), (400, 500), (500, 510), (510, 700))
    asked = tuple(attrs.evolve(word, pause_s=0.2) for word in words[1:2])
    assert faded(times[1:2], asked, 20) == ((400, 480),)
    assert faded(((0, 10),), load_front_end().utterance("Yes.").words, 20) == ((0, 0),)


def test_a_word_without_phones_takes_no_time_and_keeps_its_place() -> None:
    word = TWO_WORDS.words[1]
    words = (attrs.evolve(word, after=Break.NONE), attrs.evolve(word, phones=(), after=Break.NONE), word)
    inputs = phone_inputs(Utterance("do  do", words))
    times = lay_out(inputs, np.full(len(inputs), 5, np.float32), 1.0, 10.0).word_times_ms
    assert len(times) == 3
    assert times[1] == (times[0][1], times[0][1])
