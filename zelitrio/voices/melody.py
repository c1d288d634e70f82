"""Rising intonation by rule, because read speech has too few questions and series for networks to learn it.

In English yes-no questions the pitch rises from the last stressed syllable to the end.  Questions that begin
with a question word, even after a greeting, and those that offer a choice, fall like statements.  The items
of a series rise less steeply; the last one falls (J. C. Wells, English Intonation, 2006, sections 2.5 to
2.10).
"""

from __future__ import annotations

from collections.abc import Sequence

from zelitrio.text import SENTENCE_ENDS, Break, Word, is_vowel

QUESTION_RISE = 0.4
"""Added to the predicted ln f0 at a question's end, which is then about 15 % above its middle."""
ITEM_RISE = 0.2
"""Added to the predicted ln f0 at the end of an item that is not the last; then it does not fall."""
_OPENERS = frozenset("and but so or then well oh now at in on for from to with by of about".split())
_INTRODUCTIONS = frozenset(
    "however moreover therefore well yes no so then now okay oh finally first please thanks sorry".split()
)
"""Words before a comma at the beginning of a sentence that are not items."""
_QUESTION_WORDS = frozenset("what when where which who whom whose why how".split())


def rises(words: Sequence[Word]) -> list[list[float]]:
    """The rise of each phone of each word, to be added to its predicted ln f0."""
    lifts = [[0.0] * len(word.phones) for word in words]
    first = 0
    for last, word in enumerate(words):
        if word.after not in SENTENCE_ENDS:
            continue
        sentence = words[first : last + 1]
        for item in _items(sentence):
            lifts[first + item] = _climb(sentence[item], ITEM_RISE)
        if word.after is Break.QUESTION and _asks_yes_or_no(sentence):
            lifts[last] = _climb(word, QUESTION_RISE)
        first = last + 1
    return lifts


def _items(words: Sequence[Word]) -> list[int]:
    """Indices of the last word of each item but the last; empty without a series."""
    commas = [at for at, word in enumerate(words) if word.after is Break.COMMA]
    if commas[:1] == [0] and words[0].spoken in _INTRODUCTIONS:
        commas = commas[1:]
    joined = bool(commas) and any(word.spoken in ("and", "or") for word in words[commas[-1] + 1 :])
    return commas if joined else []


def _asks_yes_or_no(words: Sequence[Word]) -> bool:
    spoken = [word.spoken for word in words]
    clause = max((at for at, word in enumerate(words[:-1], 1) if word.after is not Break.NONE), default=0)
    asks_more = any(_opening(part) in _QUESTION_WORDS for part in (spoken, spoken[clause:]))
    return not asks_more and "or" not in spoken[1:]


def _opening(spoken: Sequence[str]) -> str:
    """The first word that shows the kind of clause, without a contraction: "what" of "what's"."""
    return next((word for word in spoken if word not in _OPENERS), "").partition("'")[0]


def _climb(word: Word, rise: float) -> list[float]:
    vowels = [at for at, phone in enumerate(word.phones) if is_vowel(phone)]
    stressed = [at for at in vowels if word.phones[at][-1] in "12"]
    begin = (stressed or vowels or [0])[-1]
    steps = len(word.phones) - begin
    return [rise * max(0, at - begin + 1) / steps for at in range(len(word.phones))]
