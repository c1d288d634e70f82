"""Durations become frames; context is read and not spoken."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from laid_out import MODEL, laid_out

from zelitrio.engine.timeline import faded, trimmed
from zelitrio.text import Break, Utterance, Word, load_front_end, read_text

TWO_WORDS = Utterance(
    "we do",
    (Word("we", (0, 2), ("W", "IY1"), Break.COMMA, 0.5), Word("do", (3, 5), ("D", "UW1"), Break.STOP)),
)


def test_words_are_timed_by_their_phones_and_asked_for_pauses_last_as_asked() -> None:
    timeline = laid_out(TWO_WORDS, [2, 5, 5, 9, 6, 6, 3])
    assert timeline.word_times_ms == ((10, 110), (610, 730))
    assert timeline.heard == 1 + 10 + 50 + 12 + 3


def test_speed_shortens_speech_but_not_asked_for_pauses() -> None:
    frames = [2, 10, 10, 9, 10, 10, 4]
    plain, fast = (laid_out(TWO_WORDS, frames, speed=speed) for speed in (1.0, 1.2))
    assert plain.heard - 50 == pytest.approx(1.2 * (fast.heard - 50), abs=1)


def test_speech_begins_and_ends_without_delay_whatever_the_network_predicts() -> None:
    timeline = laid_out(TWO_WORDS, 150)
    assert timeline.word_times_ms[0][0] == 10
    assert timeline.heard * 10 - timeline.word_times_ms[-1][1] == 50


def test_extreme_predictions_are_bounded() -> None:
    assert 3 < laid_out(TWO_WORDS, [np.nan, np.inf, -np.inf, 1e30, np.nan, 0, 0]).heard < 1000


def test_a_context_is_read_and_takes_no_time() -> None:
    said, both = attrs.evolve(TWO_WORDS.words[0], pause_s=None), TWO_WORDS.words
    utterance = Utterance("we do", both, context=(said, said))
    timeline = laid_out(utterance, [4, 5, 5, 7, 5, 5, 7, 5, 5, 9, 6, 6, 3])
    assert timeline.word_times_ms == ((0, 100), (600, 720))
    frames = timeline.frames
    assert frames.tokens.min() == 7 and len(frames) == len(frames.places) == 10 + 50 + 12 + 3


def test_a_pause_that_was_asked_for_after_a_context_is_heard() -> None:
    said = attrs.evolve(TWO_WORDS.words[1], after=Break.NONE, pause_s=0.3)
    timeline = laid_out(Utterance("we do", TWO_WORDS.words, context=(said,)), 5)
    assert timeline.word_times_ms[0] == (300, 400)


@pytest.mark.parametrize("text", ["word " * 600, "One, two. " * 200 + "x" * 2000])
def test_utterances_of_the_models_limit_fit_its_memory(text: str) -> None:
    for utterance in read_text(text, limit=MODEL.limit):
        assert len(MODEL.read(utterance)) <= MODEL.facts.most_tokens


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
    times = laid_out(Utterance("do  do", words), 5).word_times_ms
    assert len(times) == 3
    assert times[1] == (times[0][1], times[0][1])


@pytest.mark.parametrize("places", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 2), (0, 1, 2)])
@pytest.mark.parametrize("context", [0, 1])
def test_every_word_has_times_whichever_have_no_phones(places: tuple[int, ...], context: int) -> None:
    word = attrs.evolve(TWO_WORDS.words[1], after=Break.NONE)
    words = tuple(attrs.evolve(word, phones=()) if at in places else word for at in range(3))
    utterance = Utterance("do do do", words, context=(word,) * context)
    timeline = laid_out(utterance, 5)
    times = timeline.word_times_ms
    assert len(times) == len(timeline.phone_edges_ms(words)) == 3
    assert [begin == end for begin, end in times] == [at in places for at in range(3)]
    assert [number for pair in times for number in pair] == sorted(
        number for pair in times for number in pair
    )
    assert len(faded(times, words, 20)) == 3


def test_silence_that_a_network_puts_around_an_utterance_is_not_spoken() -> None:
    timeline = laid_out(TWO_WORDS, [2, 5, 5, 9, 6, 6, 3])
    cut = trimmed(timeline, 4, timeline.end - 2)
    assert (cut.begin, cut.heard) == (4, timeline.heard - 6)
    assert cut.word_times_ms[0][0] == 0 and cut.word_times_ms[1][0] == timeline.word_times_ms[1][0] - 40
    assert trimmed(timeline, -3, 10_000) == timeline or trimmed(timeline, -3, 10_000).heard == timeline.heard
    assert trimmed(timeline, 500, 400).heard == 0
