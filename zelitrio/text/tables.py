"""Small tables written as text: a page of pairs reads better than a page of quotes."""

from __future__ import annotations


def table(text: str) -> dict[str, str]:
    """Pairs ``key=value`` parted by white space; an underscore stands for a space in the value."""
    pairs = (pair.split("=", 1) for pair in text.split())
    return {key: value.replace("_", " ") for key, value in pairs}


def words(text: str) -> frozenset[str]:
    """A set of words parted by white space."""
    return frozenset(text.split())
