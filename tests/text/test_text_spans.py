"""Properties of every text: no exception, true spans, bounded time, each character placed once."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zelitrio.text import (
    Utterance,
    load_front_end,
)
from zelitrio.text.phones import parse_phones

_PIECES = st.sampled_from(
    [
        *(
            "Dr.",
            "St.",
            "No.",
            "$5",
            "€3,50",
            "3.14",
            "1/2",
            "10:30",
            "5kg",
            "Jan.",
            "2024",
            "XIV",
            "U.S.",
            "a@b.co",
        ),
        *(
            "http://x.io/y?z",
            "#tag",
            "FBI's",
            "don't",
            "¾",
            "x²",
            "H₂O",
            "—",
            "...",
            "?!",
            "\n\n",
            "\x00",
            "👍🏽",
        ),
        *(
            "שלום",
            "你好",
            "e\u0301",
            "\u202e",
            "'",
            '"',
            "(",
            "1-",
            "-1",
            "+",
            "&",
            "<b>",
            "</",
            "ﬁ",
            "İ",
            "ß",
            "٣",
        ),
        *(
            "the",
            "read",
            "a",
            "I",
            "OK",
            "iPhone",
            "1st",
            "'90s",
            "5'10\"",
            "%",
            "°C",
            " ",
            "  ",
            "/",
            "~",
            ".",
        ),
    ]
)
_TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(_PIECES, max_size=12).map("".join),
    st.lists(_PIECES, max_size=12).map(" ".join),
)


def _check(utterance: Utterance, text: str) -> None:
    assert utterance.source == text
    last = (0, 0)
    for word in utterance.words:
        start, end = word.span
        assert 0 <= start < end <= len(text)
        assert word.span == last or start >= last[1], (word, last)
        last = word.span
        assert word.spoken == word.spoken.lower() and word.spoken.split() != []
        assert parse_phones(" ".join(word.phones)) == word.phones
        assert text[start:end].strip() != ""


@settings(max_examples=150, deadline=None)
@given(_TEXTS)
def test_words_of_any_text_have_spans_in_order_that_never_overlap_in_part(text: str) -> None:
    _check(load_front_end().utterance(text), text)


@settings(max_examples=75, deadline=None)
@given(_TEXTS)
def test_plain_reading_and_markup_keep_the_same_promises(text: str) -> None:
    _check(load_front_end().utterance(text, normalise=False), text)
    marked = load_front_end().utterance(text, ssml=True)
    assert all(0 <= start < end <= len(text) for start, end in (word.span for word in marked.words))


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "a",
            "A",
            "aB",
            "1",
            "1-",
            "1,",
            "1.1.",
            "1:1",
            "1/",
            "$",
            "$1 ",
            ".",
            ".. ",
            "a.",
            "A.B",
            "&",
            "'",
            "ab'",
        ),
        *(
            "é'",
            "x@",
            "www.",
            "http://",
            "/a",
            "#a",
            "<",
            "<a ",
            "(1",
            "-",
            "- ",
            "\n",
            " \n",
            "Dr. ",
            "你",
            "👍",
        ),
        *(
            "[a](",
            "[1]",
            "$a",
            "$a$ ",
            "\\(",
            "&#39;",
            "<a>",
            "```\n",
            "| a |\n",
            "x = ",
            "~~",
            "**a",
            "1.000.",
        ),
        *(
            "\u00ad",
            "e\u0301",
            "Ab1-",
            "O(",
            "A1B2",
            "0:",
            "--a ",
            "Ⅳ",
            "a²",
            "x^2",
            '12"',
            "5' ",
            "Mon-",
            "Dr ",
        ),
        *("\x00", "5 kg", '"', "…", "*", "_", "a_", "1.", "+1 ", "II ", "a&", "½"),
    ],
)
def test_a_long_row_of_anything_is_read_in_linear_time(unit: str) -> None:
    front_end = load_front_end()
    short, long = unit * 150, unit * 1200

    def cost_s(text: str) -> float:
        begin = time.thread_time()
        front_end.utterance(text)
        return time.thread_time() - begin

    cost_s(short)
    # Eight times the text: allow thirty times the time, which quadratic work (64) would exceed.
    short_s, long_s = (min(cost_s(text) for _ in range(5)) for text in (short, long))
    assert long_s < 30 * max(short_s, 0.004)


@pytest.mark.parametrize(
    "text", ["", " ", "\n", "...", "?!", "—", "\x00", "你好", "مرحبا", "-----", "()[]{}", "\u200b"]
)
def test_what_cannot_be_spoken_gives_an_empty_utterance(text: str) -> None:
    assert load_front_end().utterance(text).is_empty


def test_three_thousand_letters_without_a_space_are_one_bounded_word() -> None:
    utterance = load_front_end().utterance("abcdefgh" * 375)
    assert len(utterance.words) == 1
    assert 100 < len(utterance.phones) < 1000
