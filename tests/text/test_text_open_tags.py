"""Tags stay whole wherever a text is cut into pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zelitrio.text.open_tags import LONGEST_CHARS, TagKeeper, restore_tags

TAGGED = (
    'One moment <break time="0.5s" /> please, '
    '<phoneme alphabet="ipa" ph="ˈnjuː ˈjɔːk">New York</phoneme> said. '
)


def fed_in(pieces: list[str]) -> list[str]:
    keeper = TagKeeper()
    return [*(keeper.feed(piece) for piece in pieces), keeper.take()]


@pytest.mark.parametrize("cut", range(len(TAGGED)))
def test_a_text_cut_anywhere_keeps_its_tags(cut):
    passed = fed_in([TAGGED[:cut], TAGGED[cut:]])
    assert "".join(passed) == fed_in([TAGGED])[0]
    assert restore_tags("".join(passed)) == TAGGED
    assert [part.count("<") for part in passed] == [part.count(">") for part in passed]


def test_nothing_is_cut_inside_a_tag_or_between_a_pair():
    words = fed_in([TAGGED])[0].split()
    assert len(words) == 5
    assert words[2].endswith("please,")
    assert [word for word in words if "<" in word] == [words[2], words[3]]


@given(st.lists(st.text(alphabet=st.sampled_from("ab <>/!ph\n"), max_size=40), max_size=8))
def test_no_text_is_lost_or_grows(pieces):
    passed = "".join(fed_in(pieces))
    assert len(passed) == sum(map(len, pieces))
    assert restore_tags(passed).replace("\n", " ") == "".join(pieces).replace("\n", " ")


def test_a_bracket_that_never_closes_does_not_hold_the_text_for_ever():
    keeper = TagKeeper()
    passed = "".join(keeper.feed("<a b " if not at else "word ") for at in range(LONGEST_CHARS))
    assert len(passed) > LONGEST_CHARS
