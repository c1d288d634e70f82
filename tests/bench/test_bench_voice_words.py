from __future__ import annotations

import numpy as np
import pytest

from bench.voice.moonshine import read_pieces
from bench.voice.recognisers import read_out
from bench.voice.word_error import rate
from zelitrio.training import plain_words, word_edits


def test_a_word_changed_added_or_taken_away_is_one_error_each() -> None:
    said = "the birch canoe slid".split()
    assert word_edits(said, said) == 0
    assert word_edits(said, "the perch canoe slid".split()) == 1
    assert word_edits(said, "the birch can you slid".split()) == 2
    assert word_edits(said, "birch canoe".split()) == 2
    assert word_edits(said, []) == 4
    assert word_edits([], said) == 4


def test_words_are_compared_without_marks_and_joined_words_apart() -> None:
    assert plain_words(["It's", "twenty-one", "o.k."]) == ["its", "twenty", "one", "ok"]


def test_the_rate_is_over_all_words_and_lies_in_its_interval() -> None:
    wrong, low, high = rate([0, 1, 0, 3] * 10, [10, 5, 5, 20] * 10)
    assert wrong == pytest.approx(10.0)
    assert 0.0 < low < wrong < high < 20.0
    assert rate([1, 1, 1], [10, 10, 10]) == (10.0, 10.0, 10.0)


def test_a_recogniser_that_writes_digits_is_heard_as_words() -> None:
    listen = read_out(lambda pcm: "The meeting starts at 3:30.")
    assert listen(np.zeros(1, np.float32)) == "the meeting starts at three thirty".split()


def test_each_piece_of_the_vocabulary_follows_its_length() -> None:
    long = b"x" * 130
    raw = b"\x03<s>" + b"\x00" + b"\x01a" + bytes([130 - 128 + 128, 1]) + long
    assert read_pieces(raw) == [b"<s>", b"", b"a", long]
