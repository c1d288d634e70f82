"""Sentence and phrase ends, on whole and on growing texts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zelitrio.text import find_phrase_end, find_sentence_end, sentences

_READING = Path(__file__).parent / "reading.tsv"


def _split(text: str) -> list[str]:
    parts, start = [], 0
    while (end := find_sentence_end(text, start)) is not None:
        parts.append(text[start:end])
        start = end
    return [*parts, text[start:]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello there. How are you", ["Hello there. ", "How are you"]),
        ("Hello! How are you? Fine", ["Hello! ", "How are you? ", "Fine"]),
        ("Dr. Smith met Mrs. Jones. They left", ["Dr. Smith met Mrs. Jones. ", "They left"]),
        ("It is 3.14 or 2.5. Yes", ["It is 3.14 or 2.5. ", "Yes"]),
        ("Use e.g. this one. Then go", ["Use e.g. this one. ", "Then go"]),
        ("The U.S. Army came. It won", ["The U.S. Army came. ", "It won"]),
        ("I live in the U.S. It is big", ["I live in the U.S. ", "It is big"]),
        ("At 5 p.m. Friday we eat. Good", ["At 5 p.m. Friday we eat. ", "Good"]),
        ("We eat at 5 p.m. The food is hot", ["We eat at 5 p.m. ", "The food is hot"]),
        ("J. R. R. Tolkien wrote. He did", ["J. R. R. Tolkien wrote. ", "He did"]),
        ('"Stop!" he said. "Why?" She left', ['"Stop!" he said. ', '"Why?" ', "She left"]),
        ("He left (at last.) She stayed", ["He left (at last.) ", "She stayed"]),
        ("Well... maybe. Fine then", ["Well... maybe. ", "Fine then"]),
        ("Wait... What", ["Wait... ", "What"]),
        ("See example.com. Then call", ["See example.com. ", "Then call"]),
        ("No. 5 is alive", ["No. 5 is alive"]),
        ("No. I will not", ["No. ", "I will not"]),
        ("1. First\n2. Second", ["1. First\n", "2. Second"]),
        ("One\n\nTwo", ["One\n\n", "Two"]),
        ("- one\n- two", ["- one\n", "- two"]),
        ("你好。我是", ["你好。", "我是"]),
        ("cats, dogs, etc. The end", ["cats, dogs, etc. ", "The end"]),
        ("cats, dogs, etc. and more", ["cats, dogs, etc. and more"]),
        ("It costs 5. The end", ["It costs 5. ", "The end"]),
        ("On Main St. The shop", ["On Main St. ", "The shop"]),
        ("He met St. Peter", ["He met St. Peter"]),
        ("ok. sure. let me see", ["ok. sure. ", "let me see"]),
    ],
)
def test_a_text_is_cut_at_sentence_ends(text: str, expected: list[str]) -> None:
    assert _split(text) == expected


@pytest.mark.parametrize(
    "text", ["", "Hello", "Hello.", "Hello there.", "Dr. ", "3.", "3. ", "U.S. ", 'He said "Hi." ', "5 p.m. "]
)
def test_no_end_is_found_while_later_text_could_change_it(text: str) -> None:
    assert find_sentence_end(text) is None


def test_a_plain_word_with_a_full_stop_and_a_space_is_certain_at_once() -> None:
    assert find_sentence_end("That is wonderful. ") == 19
    assert find_sentence_end("Really? ") == 8


_TOKENS = st.sampled_from(
    "Dr. Smith went home . ? ! , the U.S. p.m. 5 3. 3.14 No. etc. \" ' ( ) He said she Well... \n \n\n "
    "- word 。 e.g. A B. St. Main Hello example.com https://a.io/b?c=d “ ” … ; : —".split(" ")
)


@pytest.mark.parametrize("pattern", [sentences._CANDIDATE, sentences._PHRASE])
@settings(max_examples=100, deadline=None)
@given(
    st.lists(_TOKENS | st.sampled_from(["said: ", "so) ", "one; ", "two, "]), max_size=14),
    st.sampled_from(["", " "]),
)
def test_the_quick_check_of_a_character_misses_no_end(
    pattern: re.Pattern[str], tokens: list[str], glue: str
) -> None:
    text = glue.join(tokens)
    without = re.compile(pattern.pattern[pattern.pattern.index("(?:") :], pattern.flags)
    assert [found.span() for found in pattern.finditer(text)] == [
        found.span() for found in without.finditer(text)
    ]


@settings(max_examples=150, deadline=None)
@given(st.lists(_TOKENS, max_size=14), st.sampled_from(["", " "]))
def test_no_prefix_has_an_end_that_the_whole_text_lacks(tokens: list[str], glue: str) -> None:
    text = glue.join(tokens)
    final: list[int] = []
    start = 0
    while (end := find_sentence_end(text, start)) is not None:
        final.append(end)
        start = end
    for cut in range(len(text) + 1):
        early = find_sentence_end(text[:cut])
        if early is not None:
            # More white space can follow the end.
            grown = early + len(text[early:]) - len(text[early:].lstrip())
            assert final and final[0] in (early, grown), (text[:cut], early, final)


def test_the_sentences_of_the_reading_list_are_never_cut_in_two() -> None:
    for line in _READING.read_text(encoding="utf-8").splitlines():
        text = line.split("\t")[0]
        if text.count(" ") >= 4 and text.endswith(".") and "?" not in text and "3 m or" not in text:
            ends = _split(text)
            assert not any(part[0].islower() for part in ends if part), ends


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("Well, yes", 6),
        ("First, second, third", 15),
        ("one thing: this", 11),
        ("one; two", 5),
        ("one - two", 6),
        ("one—two", 4),
        ("(so) it goes", 5),
        ("May 5, 2024", None),
        ("1,000 people", None),
        ("at 10:30 today", None),
        ("well-known", None),
        ("no boundary here", None),
        ("open,", None),
        ("open, ", None),
    ],
)
def test_a_phrase_ends_after_its_last_comma_colon_or_dash(text: str, end: int | None) -> None:
    assert find_phrase_end(text) == end


def test_a_search_begins_at_the_given_place() -> None:
    text = "One two. Three four. Five"
    assert find_sentence_end(text, 9) == 21
    assert find_phrase_end("a, b, c", 6) is None
