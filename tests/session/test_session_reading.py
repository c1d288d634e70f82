"""What a chunk is read as, beside its own text."""

from __future__ import annotations

import pytest

from zelitrio.protocol import Chunk
from zelitrio.session import Reading
from zelitrio.session.reading import PREVIOUS_CHARS, open_sentence
from zelitrio.text import load_front_end


@pytest.mark.parametrize(
    ("previous", "text", "expected"),
    [
        ("", "and home.", ""),
        ("We went down", "and home.", "We went down"),
        ("We went down, ", "and home.", "We went down,"),
        ("It rained. We went down", " and home.", "We went down"),
        ("It rained. So what? We met Dr.", "Smith at noon.", "We met Dr."),
        ("We went down.", "And home.", ""),
        ("We went down! ", "And home.", ""),
        ("We went down\n\n", "and home.", ""),
        (" \n", "and home.", ""),
    ],
)
def test_a_sentence_is_open_unless_it_ended(previous: str, text: str, expected: str) -> None:
    assert open_sentence(previous, text) == expected


def test_only_the_end_of_a_long_text_is_looked_at() -> None:
    found = open_sentence("word " * 100_000, "and more")
    assert set(found.split()) == {"word"} and len(found) < PREVIOUS_CHARS


def test_only_the_first_chunk_goes_on_from_what_was_said_before() -> None:
    reading = Reading(previous_text="We went down")
    first, second = (
        reading.utterance(Chunk("and home. ", start, True, False), load_front_end()) for start in (0, 10)
    )
    assert [word.spoken for word in first.said_before] == ["we", "went", "down"]
    assert second.said_before == ()
    assert first.words == second.words
