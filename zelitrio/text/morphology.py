"""Phones of inflected forms ("zoomed", "podcasts", "Nguyen's") by the phones of their stem.

For these endings, the stem's phones and a regular ending were right more often than letter-to-sound on
held-out words.  For -er, -ly, -able, un-, re- and over-, which shift the stress, letter-to-sound was better.
"""

from __future__ import annotations

from collections.abc import Callable

from zelitrio.text.phones import is_vowel
from zelitrio.text.types import Phones

Find = Callable[[str], Phones | None]

_VOICELESS = frozenset("P T K F TH".split())
_HISSING = frozenset("S Z SH ZH CH JH".split())
_DOUBLED = frozenset("bdfgklmnprstvz")
_SUFFIXES: tuple[tuple[str, Phones], ...] = (
    ("ness", ("N", "AH0", "S")),
    ("less", ("L", "AH0", "S")),
    ("ful", ("F", "AH0", "L")),
    ("ship", ("SH", "IH0", "P")),
)
_PREFIXES: tuple[tuple[str, Phones], ...] = (
    ("non", ("N", "AA0", "N")),
    ("super", ("S", "UW2", "P", "ER0")),
    ("anti", ("AE2", "N", "T", "IY0")),
    ("micro", ("M", "AY2", "K", "R", "OW0")),
    ("multi", ("M", "AH2", "L", "T", "IY0")),
    ("cyber", ("S", "AY2", "B", "ER0")),
)


def inflect(word: str, find: Find) -> Phones | None:
    """Phones of an inflected form of a known word; None if the word is not one.

    Args:
        word: lower-case letters and apostrophes.
        find: returns the phones of a word, or None.
    """
    if "'" in word:
        return _apostrophe(word, find)
    for ending, sound in (("s", plural_sound), ("ed", past_sound), ("ing", _ing_sound)):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            stem = _stem(word, ending, find)
            if stem is not None:
                return sound(stem)
    for ending, phones in _SUFFIXES:
        if word.endswith(ending) and len(word) > len(ending) + 2:
            stem = _stem(word, ending, find)
            if stem is not None:
                return stem + phones
    for start, phones in _PREFIXES:
        if word.startswith(start) and len(word) > len(start) + 3:
            rest = find(word[len(start) :])
            if rest is not None:
                return phones + rest
    return None


def plural_sound(stem: Phones) -> Phones:
    """Add the -s of a plural, a possessive or a verb such as "runs"."""
    if stem[-1] in _HISSING:
        return (*stem, "IH0", "Z")
    return (*stem, "S" if stem[-1] in _VOICELESS else "Z")


def past_sound(stem: Phones) -> Phones:
    """Add the -ed of the past."""
    if stem[-1] in ("T", "D"):
        return (*stem, "IH0", "D")
    return (*stem, "T" if stem[-1] in _VOICELESS | _HISSING - {"Z", "ZH", "JH"} else "D")


def _ing_sound(stem: Phones) -> Phones:
    return (*stem, "IH0", "NG")


_CONTRACTED: dict[str, Phones] = {
    "n't": ("AH0", "N", "T"),
    "'ll": ("AH0", "L"),
    "'ve": ("AH0", "V"),
    "'re": ("ER0",),
    "'d": ("D",),
    "'m": ("M",),
    "'em": ("AH0", "M"),
}


def _apostrophe(word: str, find: Find) -> Phones | None:
    if word.endswith("'s"):
        stem = find(word[:-2])
        return plural_sound(stem) if stem else None
    for ending, phones in _CONTRACTED.items():
        if word.endswith(ending):
            stem = find(word[: -len(ending)])
            if stem:
                is_weak = ending == "'d" and stem[-1] in ("T", "D")
                return (*stem, "IH0", "D") if is_weak else stem + phones
    return find(word.replace("'", "")) if word.replace("'", "") != word else None


def _stem(word: str, ending: str, find: Find) -> Phones | None:
    """The phones of the stem, which may be spelled without an e, with a doubled consonant, or with i for
    y."""
    stem = word[: -len(ending)]
    starts_with_vowel = ending[0] in "aeiou"
    candidates = []
    if ending == "s":
        if stem.endswith(("s", "u", "i")):
            return None  # "ss", "us", "is" are no plurals
        candidates = [stem]
        if stem.endswith("ie"):
            candidates = [stem[:-2] + "y", stem]
        elif stem.endswith("e") and stem[:-1].endswith(("s", "x", "z", "ch", "sh", "o")):
            candidates = [stem, stem[:-1]]
    elif starts_with_vowel:
        if len(stem) > 3 and stem[-1] == stem[-2] and stem[-1] in _DOUBLED:
            candidates = [stem[:-1], stem]
        elif stem.endswith("i"):
            candidates = [stem[:-1] + "y"]
        elif len(stem) > 2 and stem[-1] not in "aeiouwy" and stem[-2] in "aeiou":
            candidates = [stem + "e", stem] if stem[-3:-2] not in tuple("aeiou") else [stem, stem + "e"]
        else:
            candidates = [stem, stem + "e"]
    else:
        candidates = [stem[:-1] + "y"] if stem.endswith("i") else [stem]
    for candidate in candidates:
        found = find(candidate) if len(candidate) > 2 else None
        if found and any(is_vowel(phone) for phone in found):
            return found
    return None
