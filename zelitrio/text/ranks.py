"""The order in which rules are tried: the more specific ones first."""

from __future__ import annotations

import enum


class Rank(enum.IntEnum):
    """A group of rules.  Lower ranks are tried first; within a rank the order is that of `RULES`.

    The line below each rank says why it comes before later ones.
    """

    MARKUP = 10
    """Markdown, formulas and code: their signs have other meanings in plain text."""
    NAME = 15
    """Names of products and formats, before the file names and letters in them."""
    WEB = 20
    """Addresses contain dates, numbers and signs."""
    LABEL = 25
    """ "seat 12B" is not an amount of bytes."""
    DATE = 30
    """ "2024-03-15" is not a chain of numbers."""
    TIME = 40
    MONEY = 50
    """ "$5/month" before "5/month" before "5"."""
    SIZE = 55
    """ "5'10\"" and "40° N" are not amounts of a unit."""
    UNIT = 60
    CONTACT = 70
    """Telephone numbers and identifiers, before the numbers in them."""
    YEAR = 80
    """A number of four digits that no earlier rule has read."""
    NUMBER = 90
    SYMBOL = 100
    """ "C++" and ".NET", before the letters and marks in them."""
    ABBREVIATION = 110
    WORD = 120
    SIGN = 125
    """Signs that are silent here."""
    MARK = 130
    """Punctuation and signs that no earlier rule has read."""
