"""Find the ends of sentences and phrases in a text that is still growing.

Later text never contradicts an end that was found.  A mark that may belong to an abbreviation, a decimal or a
quotation ends a sentence only if the text after it proves it.  Waiting for that text costs one token of a
language model; a wrong cut is audible.
"""

from __future__ import annotations

import re

from zelitrio.text.abbreviations import BEFORE_NAMES, ENDING, STARTERS

_CLOSERS = "\"'”’)\\]}»›"
_OPENERS = "\"'“‘(\\[{«‹¿¡*_"
# A full-width mark needs no space after it; a blank line or a list item needs no mark before it.  The pattern
# tests one character first, as `_PHRASE` does, which excludes nearly every place in a sixth of the time.
_CANDIDATE = re.compile(
    rf"(?=[.!?…。！？｡\n])(?:(?P<mark>(?<![.!?…])[.!?…]+)(?P<closers>[{_CLOSERS}]*)(?P<space>\s+)"
    rf"|(?P<wide>[。！？｡]++)[」』”’）]*+\s*+(?=.)"
    r"|(?P<blank>\n[ \t]*\n\s*)"
    r"|(?P<item>\n\s*)(?=(?:[-*•]|\d{1,3}[.)])[ \t]))",
    re.DOTALL,
)
_NEXT_WORD = re.compile(rf"[{_OPENERS}]*(?P<word>[^\W_]+)?(?P<after>[^\w]?)")
_REST = re.compile(
    rf"[{_CLOSERS}]{{0,5}}(?:\s+[{_OPENERS}]{{0,5}}(?P<word>[A-Za-z]{{1,20}})(?![^\W_])|\s*$|\s*\n)"
)
_PHRASE = re.compile(
    rf"(?=[,;:—{_CLOSERS}]|\s[-–—])(?:(?<=\w)[{_CLOSERS}]*(?P<mark>[,;:])[{_CLOSERS}]*\s+(?=\S)"
    r"|\s(?:[-–—]{1,3})\s+(?=\S)"
    r"|(?<=\w)[—]+\s*(?=\w)"
    r"|(?<=\w)[)\]]\s+(?=\w))"
)
_LONGEST_WORD = 40


def find_sentence_end(text: str, start: int = 0) -> int | None:
    """Index just after the first certain sentence end at or after `start`.

    The index is after closing quotes and white space.  None: no end is certain, as after "Dr. ", "3.", or a
    full stop at the end of the text.  Time is linear in the length.
    """
    for match in _CANDIDATE.finditer(text, start):
        if match["mark"] is None or _ends(text, start, match):
            return match.end()
    return None


def find_phrase_end(text: str, start: int = 0) -> int | None:
    """Index just after the last comma, colon, dash or bracket at or after `start` that allows a pause.

    The index is after the white space that follows.  None: there is no such place.  A comma inside a date
    or a number ("May 5, 2024") does not count.
    """
    last = None
    for match in _PHRASE.finditer(text, start):
        is_in_number = text[match.start() - 1 : match.start()].isdigit() and text[match.end()].isdigit()
        if not is_in_number:
            last = match.end()
    return last


def ends_after_abbreviation(text: str, end: int) -> bool:
    """Whether an abbreviation's full stop also ends the sentence: nothing or a new sentence follows."""
    following = _REST.match(text, end)
    return following is not None and (following["word"] is None or following["word"] in STARTERS)


def _ends(text: str, start: int, match: re.Match[str]) -> bool:
    """Whether a mark with white space after it certainly ends a sentence."""
    mark, closers = match["mark"], match["closers"]
    following = _NEXT_WORD.match(text, match.end())
    assert following is not None  # every part of the pattern is optional
    word, is_complete = following["word"] or "", bool(following["after"])
    nothing_yet = following.end() == len(text) and not word
    if not nothing_yet and not word:
        is_new_sentence: bool | None = True  # a bullet, an emoji, a dash
    elif nothing_yet:
        is_new_sentence = None
    else:
        is_new_sentence = not word[0].islower()
    if closers or "…" in mark or mark.startswith(".."):
        # `"Stop!" they said.` is one sentence; `"Stop!" They left.` is two.
        return is_new_sentence is True
    if mark != ".":
        return True
    before = _word_before(text, start, match.start())
    if not before:
        return is_new_sentence is True
    return _full_stop_ends(before, text, match.start(), word, is_complete, is_new_sentence)


def _full_stop_ends(
    before: str, text: str, position: int, word: str, is_complete: bool, is_new_sentence: bool | None
) -> bool:
    plain = before.lower()
    if plain.replace(".", "").isdigit():
        return is_new_sentence is True and not _starts_line(text, position - len(before))
    if plain in BEFORE_NAMES:
        return False
    if plain in ENDING or "." in plain or (len(plain) == 1 and plain.isalpha()):
        # "at 5 p.m. Friday", "U.S. Army", "J. Smith" go on; "at 5 p.m. The ..." does not.
        return is_complete and word in STARTERS
    if len(plain) > 3 and plain.isalpha():
        return True  # after a plain word: even a lower-case word begins a new sentence
    return is_new_sentence is True and not (plain == "no" and word[:1].isdigit())


def _word_before(text: str, start: int, position: int) -> str:
    """The word that the mark at `position` touches: letters, digits, inner full stops, apostrophes."""
    first = position
    while first > max(start, position - _LONGEST_WORD) and (
        text[first - 1].isalnum() or text[first - 1] in ".'’"
    ):
        first -= 1
    return text[first:position].strip(".'’")


def _starts_line(text: str, position: int) -> bool:
    """Whether only white space comes before on the line, as before the number of a list item."""
    before = text[max(0, position - _LONGEST_WORD) : position]
    return not before.rpartition("\n")[2].strip()
