"""Replace parts of a text, and map places in the result to places in the source."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

import attrs


@attrs.frozen
class Edit:
    """A part of the source, and its replacement."""

    start: int
    end: int
    text: str
    rule: str = "edit"
    """Name of its rule, for `zelitrio normalise --explain`."""


@attrs.frozen
class Edited:
    """The text after replacements.  `span` maps its places to the source."""

    text: str
    _starts: Sequence[int] = ()
    """Where each replacement starts in `text`."""
    _edits: Sequence[Edit] = ()

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The source span of a part of `text`; a replacement maps to all characters that it replaced."""
        return self._source(start, is_end=False), self._source(end - 1, is_end=True)

    def rule_at(self, place: int) -> str | None:
        """The rule of the replacement at `place`, if any."""
        index = bisect_right(self._starts, place) - 1
        if index >= 0 and place < self._starts[index] + len(self._edits[index].text):
            return self._edits[index].rule
        return None

    def _source(self, place: int, *, is_end: bool) -> int:
        index = bisect_right(self._starts, place) - 1
        if index < 0:
            return place + is_end
        edit, start = self._edits[index], self._starts[index]
        if place < start + len(edit.text):
            return edit.end if is_end else edit.start
        return edit.end + place - start - len(edit.text) + is_end


def apply_edits(source: str, edits: Iterable[Edit]) -> Edited:
    """Apply edits, which must be in order and must not overlap."""
    kept = list(edits)
    starts: list[int] = []
    parts: list[str] = []
    place = length = 0
    for edit in kept:
        parts.append(source[place : edit.start])
        length += edit.start - place
        starts.append(length)
        parts.append(edit.text)
        length += len(edit.text)
        place = edit.end
    parts.append(source[place:])
    return Edited("".join(parts), starts, kept)


def merged(first: Sequence[Edit], second: Iterable[Edit]) -> list[Edit]:
    """Join two lists of edits, in order; where edits overlap, the first list's is kept."""
    kept = list(first)
    starts = [edit.start for edit in first]
    for edit in second:
        index = bisect_right(starts, edit.start) - 1
        is_free = index < 0 or first[index].end <= edit.start
        if is_free and (index + 1 == len(first) or edit.end <= first[index + 1].start):
            kept.append(edit)
    return sorted(kept, key=lambda edit: edit.start)
