"""Convert words to Kokoro's symbols: the words' own, the spaces between them, and marks."""

from __future__ import annotations

from collections.abc import Sequence

from zelitrio.text import Break, Word
from zelitrio.voices.english_symbols import KOKORO, spell_word

_MARKS = {
    Break.COMMA: ",",
    Break.COLON: ":",
    Break.DASH: "—",
    Break.STOP: ".",
    Break.QUESTION: "?",
    Break.EXCLAIM: "!",
    Break.PARAGRAPH: ".",
}
_KNOWN = {
    **dict(zip(";:,.!?", range(1, 7), strict=True)),
    **dict(zip('—…"()“” \u0303ʣʥʦʨᵝꭧAI', range(9, 26), strict=True)),
    "O": 31,
    "Q": 33,
    "S": 35,
    "T": 36,
    "W": 39,
    "Y": 41,
    "ᵊ": 42,
    **dict(zip("abcdef", range(43, 49), strict=True)),
    **dict(zip("hijklmnopqrstuvwxyzɑɐɒæ", range(50, 73), strict=True)),
    "β": 75,
    "ɔ": 76,
    "ɕ": 77,
    "ç": 78,
    "ɖ": 80,
    "ð": 81,
    "ʤ": 82,
    "ə": 83,
    "ɚ": 85,
    "ɛ": 86,
    "ɜ": 87,
    "ɟ": 90,
    "ɡ": 92,
    "ɥ": 99,
    "ɨ": 101,
    "ɪ": 102,
    "ʝ": 103,
    "ɯ": 110,
    "ɰ": 111,
    "ŋ": 112,
    "ɳ": 113,
    "ɲ": 114,
    "ɴ": 115,
    "ø": 116,
    "ɸ": 118,
    "θ": 119,
    "œ": 120,
    "ɹ": 123,
    "ɾ": 125,
    "ɻ": 126,
    "ʁ": 128,
    "ɽ": 129,
    "ʂ": 130,
    "ʃ": 131,
    "ʈ": 132,
    "ʧ": 133,
    "ʊ": 135,
    "ʋ": 136,
    "ʌ": 138,
    "ɣ": 139,
    "ɤ": 140,
    "χ": 142,
    "ʎ": 143,
    "ʒ": 147,
    "ʔ": 148,
    "ˈ": 156,
    "ˌ": 157,
    "ː": 158,
    "ʰ": 162,
    "ʲ": 164,
    "↓": 169,
    "→": 171,
    "↗": 172,
    "↘": 173,
    "ᵻ": 177,
}
KOKORO_IDS = _KNOWN
"""The number of each symbol in Kokoro-82M, version 1.0."""


def kokoro_ids(words: Sequence[Word]) -> tuple[list[int], list[int]]:
    """The ids of the symbols, without the zeros at the ends, and the word of each (-1: space or mark)."""
    ids: list[int] = []
    owners: list[int] = []
    for index, word in enumerate(words):
        if index:
            ids.append(_KNOWN[" "])
            owners.append(-1)
        symbols = spell_word(word, KOKORO)
        known = [_KNOWN[symbol] for symbol in symbols if symbol in _KNOWN]
        ids += known
        owners += [index] * len(known)
        after = word.after
        if index == len(words) - 1 and after is Break.NONE:
            after = Break.STOP
        mark = _MARKS.get(after)
        if mark is None and word.pause_s:
            mark = ","
        if mark is not None:
            ids.append(_KNOWN[mark])
            owners.append(-1)
    return ids, owners
