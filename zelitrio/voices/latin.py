"""Latin words in a text of another script, read as English in Kokoro's symbols."""

from __future__ import annotations

import unicodedata

from zelitrio.text import FrontEnd
from zelitrio.voices.english_symbols import KOKORO, spell_word


def spell_latin(english: FrontEnd, text: str) -> str:
    """The symbols of Latin words, half or full width."""
    words = english.utterance(unicodedata.normalize("NFKC", text)).words
    return " ".join(spell_word(word, KOKORO) for word in words)
