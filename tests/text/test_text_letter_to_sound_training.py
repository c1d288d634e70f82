"""The training of the letter-to-sound model, on a dictionary of a few hundred made-up words."""

from __future__ import annotations

import itertools

import numpy as np

from zelitrio.text import (
    GraphoneModel,
    LetterToSound,
    load_cmudict,
)
from zelitrio.text.phones import encode, parse_phones
from zelitrio.training.recipe.letter_to_sound import align, measure, split_dictionary, train

_SOUNDS = {"b": "B", "sh": "SH", "m": "M", "x": "K S", "t": "T"}
_VOWELS = {"a": "AE1", "ee": "IY1", "o": "AA1"}


def _toy_dictionary() -> dict[str, str]:
    return {
        first + vowel + last: encode(parse_phones(f"{_SOUNDS[first]} {_VOWELS[vowel]} {_SOUNDS[last]}"))
        for first, vowel, last in itertools.product(_SOUNDS, _VOWELS, _SOUNDS)
    }


def test_a_regular_spelling_is_learnt_without_fault_from_part_of_its_words() -> None:
    split = split_dictionary(_toy_dictionary(), one_in=5)
    assert split.held_out and not set(split.held_out) & {word for word, _ in split.train}
    model = train(align(split.train), order=4, threshold=0.0)
    figures = measure(LetterToSound(model), split.held_out)
    assert figures["word_accuracy"] == 1.0 and figures["phone_error_rate"] == 0.0


def test_a_model_comes_back_from_its_bytes_as_it_was() -> None:
    model = train(align(split_dictionary(_toy_dictionary()).train, rounds=2), order=3, threshold=0.1)
    again = GraphoneModel.parse(model.dump())
    assert again.graphones == model.graphones
    for name in ("symbol", "children", "cost", "backoff"):
        assert np.array_equal(getattr(again, name), getattr(model, name))


def test_the_held_out_words_never_change_and_share_nothing_with_the_rest() -> None:
    split = split_dictionary(load_cmudict())
    assert len(split.held_out) == 6176
    assert not set(split.held_out) & {word for word, _ in split.train}
