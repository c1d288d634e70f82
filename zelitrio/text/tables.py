"""Small tables written as text, which are easier to read than many quoted strings."""

from __future__ import annotations


def table(text: str) -> dict[str, str]:
    """Read pairs ``key=value`` separated by white space; an underscore in a value means a space."""
    pairs = (pair.split("=", 1) for pair in text.split())
    return {key: value.replace("_", " ") for key, value in pairs}


def words(text: str) -> frozenset[str]:
    """Read words separated by white space into a set."""
    return frozenset(text.split())
