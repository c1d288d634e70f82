"""Yes-no questions rise, and so do items of a series; nothing else does."""

from __future__ import annotations

import numpy as np
import pytest

from zelitrio.text import load_front_end
from zelitrio.voices import phone_inputs


def lift(text: str) -> np.ndarray:
    return phone_inputs(load_front_end().utterance(text)).rises


@pytest.mark.parametrize(
    "text",
    [
        "Are you coming home?",
        "And can you hear me?",
        "You left it open?",
        "Really?",
        "Hello, can you hear me?",
        "I was there. Was it you?",
    ],
)
def test_a_question_for_yes_or_no_climbs_to_its_end(text: str) -> None:
    rises = lift(text)
    climb = rises[rises > 0]
    assert len(climb) and np.all(np.diff(climb) > 0)
    assert rises[-1] == 0.0 and rises[-2] == rises.max() > 0.3
    assert np.count_nonzero(rises) < 8  # of the last word, from its last stress on


@pytest.mark.parametrize(
    "text",
    [
        "You are coming home.",
        "What time is it?",
        "And where did you go?",
        "At what time does it leave?",
        "What's the time?",
        "Hello, how can I help you?",
        "Would you like tea or coffee?",
        "Really!",
        "",
    ],
)
def test_other_sentences_are_left_as_predicted(text: str) -> None:
    assert not lift(text).any()


def test_only_the_question_of_several_sentences_climbs() -> None:
    rises = lift("Is it late? It is. What now?")
    alone = lift("Is it late?")
    np.testing.assert_array_equal(rises[: len(alone) - 1], alone[:-1])
    assert not rises[len(alone) - 1 :].any()


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("We sell bread, milk, eggs, and butter.", 3),
        ("Red, green and blue.", 1),
        ("He came, and he saw. It was late, he said.", 1),
        ("After the rain, we went home.", 0),
        ("However, he and I went home.", 0),
    ],
)
def test_items_of_a_series_stay_up_but_for_the_last(text: str, items: int) -> None:
    rises = lift(text)
    tops = np.flatnonzero((rises[:-1] > 0) & (rises[1:] == 0))
    assert len(tops) == items
    assert rises.max(initial=0.0) < 0.3
