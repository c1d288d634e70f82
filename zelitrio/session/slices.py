"""Cut long text into slices, so that no call holds the event loop for long."""

from __future__ import annotations

from collections.abc import Iterator

SLICE_CHARS = 2000
"""The schedule takes about 1 us a character, so a slice takes 2 ms; then other tasks run."""


def slices(text: str) -> Iterator[tuple[str, bool]]:
    """Cut text into slices of at most SLICE_CHARS, after white space if there is any.

    Yields:
        Each slice, and whether it continues the slice before it, so that no space is added between them.
    """
    start = 0
    while len(text) - start > SLICE_CHARS:
        end = start + SLICE_CHARS
        space = max(text.rfind(" ", start, end), text.rfind("\n", start, end)) + 1
        yield text[start : space or end], start > 0
        start = space or end
    yield text[start:], start > 0
