"""Read words with espeak, and write them in the symbols of a family."""

from __future__ import annotations

import difflib
import functools
import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from zelitrio.errors import LocalError
from zelitrio.text import Break, ForeignFrontEnd, FrontEnd, RespeltFrontEnd, Word, scripts_of
from zelitrio.voices.espeak import SHARED
from zelitrio.voices.languages import Language

PACKAGES, EXTRA = ("espeakng_loader",), "espeak"
_log = logging.getLogger(__name__)
_FLAG = re.compile(r"\([a-z^-]+\)")  # "(en)": the word was read in another language
_DIPHTHONGS = (
    ("aɪ", "I"), ("aʊ", "W"), ("eɪ", "A"), ("oʊ", "O"), ("əʊ", "Q"), ("ɔɪ", "Y"),
    ("tʃ", "ʧ"), ("dʒ", "ʤ"), ("ts", "ʦ"), ("dz", "ʣ"), ("tɕ", "ʨ"),
)  # fmt: skip
"""Diphthongs and affricates that Kokoro writes with one symbol."""
_TIED = (*((f"{one[0]}^{one[1]}", single) for one, single in _DIPHTHONGS), ("s^s", "S"))
_AMERICAN = (
    ("ʔn\u0329", "tᵊn"), ("n\u0329", "ᵊn"), ("l\u0329", "ᵊl"), ("ʔ", "t"), ("ɜːɹ", "ɜɹ"), ("ɜː", "ɜɹ"),
    ("ɚɹ", "əɹ"), ("ɚ", "əɹ"), ("ɾ", "T"), ("ː", ""),
)  # fmt: skip
_BRITISH = (
    ("n\u0329", "ᵊn"), ("l\u0329", "ᵊl"), ("e^ə", "ɛː"), ("eə", "ɛː"), ("i^ə", "ɪə"), ("iə", "ɪə"),
    ("ɐ", "ə"), ("æ", "a"),
)  # fmt: skip
"""Changes from espeak's British English to Kokoro's."""
_VOWELS = frozenset("aeiouyæøœɐɑɒɔəɘɚɛɜɝɞɤɨɪɯɵʉʊʌʏᵻ")
_GROUPS = ((1, 1), (1, 2), (1, 3), (2, 1), (3, 1), (4, 1), (6, 1), (9, 1), (2, 3), (1, 4))
"""Possible numbers of parts for numbers of words: `in the` is one part, a number up to nine."""
_MOST_COMPARED = 40
"""Limit of parts times words between two equal ones; a comparison takes about 20 us."""

Write = Callable[[str], str]
"""Converts a word in espeak's symbols to those of a family."""


def write_piper(said: str) -> str:
    """Write a word as Piper's training did: single code points of the decomposed text."""
    return unicodedata.normalize("NFD", " ".join(said.replace("^", "").split()))


def write_kokoro(said: str, changes: Sequence[tuple[str, str]] = ()) -> str:
    """Write a word as Kokoro's training did: diphthongs and affricates are one symbol each."""
    for before, after in (*changes, *_TIED):
        said = said.replace(before, after)
    return " ".join(said.replace("^", "").replace("-", "").split())


def write_ipa(ipa: str, write: Write) -> str:
    """Write a client's IPA: move each stress mark to its vowel, and add ties to diphthongs."""
    written = re.sub(rf"([ˈˌ])([^{''.join(_VOWELS)}ˈˌ]*)", r"\2\1", unicodedata.normalize("NFD", ipa))
    written = written.replace("\u0361", "").replace(".", "").replace("/", "")
    for pair, _ in _DIPHTHONGS:
        written = written.replace(pair, f"{pair[0]}^{pair[1]}")
    return write(written)


def piper_by_espeak(code: str, voice: str) -> Language:
    """A language in Piper's symbols; `voice` is its name in espeak, such as `de` or `pt-br`."""
    return _by_espeak(code, voice, write_piper)


def kokoro_by_espeak(code: str, voice: str) -> Language:
    """A language in Kokoro's symbols."""
    return _by_espeak(code, voice, write_kokoro)


def piper_english(code: str, voice: str) -> Language:
    """English in Piper's symbols: numbers, dates and dictionaries by our rules, phonemes by espeak."""
    return _english(code, voice, write_piper)


def kokoro_english(code: str, voice: str, *, british: bool) -> Language:
    """English in Kokoro's symbols; see `piper_english`."""
    return _english(code, voice, functools.partial(write_kokoro, changes=_BRITISH if british else _AMERICAN))


def _by_espeak(code: str, voice: str, write: Write) -> Language:
    front_end = ForeignFrontEnd(
        pronounce=functools.partial(pronounce, voice, write),
        write=functools.partial(write_ipa, write=write),
        scripts=scripts_of(code),
    )
    return Language(code=code, reader=lambda english: front_end, packages=PACKAGES, extra=EXTRA)


def _english(code: str, voice: str, write: Write) -> Language:
    def reader(english: FrontEnd) -> FrontEnd:
        return RespeltFrontEnd(lexicon=english.lexicon, respell=functools.partial(_respell, voice, write))

    return Language(code=code, reader=reader, packages=PACKAGES, extra=EXTRA)


def _respell(voice: str, write: Write, words: Sequence[Word], chosen: Sequence[bool]) -> list[str]:
    said: list[str] = []
    clause: list[str] = []
    for at, word in enumerate(words):
        clause.append(word.spoken)
        if word.after is not Break.NONE or at == len(words) - 1:
            said += pronounce(voice, write, clause)
            clause = []
    return ["" if is_chosen else one for one, is_chosen in zip(said, chosen, strict=True)]


def pronounce(voice: str, write: Write, words: Sequence[str]) -> list[str]:
    """The symbols of each word of a clause; after a logged failure of espeak all are empty."""
    if not words:
        return []
    try:
        (clause,) = SHARED.phonemes(voice, [" ".join(words)], ties=True)
        clause = _FLAG.sub("", clause)
        said = clause.split()
        if len(said) != len(words):
            # espeak joined some words, or wrote a number as several.
            apart = [_FLAG.sub("", one).strip() for one in SHARED.phonemes(voice, words, ties=True)]
            said = share_out(said, apart)
    except LocalError as error:
        _log_once(str(error))
        return ["" for _ in words]
    return [write(one) for one in said]


def share_out(clause: Sequence[str], apart: Sequence[str]) -> list[str]:
    """Assign the parts of espeak's answer for a clause to the words of the clause.

    So the words keep their weak forms and liaisons.  A word without a part has its own answer.

    Args:
        clause: the answer for the clause, split at spaces.  A part may have two words, and a number several.
        apart: the answers for each word by itself.
    """
    found = list(apart)
    at = word = 0
    for spoken, words in _groups(clause, apart):
        if not words and word:
            found[word - 1] += " " + " ".join(clause[at : at + spoken])
        elif words == 1 and spoken:
            found[word] = " ".join(clause[at : at + spoken])
        elif spoken:
            parts = _split("".join(clause[at : at + spoken]), apart[word : word + words])
            found[word : word + words] = [
                one or alone for one, alone in zip(parts, apart[word:], strict=False)
            ]
        at, word = at + spoken, word + words
    return found


def _groups(clause: Sequence[str], apart: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield numbers of parts and of the words they belong to, from the start.

    Words that are equal in both answers are found first; others are matched by similarity.
    """
    heard, wanted = [_bare(one) for one in clause], [_bare(one) for one in apart]
    at = word = 0
    for match in difflib.SequenceMatcher(None, heard, wanted, autojunk=False).get_matching_blocks():
        if (match.a, match.b) != (at, word):
            yield from _nearest(heard[at : match.a], wanted[word : match.b])
        for _ in range(match.size):
            yield 1, 1
        at, word = match.a + match.size, match.b + match.size


def _bare(said: str) -> str:
    return said.translate({ord(mark): None for mark in "ˈˌː^"})


def _nearest(heard: Sequence[str], wanted: Sequence[str]) -> list[tuple[int, int]]:
    if min(len(heard), len(wanted)) < 2 or len(heard) * len(wanted) > _MOST_COMPARED:
        return [(len(heard), len(wanted))]
    best: dict[tuple[int, int], tuple[int, tuple[int, int]]] = {(0, 0): (0, (0, 0))}
    for spoken in range(len(heard) + 1):
        for words in range(len(wanted) + 1):
            for group in _GROUPS:
                before = best.get((spoken - group[0], words - group[1]))
                if before is None:
                    continue
                said = Counter("".join(heard[spoken - group[0] : spoken]))
                said.subtract("".join(wanted[words - group[1] : words]))
                cost = before[0] + sum(map(abs, said.values()))
                if (spoken, words) not in best or cost < best[spoken, words][0]:
                    best[spoken, words] = cost, group
    place = len(heard), len(wanted)
    if place not in best:
        return [place]
    found: list[tuple[int, int]] = []
    while place != (0, 0):
        _, group = best[place]
        found.append(group)
        place = place[0] - group[0], place[1] - group[1]
    return found[::-1]


def _split(said: str, apart: Sequence[str]) -> list[str]:
    joined = "".join(apart)
    owners = [number for number, word in enumerate(apart) for _ in word]
    found = ["" for _ in apart]
    last = 0
    for _, start, end, begin, until in difflib.SequenceMatcher(
        None, joined, said, autojunk=False
    ).get_opcodes():
        for place in range(begin, until):
            if end > start:
                last = max(last, owners[start + (place - begin) * (end - start) // (until - begin)])
            found[last] += said[place]
    return found


@functools.cache
def _log_once(message: str) -> None:
    _log.warning(message)
