"""Formulas and links are read the same however the text is cut into pieces."""

from __future__ import annotations

import pytest

from zelitrio.text import Reading, StreamReader, load_front_end

_TEXTS = [
    "So $E = mc^2$ holds.",
    "See [the test page](http://www.example.com/a?b=1) now.",
    r"The answer is \(x = 5\) here.",
    "sales rose [1, 2] again",
    "then E = mc² and f(x) = 2x + 1 follow",
    "call +44 20 7946 0958 now",
    "It costs $5 and $6 there.",
    "an open [bracket and a $ sign",
]


@pytest.mark.parametrize("text", _TEXTS)
def test_a_text_in_two_pieces_is_read_as_in_one(text: str) -> None:
    front_end = load_front_end()
    expected = [word.spoken for word in front_end.utterance(text).words]
    for cut in range(len(text) + 1):
        reader = StreamReader(front_end, Reading())
        pieces = [reader.hold_tags(text[:cut]), reader.hold_tags(text[cut:]), reader.release_tags()]
        passed = "".join(pieces)
        assert len(passed) == len(text)
        # The schedule cuts at a space, here at each remaining one.
        for at in [index for index, char in enumerate(passed) if char == " "]:
            fresh = StreamReader(front_end, Reading())
            chunks = (passed[: at + 1], passed[at + 1 :])
            read = [fresh.read(chunk, ends_sentence=chunk is chunks[1]) for chunk in chunks if chunk]
            said = [word.spoken for utterances in read for each in utterances for word in each.words]
            assert said == expected, (passed[: at + 1], passed[at + 1 :])


def test_what_stays_open_is_released_at_the_end_and_after_a_line() -> None:
    reader = StreamReader(load_front_end(), Reading())
    assert reader.hold_tags("so $x + ") == "so " and reader.held_chars == 5
    assert reader.release_tags() == "$x + " and reader.held_chars == 0
    assert reader.hold_tags("so [a\nnext") == "so [a\nnext"
