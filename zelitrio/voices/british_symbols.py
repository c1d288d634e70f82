"""Convert American phones to the symbols of public voices with a British accent.

The phone and its letters decide the vowel: `AA` written with an o is the vowel of `lot`, with an a that of
`start`.  Vowels have the names of J. C. Wells' lexical sets.  A British dictionary would be more exact,
because some vowels without stress differ.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence

import attrs

from zelitrio.text import Phones, Word
from zelitrio.voices.english_symbols import KOKORO_CONSONANTS, PIPER_CONSONANTS

_STRESS = {"1": "ˈ", "2": "ˌ", "0": ""}
_PLAIN = {
    "AW": "MOUTH", "AY": "PRICE", "EH": "DRESS", "EY": "FACE", "IH": "KIT", "OW": "GOAT", "OY": "CHOICE",
    "UH": "FOOT", "UW": "GOOSE", "AH": "STRUT", "IY": "FLEECE",
}  # fmt: skip
_BATH = re.compile(
    r"(?:un|re|out|over|photo|broad|fore|air|hover|space|witch|half|under|over|after)?(?:ask|task|mask|flask|cask(?!ad)|basket|bask|bath(?!y)|path(?!et|o)"
    r"|class(?!i)|glass|grass|brass|pass(?!i|en|eng)|last|blast|fast|past(?!a|e|i|or)|vast|mast(?!i|o)|cast(?!ig)|plaster|master"
    r"|disast|nasty|ghast|aghast|staff|chaff|half|halv|calf|calv|behalf|laugh|draught|aft|craft|draft|raft"
    r"|shaft|graft|daft|rather|dance|chance|glance|france|advan[ct]|enhance|lance$|trance|stance|answer"
    r"|plant|grant|slant|aunt|can't|shan't|chant|advantage|command|demand|slander|branch|blanch|ranch"
    r"|avalanche|example|sample|castle|clasp|grasp|gasp|rasp|giraffe|caste|contrast|broadcast|forecast|lather"
    r"|moustache)|.*graphs?$|.*craft"
)
"""Words in which `AE` is the vowel of `start`."""
_SYLLABIC = frozenset("T D S Z SH ZH CH JH P B K G F V TH".split())
_YOD = frozenset("T D N".split())
_GROUPS = re.compile(r"[aeiouy]+(?:w(?![aeiouy]))?")
_WORDS = {
    ("of", 1): "ɒv", ("from", 1): "fɹɒm", ("poor", 1): "pˈɔː", ("sure", 1): "ʃˈɔː", ("a", 1): "ɐ",
    ("what", 1): "wˈɒt", ("been", 1): "bˈiːn", ("ate", 1): "ˈɛt",
}  # fmt: skip
"""Whole words that do not follow the rules, by their number of vowels."""
_STRESSLESS = frozenset(
    "a an and as at by for from had has have he her him his in is it my of or our she than that the they "
    "this to was we with you your".split()
)


@attrs.frozen(kw_only=True, eq=False)
class Accent:
    """The symbols with which one family writes British English."""

    vowels: Mapping[str, str]  # by lexical set
    consonants: Mapping[str, str]
    words: Mapping[str, str]
    syllabic: str  # the schwa before a final N or L
    edge: str  # the schwa at the start or the end of a word


KOKORO_GB = Accent(
    vowels={
        "TRAP": "a", "START": "ɑː", "LOT": "ɒ", "THOUGHT": "ɔː", "STRUT": "ʌ", "COMMA": "ə", "DRESS": "ɛ",
        "KIT": "ɪ", "FOOT": "ʊ", "FLEECE": "iː", "HAPPY": "i", "GOOSE": "uː", "NURSE": "ɜː", "FACE": "A",
        "PRICE": "I", "CHOICE": "Y", "MOUTH": "W", "GOAT": "Q", "NEAR": "ɪə", "SQUARE": "ɛː", "CURE": "ʊə",
    },
    consonants=KOKORO_CONSONANTS,
    words={"i": "ˌI", "on": "ˌɒn"},
    syllabic="ᵊ",
    edge="ə",
)  # fmt: skip
"""The accent of Kokoro's bf_ and bm_ voices."""

PIPER_GB = Accent(
    vowels={
        "TRAP": "æ", "START": "ɑː", "LOT": "ɒ", "THOUGHT": "ɔː", "STRUT": "ʌ", "COMMA": "ə", "DRESS": "ɛ",
        "KIT": "ɪ", "FOOT": "ʊ", "FLEECE": "iː", "HAPPY": "ɪ", "GOOSE": "uː", "NURSE": "ɜː", "FACE": "eɪ",
        "PRICE": "aɪ", "CHOICE": "ɔɪ", "MOUTH": "aʊ", "GOAT": "əʊ", "NEAR": "iə", "SQUARE": "eə",
        "CURE": "ʊə",
    },
    consonants=PIPER_CONSONANTS,
    words={"on": "ɒn"},
    syllabic="ə",
    edge="ɐ",
)  # fmt: skip
"""The accent of Piper's en_GB voices: the symbols of espeak's `en-gb-x-rp`."""


def respell(accent: Accent, words: Sequence[Word], chosen: Sequence[bool]) -> list[str]:
    """The symbols of each word, with stress marks directly before their vowels."""
    return [spell_british(word.spoken, word.phones, accent) for word in words]


@functools.lru_cache(maxsize=4096)
def spell_british(spoken: str, phones: Phones, accent: Accent) -> str:
    """A word's symbols."""
    vowels = sum(_is_vowel(phone) for phone in phones)
    habit = _WORDS.get((spoken, vowels)) if len(phones) < 4 else None
    if habit is None and vowels == 1:
        habit = accent.words.get(spoken)
    return habit or "".join(_symbols(spoken, phones, accent, vowels))


def _symbols(spoken: str, phones: Phones, accent: Accent, vowels: int) -> Iterator[str]:
    letters = _letters(spoken, vowels)
    is_stressless = spoken in _STRESSLESS and vowels == 1
    nth = -1
    for at, phone in enumerate(phones):
        before = phones[at - 1] if at else ""
        after = phones[at + 1] if at + 1 < len(phones) else ""
        if not _is_vowel(phone):
            # R is spoken only before a vowel.
            if phone != "R" or _is_vowel(after):
                yield accent.consonants[phone]
            continue
        nth += 1
        second = phones[at + 2] if at + 2 < len(phones) else ""
        name = _set_of(spoken, letters[nth], phone, before, after, second)
        if name in ("GOOSE", "CURE") and before in _YOD and re.match(r"e?u|ew", letters[nth]):
            yield "j"
        # British dictionaries mark no secondary stress after the primary one.
        if not is_stressless and not (phone[-1] == "2" and any(one[-1] == "1" for one in phones[:at])):
            yield _STRESS[phone[-1]]
        yield _written(name, phone, before, after, second, accent, is_first=at == 0)
        if phone.startswith("ER") and _is_vowel(after):
            yield "ɹ"
        if name in ("PRICE", "MOUTH") and after == "R":
            yield accent.vowels["COMMA"]


def _written(
    name: str, phone: str, before: str, after: str, second: str, accent: Accent, *, is_first: bool
) -> str:
    if name == "COMMA":
        if is_first or not after:
            return accent.edge
        if phone == "AH0" and before in _SYLLABIC and after in ("L", "N") and not _is_vowel(second):
            return accent.syllabic
    return accent.vowels[name]


def _set_of(spoken: str, letters: str, phone: str, before: str, after: str, second: str) -> str:
    kind, stress = phone[:-1], phone[-1]
    if kind == "ER":
        if _is_vowel(after) and stress != "0" and re.search(r"urr|orr|our", spoken):
            return "STRUT"
        return "COMMA" if stress == "0" else "NURSE"
    if after == "R":
        found = _before_r(spoken, kind, is_inside=_is_vowel(second))
        if found is not None:
            return found
    if kind == "AA":
        return "LOT" if "o" in letters or re.search(r"(?:w|wh|qu)a", spoken) else "START"
    if kind == "AO":
        is_lot = letters == "o" or (letters == "a" and after in ("N", "SH") and "wa" in spoken)
        return "LOT" if is_lot else "THOUGHT"
    if kind == "AE":
        return "START" if _BATH.match(spoken) else "TRAP"
    if kind == "IY" and after == "AH0":
        return "KIT"
    if kind == "IY" and stress != "1":
        return "HAPPY" if not after else "KIT" if stress == "0" else "FLEECE"
    if kind == "UW" and stress == "0" and _is_vowel(after):
        return "FOOT"
    if phone == "AH0":
        return _without_stress(spoken, letters, before, after, second)
    return _PLAIN[kind]


def _without_stress(spoken: str, letters: str, before: str, after: str, second: str) -> str:
    """The lexical set of a vowel that is a schwa in American English."""
    if letters == "i" and after not in ("B", "L"):
        return "KIT"
    if after in ("D", "Z") and not second and spoken.endswith(("ed", "es")):
        return "KIT"
    if letters == "e" and after == "S" and spoken.endswith(("ness", "less", "est")):
        return "KIT"
    if letters == "u" and (before == "Y" or spoken.endswith("ful")):
        return "FOOT"
    if letters == "u" and after and not spoken.endswith(("us", "um")) and before != "Y":
        return "STRUT"
    return "COMMA"


def _before_r(spoken: str, kind: str, *, is_inside: bool) -> str | None:
    """The lexical set of a vowel before R; `is_inside`: another vowel follows the R."""
    match kind:
        case "AA":
            return "LOT" if is_inside and "or" in spoken else "START"
        case "AO":
            return "LOT" if is_inside and re.search(r"orr|ore[is]|oran|oral", spoken) else "THOUGHT"
        case "EH" | "AE":
            if not is_inside:
                return "SQUARE"
            if "arr" in spoken or "ara" in spoken:
                return "TRAP"
            return "DRESS" if re.search(r"err|er[aeiouy]", spoken) else "SQUARE"
        case "IH" | "IY":
            return "KIT" if is_inside and re.search(r"irr|iri|yri|yrr", spoken) else "NEAR"
        case "UH" | "UW":
            return "CURE"
    return None


def _letters(spoken: str, vowels: int) -> list[str]:
    groups = _GROUPS.findall(spoken)
    if len(groups) > vowels and re.search(r"(?:[^aeiouy]e|[^aeiouytd]ed|[^aeiouyscxz]es)$", spoken):
        groups.pop()
    return groups if len(groups) == vowels else ["".join(groups)] * vowels


def _is_vowel(phone: str) -> bool:
    return phone[-1:].isdigit()
