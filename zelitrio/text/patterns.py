"""Parts of the rules' patterns, for `re.VERBOSE`.  All repetitions are bounded."""

from __future__ import annotations

NUMBER = (
    r"(?:\d{1,2}(?:,\d{2}){1,6},\d{3}(?!\d)"
    r"|\d{1,3}(?:,\d{3}){1,11}(?!\d)|\d{1,40}(?!\d))(?:\.\d{1,20}(?!\d))?"
)
"""A number as written in English, with thousands commas and a decimal point."""

DASH = r"(?:[-\u2010-\u2015\u2212~\u301c]|[ \u00a0][-\u2010-\u2015\u2212~\u301c][ \u00a0])"
"""The mark between the two ends of a range."""

SPACE = r"[ \u00a0\u2009\u202f]"
"""One space: plain, non-breaking, thin."""

LETTER = (
    r"[^\W\d_\u00aa\u00b2\u00b3\u00b9\u00ba\u00bc-\u00be\u2070-\u209c\u2150-\u218b"
    r"\u2460-\u24ff]"
)
"""A letter of any script, without the superscript, subscript and circled characters that ``\\w`` includes."""

ROMAN_SIGNS = "\u2160-\u2188"
"""For a character class: Roman numerals that are one character each."""

WORD_END = r"(?![^\W_])"
"""No letter or digit follows."""
