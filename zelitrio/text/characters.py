"""Characters that look like ordinary letters, and characters that are invisible."""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Iterator

# Soft hyphen, joiners, zero-width spaces, directions, variation selectors, invisible operators.
INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e01ef"
)
"""For a character class: characters without width, and hyphenation marks."""

MARKS = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
"""For a character class: combining accents, and lines through letters."""

APOSTROPHES = "‘`´ʼʹ′＇‛ʻ՚ꞌ‵ʾʽˊˋ΄᾽᾿"
"""For a character class: characters used as an apostrophe, besides the two usual ones."""

STYLED = (
    "\u1d00-\u1d22\u0262\u026a\u0274\u0276\u0280\u028f\u0299\u029c\u029f\ua730\ua731\ua7af\u2100-\u214f"
    "\u249c-\u24e9\uff01-\uff5e\U0001d400-\U0001d7ff\U0001f110-\U0001f129\U0001f130-\U0001f149"
    "\U0001f150-\U0001f169\U0001f170-\U0001f189\u1d2c-\u1d6a\u02b0-\u02b8\u02e1-\u02e3\ufb00-\ufb06"
    "\u2460-\u249b\u24ea\u24f5-\u24fe\u2776-\u2793"
)
"""For a character class: styled letters and digits: small capitals, full width, bold, circled, raised."""

# These are read as signs, so they are not replaced by their compatibility form.
_KEPT = frozenset("℃℉№℅℗™℠℡Ω℧℮ℓ℻")

_SMALL_CAPITALS = dict(
    zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnopqrstuvwyz", strict=True)
)  # fmt: skip


def _letters_from(first: int) -> Iterator[tuple[str, str]]:
    return ((chr(first + index), letter) for index, letter in enumerate(string.ascii_uppercase))


_DRAWN: dict[str, str] = {
    **_SMALL_CAPITALS,
    **dict(_letters_from(0x1F150)),  # white on a black circle
    **dict(_letters_from(0x1F170)),  # white on a black square
    **{
        chr(first + index): f" {index + 1} "
        for first in (0x2776, 0x2780, 0x278A, 0x24F5)
        for index in range(10)
    },
}


def plain_letters(text: str) -> str:
    """Replace styled characters by the plain letters that they look like."""
    return "".join([_DRAWN.get(char) or _compatible(char) for char in text])


def is_circled_number(char: str) -> bool:
    """Whether the character is a circled number.  Two in a row are two numbers, not one longer number."""
    return "\u2460" <= char <= "\u249b" or "\u24ea" <= char <= "\u24fe" or "\u2776" <= char <= "\u2793"


def composed(text: str) -> str:
    """Join letters and combining accents into single characters; drop marks that cannot be joined."""
    joined = unicodedata.normalize("NFC", text)
    return "".join([char for char in joined if not unicodedata.combining(char) and char.isprintable()])


def _compatible(char: str) -> str:
    if char in _KEPT:
        return char
    shown = unicodedata.normalize("NFKC", char).strip("().") or char
    return f" {shown} " if is_circled_number(char) else shown


CONFUSABLE = str.maketrans(
    "аеорсхуіѕјһԁԛԝАВЕКМНОРСТХУІЅЈΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "aeopcxyisjhdqwABEKMHOPCTXYISJABEZHIKMNOPTYX"
)
"""Cyrillic and Greek letters that look like Latin ones, for words of mixed script."""
