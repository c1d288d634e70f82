"""Finding what a text held that no word of the utterance came from: emoji, other scripts, odd symbols."""

from __future__ import annotations

import unicodedata

from zelitrio.text import Utterance

SHOWN_CHARS = 40
"""As much of it as a log line needs."""
_SPEAKABLE_CATEGORIES = ("L", "N", "So", "Sm", "Sc")
"""Letters, numbers and symbols; punctuation and spaces are heard as pauses, if at all."""


def first_unspoken(utterance: Utterance) -> str:
    """The first stretch of letters, digits or symbols that will not be heard; empty if there is none."""
    source = utterance.source
    if source.isascii() and utterance.words:
        # Plain text is what the front end is made for; only a chunk it found nothing in is looked at.
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
