"""Decide whether letters are a word or are spelled, and split names such as "iPhone" and "ChatGPT"."""

from __future__ import annotations

import re
import unicodedata

from zelitrio.text.reader import Reader
from zelitrio.text.tables import words

SPELLED = words(
    """
    al ak az ar ca co ct fl ga il ia ks ky md mi mn ms mo mt ne nv nh nj nm ny nc nd ri sc sd tn tx ut vt va
    wa wv wi wy ad us it id ai uk eu un tv pc pr hr ceo cfo cto faq gps dna rna cpu gpu url api usa nyc la
    dc ny pm am ok ac dj mc vip diy rip mph eta iq ip io os ui ux vr ar ev suv atm irs fda cdc un ira ufo
    imo ps pa vp gop llc rsvp asl ii iii er or icu mba phd bbc cnn nbc abc espn hbo mtv bmw kfc ibm sap nhl
    et se est edt cst cdt mst mdt pst pdt cest aest aedt bst po nba nfl mlb mit ucla usc aa aaa
    """
)
"""Letters that are spelled when in capitals, even if they are also a word."""

SPOKEN = words(
    """
    nasa nato unesco unicef opec nafta aids sars covid pin sim ram rom gif jpeg laser radar scuba swat yolo
    fifa nascar asean brics captcha bios cobol basic fortran ansi ascii nasdaq navy army noaa darpa osha
    fema nimby lego ikea hamas wasp moma imax taser asap
    """
)
"""Acronyms that are spoken as words."""

# The pieces of a name of mixed case: "ChatGPT", "YouTube", "GPTs", "iOS".
_PIECES = re.compile(r"[A-Z]{2,}(?=[A-Z][a-z])|[A-Z]{2,}|[A-Z]?[^\W\d_A-Z]+|[A-Z]|[^\W\d_]+")
_FOLDED = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ß": "ss",
        "æ": "ae",
        "œ": "oe",
        "ı": "i",
        "ŋ": "ng",
        "ə": "a",
    }
)
_VOWEL = re.compile(r"[aeiouy]")


def fold(word: str) -> str:
    """A word folded to lower-case a-z and apostrophes; empty for other scripts (CJK, Arabic)."""
    word = word.lower()
    if word.isascii():
        return word
    plain = unicodedata.normalize("NFKD", word.replace("’", "'").translate(_FOLDED))
    return "".join([char for char in plain if "a" <= char <= "z" or char == "'"])


def is_said_as_word(reader: Reader, letters: str) -> bool:
    """Whether letters in capitals are a word ("NASA", "STOP") and not an initialism ("FBI")."""
    lower = letters.lower()
    if lower in SPOKEN:
        return True
    if reader.is_shouting:
        return reader.knows(lower) or (len(lower) > 3 and _VOWEL.search(lower) is not None)
    if lower == "who":
        return reader.previous().lower() != "the"
    if lower in SPELLED or reader.lexicon.is_spelled(lower):
        return False
    if reader.knows(lower):
        return _VOWEL.search(lower) is not None
    return len(lower) >= 5 and len(_VOWEL.findall(lower)) * 4 >= len(lower)


def say_name(reader: Reader, letters: str, start: int, *, ending: str = "") -> None:
    """Speak letters that may be a word, an initialism, or several of these without spaces."""
    end = start + len(letters)
    lower = letters.lower()
    if letters.isupper() and len(letters) > 1 and not is_said_as_word(reader, letters):
        reader.spell(letters, start, ending=ending)
        return
    is_plural = letters[-1] == "s" and letters[:-1].isupper() and len(letters) > 2 and not letters.isupper()
    if is_plural and not is_said_as_word(reader, letters[:-1]):
        reader.spell(letters[:-1], start, ending="'s")
        reader.tokens[-1].end = end
        return
    if reader.knows(lower) or letters.islower() or letters.istitle() or letters.isupper():
        if not reader.knows(lower) and lower.isascii() and not _VOWEL.search(lower) and len(lower) <= 6:
            reader.spell(letters, start, ending=ending)
        else:
            reader.say(lower + ending, start, end + len(ending))
        return
    pieces = list(_PIECES.finditer(letters))
    for index, piece in enumerate(pieces):
        found, begins = piece[0], start + piece.start()
        is_last = index == len(pieces) - 1
        if len(found) == 1 or (found.isupper() and not is_said_as_word(reader, found)):
            reader.spell(found, begins, ending=ending if is_last else "")
        else:
            reader.say(
                found.lower() + (ending if is_last else ""),
                begins,
                begins + len(found) + (len(ending) if is_last else 0),
            )
