"""A long text in slices, so that taking it in never holds the event loop for long."""

from __future__ import annotations

from collections.abc import Iterator

SLICE_CHARS = 2000
"""Cutting text into chunks takes about a microsecond a character: 2 ms, then the others' turn."""


def slices(text: str) -> Iterator[tuple[str, bool]]:
    """Slices of at most SLICE_CHARS, cut after white space where there is any.

    Yields:
        Each slice, and whether it continues the one before: nothing belongs between the two.
    """
    start = 0
    while len(text) - start > SLICE_CHARS:
        end = start + SLICE_CHARS
        space = max(text.rfind(" ", start, end), text.rfind("\n", start, end)) + 1
        yield text[start : space or end], start > 0
        start = space or end
    yield text[start:], start > 0
