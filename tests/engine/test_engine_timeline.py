"""Durations become frames; long utterances become pieces."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from zelitrio.engine.runner import MAX_TOKENS
from zelitrio.engine.timeline import (
    CONTEXT_TOKENS,
    continued,
    ends_cut,
    faded,
    in_context,
    lay_out,
    split_utterance,
)
from zelitrio.text import Break, Utterance, Word, load_front_end
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


def test_what_was_said_before_is_read_and_takes_no_time() -> None:
    said, both = attrs.evolve(TWO_WORDS.words[0], pause_s=None), TWO_WORDS.words
    read, unheard_words = in_context(Utterance("we do", both, said_before=(said, said)))
    assert (unheard_words, [word.after for word in read.words[:2]]) == (2, [Break.COMMA, Break.COMMA])
    frames = np.array([4, 5, 5, 7, 5, 5, 7, 5, 5, 9, 6, 6, 3], np.float32)
    timeline = lay_out(phone_inputs(read), frames, 1.0, 10.0, unheard_words=unheard_words)
    assert timeline.word_times_ms == ((0, 100), (600, 720))
    assert timeline.phones.min() == 7 and timeline.length == len(timeline.positions) == 10 + 50 + 12 + 3


def test_a_pause_that_a_text_begins_with_is_kept_behind_what_was_said_before() -> None:
    said = attrs.evolve(TWO_WORDS.words[1], after=Break.CUT)
    read, unheard_words = in_context(Utterance("we do", TWO_WORDS.words, 0.3, said_before=(said,)))
    frames = np.full(len(phone_inputs(read)), 5, np.float32)
    timeline = lay_out(phone_inputs(read), frames, 1.0, 10.0, unheard_words=unheard_words)
    assert timeline.word_times_ms[0] == (300, 400)


def test_of_what_was_said_before_only_the_end_is_read() -> None:
    said = TWO_WORDS.words[:1] * 1000
    read, unheard_words = in_context(Utterance("we do", TWO_WORDS.words, said_before=said))
    assert 0 < unheard_words * 3 <= CONTEXT_TOKENS and len(read.words) == unheard_words + 2
    assert in_context(Utterance("", (), said_before=said)) == (Utterance("", (), said_before=said), 0)


def test_a_short_utterance_is_one_piece() -> None:
    assert split_utterance(TWO_WORDS, MAX_TOKENS) == [TWO_WORDS]


LONG_WORD = Word("hum", (4, 5), ("HH", "AH1", "M") * 500, Break.STOP)


@pytest.mark.parametrize(
    "utterance",
    [
        load_front_end().utterance("word " * 600),
        load_front_end().utterance("One, two. " * 200 + "x" * 2000),
        Utterance("say m!", (Word("say", (0, 3), ("S", "EY1")), LONG_WORD)),
    ],
    ids=["words", "phrases", "one endless word"],
)
def test_pieces_fit_and_join_to_the_whole(utterance: Utterance) -> None:
    pieces = split_utterance(utterance, MAX_TOKENS)
    assert len(pieces) > 1
    assert "".join(piece.source for piece in pieces) == utterance.source
    assert sum((piece.phones for piece in pieces), ()) == utterance.phones
    for piece in pieces:
        assert len(phone_inputs(piece)) <= MAX_TOKENS
        for word in piece.words:
            assert 0 <= word.span[0] <= word.span[1] <= len(piece.source)
    assert all(ends_cut(piece) or piece.words[-1].after is not Break.NONE for piece in pieces[:-1])


def test_the_rest_of_a_cut_sentence_is_read_behind_its_beginning() -> None:
    told = attrs.evolve(TWO_WORDS.words[0], pause_s=None, after=Break.STOP)
    open_, cut = attrs.evolve(told, after=Break.NONE), attrs.evolve(told, after=Break.CUT)
    first = Utterance("we. we we", (told, open_, cut))
    second = continued(Utterance("we we", (open_, cut)), first)
    assert second.said_before == (open_, cut)
    assert continued(TWO_WORDS, second).said_before == (open_, cut, open_, cut)
    long = Utterance("we " * 300, (open_,) * 300)
    assert len(continued(TWO_WORDS, long).said_before) == CONTEXT_TOKENS


def test_a_sentence_cut_more_than_once_is_read_as_it_is_written() -> None:
    front_end = load_front_end()
    before = front_end.utterance("They went on ", ends_sentence=False)
    for text in ("a long way ", "to the sea, ", "and then home."):
        before = continued(front_end.utterance(text, ends_sentence=text.endswith(".")), before)
    read, unheard_words = in_context(before)
    whole = front_end.utterance("They went on a long way to the sea, and then home.")
    assert unheard_words == 9
    assert [(word.spoken, word.after) for word in read.words] == [
        (word.spoken, word.after) for word in whole.words
    ]
    np.testing.assert_array_equal(phone_inputs(read).stresses, phone_inputs(whole).stresses)


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
