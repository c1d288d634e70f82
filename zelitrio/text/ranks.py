"""The order of the rules: a text is offered to the more particular rule first."""

from __future__ import annotations

import enum


class Rank(enum.IntEnum):
    """A group of rules.  A lower rank is asked first; within a rank, the order is that of its `RULES`."""

    ALIAS = 0
    """A user's own replacements come before every rule of ours."""
    MARKUP = 10
    """Markdown, formulas and code: their signs mean something else in plain text."""
    NAME = 15
    """Names of products and formats, before the file names and letters in them."""
    WEB = 20
    """Addresses contain dates, numbers and signs."""
    LABEL = 25
    """ "seat 12B" is no amount of bytes."""
    DATE = 30
    """ "2024-03-15" is not a chain of numbers."""
    TIME = 40
    MONEY = 50
    """ "$5/month" before "5/month" before "5"."""
    SIZE = 55
    """ "5'10\"" and "40° N" are no amounts of a unit."""
    UNIT = 60
    CONTACT = 70
    """Telephone numbers and identifiers, before the numbers in them."""
    YEAR = 80
    """A number of four digits that no rule above has claimed."""
    NUMBER = 90
    SYMBOL = 100
    """ "C++" and ".NET", before the letters and marks in them."""
    ABBREVIATION = 110
    WORD = 120
    SIGN = 125
    """Signs that stand for nothing here."""
    MARK = 130
    """What no rule has claimed: punctuation and signs."""
