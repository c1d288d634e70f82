"""A break before the first word is a pause too."""

from __future__ import annotations

import pytest

from zelitrio.text import load_front_end


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ('<break time="1s"/>Well.', 1.0, None),
        (' <break time="400ms"/> <break time="0.3s"/> Well.', 0.7, None),
        ('<break time="1s"/>Well<break time="2s"/>', 1.0, 2.0),
        ('Well.<break time="2s"/>', None, 2.0),
        ("<p>Well.</p>", None, None),
        ('<break time="60s"/>Well.', 3.0, None),
    ],
)
def test_breaks_are_before_or_after_a_word(text: str, before: float | None, after: float | None) -> None:
    utterance = load_front_end().utterance(text, ssml=True)
    assert utterance.pause_s == (None if before is None else pytest.approx(before))
    (word,) = utterance.words
    assert word.pause_s == (None if after is None else pytest.approx(after))


def test_a_text_of_breaks_alone_has_no_words() -> None:
    assert load_front_end().utterance('<break time="1s"/>', ssml=True).is_empty
