"""Phones for words that no dictionary knows."""

from __future__ import annotations

import re
import unicodedata

from zelitrio.text.types import Phones

_GRAPHEMES = {
    "tch": "CH",
    "sch": "SH",
    "igh": "AY1",
    "tion": "SH AH0 N",
    "sh": "SH",
    "ch": "CH",
    "th": "TH",
    "ph": "F",
    "ck": "K",
    "ng": "NG",
    "qu": "K W",
    "wh": "W",
    "ee": "IY1",
    "ea": "IY1",
    "oo": "UW1",
    "ou": "AW1",
    "ai": "EY1",
    "ay": "EY1",
    "ey": "IY0",
    "oy": "OY1",
    "oi": "OY1",
    "au": "AO1",
    "ow": "OW1",
    "er": "ER0",
    "a": "AE1",
    "b": "B",
    "c": "K",
    "d": "D",
    "e": "EH1",
    "f": "F",
    "g": "G",
    "h": "HH",
    "i": "IH1",
    "j": "JH",
    "k": "K",
    "l": "L",
    "m": "M",
    "n": "N",
    "o": "AA1",
    "p": "P",
    "q": "K",
    "r": "R",
    "s": "S",
    "t": "T",
    "u": "AH1",
    "v": "V",
    "w": "W",
    "x": "K S",
    "y": "IY0",
    "z": "Z",
}
_GRAPHEME = re.compile("|".join(sorted(_GRAPHEMES, key=len, reverse=True)))


def sound_out(word: str) -> Phones:
    """Phones of a word by its spelling; empty when no letter of it can be sounded."""
    plain = unicodedata.normalize("NFKD", word.lower())
    return tuple(" ".join(_GRAPHEMES[part] for part in _GRAPHEME.findall(plain)).split())
