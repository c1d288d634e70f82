"""Convert English phones to the symbols of public voices.

There is one table per family, from ARPAbet.  Without espeak, speech recognisers make as many errors as with
it.  The rules that depend on neighbours (flaps, weak endings, words without stress) are those that the
families' own readers follow most often.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs

from zelitrio.text import Phones, Word

_STRESS = {"1": "ˈ", "2": "ˌ", "0": ""}
_STRESSLESS = frozenset(
    "a an and as at by for from had has have he her him his in is it my of on or our she than that the they "
    "this to was we with you your".split()
)
"""Words without a stress mark in the families' readers, although a dictionary stresses them."""
_SIBILANTS = frozenset(("S", "Z", "SH", "ZH", "CH", "JH"))
_SCHWAS = frozenset(("AH0", "IH0"))


_OWN_LETTER = {name: name.lower() for name in "B D F K L M N P S T V W Z".split()}
_OTHERS = "CH JH DH TH NG R SH ZH Y HH G".split()
KOKORO_CONSONANTS = {**_OWN_LETTER, **dict(zip(_OTHERS, "ʧʤðθŋɹʃʒjhɡ", strict=True))}
PIPER_CONSONANTS = {
    **_OWN_LETTER,
    **dict(zip(_OTHERS, ("tʃ", "dʒ", "ð", "θ", "ŋ", "ɹ", "ʃ", "ʒ", "j", "h", "ɡ"), strict=True)),
}
"""Consonants as espeak writes them."""


@attrs.frozen(kw_only=True, eq=False)
class Alphabet:
    """A family's symbols of English."""

    vowels: Mapping[str, str]  # by phone, stress digit included where it matters
    consonants: Mapping[str, str]
    words: Mapping[tuple[str, Phones], str]  # whole words that it writes by habit
    flap: str
    reduced: str  # the vowel of -ed and -es
    syllabic: str  # the schwa before a final N or L


KOKORO = Alphabet(
    vowels={
        **dict(zip("AA AE AO EH IH UH".split(), "ɑæɔɛɪʊ", strict=True)),
        **dict(zip("AW AY EY OW OY IY UW".split(), "WIAOYiu", strict=True)),
        "ER": "ɜɹ",
        "ER0": "əɹ",
        "AH": "ʌ",
        "AH0": "ə",
    },
    consonants=KOKORO_CONSONANTS,
    words={("i", ("AY1",)): "ˌI", ("on", ("AA1", "N")): "ˌɔn", ("to", ("T", "UW0")): "tʊ"},
    flap="T",
    reduced="ᵻ",
    syllabic="ᵊ",
)
"""American English for Kokoro."""

PIPER = Alphabet(
    vowels={
        **dict(zip("AA AE AO EH IH UH".split(), ("ɑː", "æ", "ɔː", "ɛ", "ɪ", "ʊ"), strict=True)),
        **dict(zip("AW AY EY OW OY".split(), ("aʊ", "aɪ", "eɪ", "oʊ", "ɔɪ"), strict=True)),
        "IY": "iː",
        "IY0": "i",
        "UW": "uː",
        "ER": "ɜː",
        "ER0": "ɚ",
        "AH": "ʌ",
        "AH0": "ə",
    },
    consonants=PIPER_CONSONANTS,
    words={
        ("to", ("T", "UW0")): "tʊ",
        ("than", ("DH", "AE0", "N")): "ðɐn",
        ("has", ("HH", "AE1", "Z")): "hɐz",
        ("your", ("Y", "AO1", "R")): "jʊɹ",
        ("on", ("AA1", "N")): "ɔn",
    },
    flap="ɾ",
    reduced="ᵻ",
    syllabic="ə",
)
"""English for Piper's en_US voices, as espeak writes it."""


def spell_word(word: Word, alphabet: Alphabet) -> str:
    """The symbols of a word, each stress mark directly before its vowel.

    A word of another language or accent already has its symbols.
    """
    if word.symbols is not None:
        return word.symbols
    habit = alphabet.words.get((word.spoken, word.phones))
    if habit is not None:
        return habit
    return "".join(_symbols(word.spoken, word.phones, alphabet))


def _symbols(spoken: str, phones: Sequence[str], alphabet: Alphabet) -> Iterator[str]:
    vowels = sum(_is_vowel(phone) for phone in phones)
    is_stressless = spoken in _STRESSLESS and vowels == 1
    for at, phone in enumerate(phones):
        before = phones[at - 1] if at else ""
        after = phones[at + 1] if at + 1 < len(phones) else ""
        if not _is_vowel(phone):
            second = phones[at + 2] if at + 2 < len(phones) else ""
            yield alphabet.flap if _is_flap(phone, before, after, second) else alphabet.consonants[phone]
            continue
        if not is_stressless:
            yield _STRESS[phone[-1]]
        yield _vowel(spoken, phones, at, alphabet, is_only=vowels == 1)
        if phone.startswith("ER") and alphabet is PIPER and after and _is_vowel(after):
            yield "ɹ"


def _vowel(spoken: str, phones: Sequence[str], at: int, alphabet: Alphabet, *, is_only: bool) -> str:
    phone = phones[at]
    before = phones[at - 1] if at else ""
    after = phones[at + 1] if at + 1 < len(phones) else ""
    if phone in _SCHWAS:
        is_second_last = at == len(phones) - 2
        if is_second_last and after == "D" and before in ("T", "D") and spoken.endswith("ed"):
            return alphabet.reduced
        if is_second_last and after == "Z" and before in _SIBILANTS and spoken.endswith("es"):
            return alphabet.reduced
    if phone == "AH0":
        if is_only and spoken in ("a", "an"):
            return "ɐ"
        if is_only and spoken in _STRESSLESS and spoken != "the":
            return "ʌ"
        if at == 0 and alphabet is PIPER:
            return "ʌ" if spoken.startswith("un") else "ɐ"
        follows = phones[at + 2] if at + 2 < len(phones) else ""
        if before and not _is_vowel(before):
            if after == "L" and not (follows and _is_vowel(follows)):
                return alphabet.syllabic
            if after == "N" and not follows and before in ("T", "D", "S", "Z"):
                return alphabet.syllabic
    return alphabet.vowels.get(phone) or alphabet.vowels[phone[:-1]]


def _is_flap(phone: str, before: str, after: str, second: str) -> bool:
    is_between = (_is_vowel(before) or before == "R") and after.endswith("0")
    return phone == "T" and is_between and not (after in _SCHWAS and second == "N")


def _is_vowel(phone: str) -> bool:
    return phone[-1:].isdigit()
