from __future__ import annotations

import numpy as np
import pytest

from bench.voice.melody import Pair, end_st, question_row
from bench.voice.spoken import LISTS, read_lines
from zelitrio.text import load_front_end


def contour(end_st: float) -> np.ndarray:
    """One second at 200 Hz, its last 0.2 s higher by `end_st` semitones, with a gap and a silent end."""
    made = np.full(120, np.log(200.0))
    made[80:100] += end_st * np.log(2) / 12
    made[30:35] = np.nan
    made[100:] = np.nan
    return made


def test_the_end_is_that_of_the_voice_and_not_of_the_silence() -> None:
    assert end_st(contour(5.0)) == pytest.approx(5.0)
    assert end_st(contour(-3.0)) == pytest.approx(-3.0)


def test_a_question_has_risen_only_if_it_ends_above_its_statement() -> None:
    pairs = [
        Pair("a", contour(4.0), contour(-2.0)),
        Pair("b", contour(-2.0), contour(-2.0)),
        Pair("c", contour(0.5), contour(0.0)),
        Pair("d", contour(3.0), contour(0.0)),
    ]
    row = question_row("someone", pairs)
    assert row["risen_pct"] == 50
    assert row["question_end_st"] == pytest.approx(1.75)
    assert row["statement_end_st"] == pytest.approx(-1.0)


def test_the_lists_are_two_hundred_sentences_of_five_kinds_and_none_stands_twice() -> None:
    everything = [line for name in LISTS for line in read_lines(name)]
    assert [len(read_lines(name)) for name in LISTS] == [40] * 5
    assert len(set(everything)) == len(everything)


def test_questions_and_statements_are_the_same_words() -> None:
    front_end = load_front_end()
    for line in read_lines("melody/questions"):
        question, statement = line.split("|")
        asked, stated = (
            sorted(word.spoken for word in front_end.utterance(text).words) for text in (question, statement)
        )
        assert asked == stated, line
