"""Choose the pronunciation of heteronyms (one spelling, two pronunciations) by their neighbours.

The dictionary has the pronunciations; the rules here choose one.  Most heteronyms are in one of three groups:
the noun is stressed earlier than the verb (a REcord, to reCORD), the noun ends in a weak "-ate" and the verb
in a full one, or the noun ends in S and the verb in Z (the use, to use).  `heteronym_table` has the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from zelitrio.text.context import PartOfSpeech, Place, part_of
from zelitrio.text.heteronym_table import (
    ENDS_IN_ATE,
    ENDS_IN_ATE_VERBS,
    HISSES,
    HISSES_VERBS,
    STRESSED,
    STRESSED_VERBS,
    TABLE,
    Case,
)
from zelitrio.text.morphology import plural_sound
from zelitrio.text.phones import is_vowel, stress_of
from zelitrio.text.types import Phones

_FAMILIES = frozenset({*STRESSED, *ENDS_IN_ATE, *HISSES})

HETERONYMS = frozenset({*_FAMILIES, *TABLE, *(f"{word}s" for word in _FAMILIES)})
"""All words for which `choose` may return a pronunciation."""


def choose(place: Place, find: Callable[[str], Sequence[Phones]]) -> Phones | None:
    """Choose the pronunciation for a place; None: not a heteronym, or no match.

    Args:
        place: the word among its neighbours.
        find: returns all pronunciations of a word.
    """
    word = place.word
    cases = TABLE.get(word)
    if cases is not None:
        case = next(each for each in cases if _holds(each, place))
        return next((said for said in find(word) if f" {case.sound} " in f" {' '.join(said)} "), None)
    stem = word[:-1] if word.endswith("s") and word not in _FAMILIES else word
    if stem not in _FAMILIES:
        return None
    variants = find(word)
    if len(variants) < 2 and stem != word:
        variants = [plural_sound(said) for said in find(stem)]
    if len(variants) < 2:
        return None
    return _of_family(stem, part_of(place, is_inflected=stem != word), variants)


def _holds(case: Case, place: Place) -> bool:
    before, after = place.before(), place.after()
    if case.skips and (before in case.skips or before.endswith("ly")):
        before = place.before(2)
    return (
        (case.before is None or before in case.before)
        and before not in case.not_before
        and (case.before_2 is None or place.before(2) in case.before_2)
        and (case.after is None or after in case.after)
        and after not in case.not_after
        and (case.near is None or not case.near.isdisjoint((before, place.before(2), after, place.after(2))))
        and (case.anywhere is None or not case.anywhere.isdisjoint(place.words))
        and (case.begins is None or place.begins is case.begins)
        and (case.ends is None or place.ends is case.ends)
        and (case.is_capital is None or place.is_capital is case.is_capital)
        and (case.part is None or part_of(place) is case.part)
    )


def _of_family(stem: str, part: PartOfSpeech, variants: Sequence[Phones]) -> Phones | None:
    if stem in STRESSED:
        # Of variants with the same stress the dictionary's first is used: min and max return the first.
        choose_one = max if _is_verb(stem, part, STRESSED_VERBS) else min
        return choose_one(variants, key=_main_stress)
    if stem in ENDS_IN_ATE:
        is_verb = _is_verb(stem, part, ENDS_IN_ATE_VERBS)
        return next((said for said in variants if _has_full_ending(said) == is_verb), None)
    is_verb = _is_verb(stem, part, HISSES_VERBS)
    return next((said for said in variants if _is_voiced(said) == is_verb), None)


def _is_verb(stem: str, part: PartOfSpeech, verbs: frozenset[str]) -> bool:
    return part is PartOfSpeech.VERB or (part is PartOfSpeech.UNKNOWN and stem in verbs)


def _has_full_ending(said: Phones) -> bool:
    return "EY2" in said[-3:] or "EY1" in said[-3:]


def _is_voiced(said: Phones) -> bool:
    """Whether the sibilant is Z: the last phone, or the one before the IH0 Z of an inflected form."""
    return said[-3 if said[-2] in ("IH0", "AH0") else -1] == "Z"


def _main_stress(said: Phones) -> int:
    stresses = [stress_of(phone) for phone in said if is_vowel(phone)]
    return stresses.index(1) if 1 in stresses else len(stresses)
