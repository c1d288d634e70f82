"""The rise of a question, by rule: read sentences hardly hold any, so no network learns it from them.

English asks for yes or no with a pitch that climbs from the last stressed syllable to the end; questions
that begin with a question word, and those that offer a choice, fall as statements do (J. C. Wells,
English Intonation, 2006, sections 2.5 to 2.8).
"""

from __future__ import annotations

from collections.abc import Sequence

from zelitrio.text import Break, Word, is_vowel

QUESTION_RISE = 0.4
"""ln f0 at the end of a question over what is predicted: it ends some 15 % above its own middle."""
_ENDS = (Break.STOP, Break.QUESTION, Break.EXCLAIM, Break.PARAGRAPH)
_OPENERS = frozenset("and but so or then well oh now at in on for from to with by of about".split())
_QUESTION_WORDS = frozenset("what when where which who whom whose why how".split())


def rises(words: Sequence[Word]) -> list[list[float]]:
    """How far each phone of each word is lifted above its predicted pitch, in ln f0."""
    lifts = [[0.0] * len(word.phones) for word in words]
    first = 0
    for last, word in enumerate(words):
        if word.after not in _ENDS:
            continue
        if word.after is Break.QUESTION and _asks_yes_or_no(words[first : last + 1]):
            lifts[last] = _climb(word)
        first = last + 1
    return lifts


def _asks_yes_or_no(words: Sequence[Word]) -> bool:
    spoken = [word.spoken for word in words]
    opening = next((word for word in spoken if word not in _OPENERS), "")
    return opening not in _QUESTION_WORDS and "or" not in spoken[1:]


def _climb(word: Word) -> list[float]:
    vowels = [at for at, phone in enumerate(word.phones) if is_vowel(phone)]
    stressed = [at for at in vowels if word.phones[at][-1] in "12"]
    begin = (stressed or vowels or [0])[-1]
    steps = len(word.phones) - begin
    return [QUESTION_RISE * max(0, at - begin + 1) / steps for at in range(len(word.phones))]
