"""From characters to the words that are spoken, each with the source characters it came from."""

from __future__ import annotations

import re

from num2words import num2words

from zelitrio.text.token import Token
from zelitrio.text.types import Break

_PIECE = re.compile(r"([A-Za-zÀ-ɏ]+(?:['’][A-Za-z]+)*)|(\d{1,15})|([,;:.?!—–()\n-])")
_BREAKS = {
    ",": Break.COMMA,
    "(": Break.COMMA,
    ")": Break.COMMA,
    ";": Break.COLON,
    ":": Break.COLON,
    ".": Break.STOP,
    "?": Break.QUESTION,
    "!": Break.EXCLAIM,
    "—": Break.DASH,
    "–": Break.DASH,
}


def tokenise(text: str) -> list[Token]:
    """The spoken words of a text.  Never raises; linear in the length of the text."""
    tokens: list[Token] = []
    for match in _PIECE.finditer(text):
        word, number, mark = match.groups()
        start, end = match.span()
        if word:
            tokens.append(Token(word.lower().replace("’", "'"), start, end))
        elif number:
            words = re.split(r"[ ,-]+", num2words(int(number)))
            tokens.extend(Token(part, start, end) for part in words)
        elif tokens and mark in _BREAKS and tokens[-1].after is Break.NONE:
            tokens[-1].after = _BREAKS[mark]
    return tokens
