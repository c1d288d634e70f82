"""Finds text that no word of the utterance came from: emoji, other scripts, odd symbols."""

from __future__ import annotations

import unicodedata

from zelitrio.text import Utterance

SHOWN_CHARS = 40
"""As much of it as a log line needs."""
_SPEAKABLE_CATEGORIES = ("L", "N", "So", "Sm", "Sc")
"""Letters, numbers and symbols; punctuation and spaces are heard as pauses, if at all."""


def first_unspoken(utterance: Utterance) -> str:
    """The first letters, digits or symbols that will not be heard; empty if all are."""
    source = utterance.source
    if source.isascii() and utterance.words:
        # The front end reads all plain text, unless it found no word at all.
        return ""
    spoken = bytearray(len(source))
    for word in utterance.words:
        start, end = word.span
        spoken[start:end] = b"\x01" * (end - start)
    for start, char in enumerate(source):
        if not spoken[start] and unicodedata.category(char).startswith(_SPEAKABLE_CATEGORIES):
            end = start
            while end < len(source) and not spoken[end] and end - start < SHOWN_CHARS:
                end += 1
            return source[start:end].strip()
    return ""
