"""Find text that will not be spoken: emoji, other scripts, odd symbols."""

from __future__ import annotations

import unicodedata

from zelitrio.text.types import Utterance

SHOWN_CHARS = 40
"""Characters of such a text in a log line."""
_SPEAKABLE_CATEGORIES = ("L", "N", "So", "Sm", "Sc")
"""Letters, numbers and symbols; punctuation and spaces are heard as pauses, if at all."""


def first_unspoken(utterance: Utterance) -> str:
    """The first letters, digits or symbols that will not be spoken; empty if all are."""
    return next((text for text, _ in unspoken(utterance)), "")


def unspoken(utterance: Utterance) -> list[tuple[str, int]]:
    """Letters, digits or symbols that will not be spoken, each with the index of its first character."""
    source = utterance.source
    if source.isascii() and utterance.words:
        # The front end reads all plain text, unless it found no word at all.
        return []
    spoken = bytearray(len(source))
    for word in utterance.words:
        start, end = word.span
        spoken[start:end] = b"\x01" * (end - start)
    found: list[tuple[str, int]] = []
    place = 0
    while place < len(source):
        if spoken[place] or not unicodedata.category(source[place]).startswith(_SPEAKABLE_CATEGORIES):
            place += 1
            continue
        end = place
        while end < len(source) and not spoken[end] and end - place < SHOWN_CHARS:
            end += 1
        found.append((source[place:end].strip(), place))
        place = end
    return found
