"""Long texts are read in slices."""

from __future__ import annotations

import pytest

from zelitrio.protocol import ChunkSchedule
from zelitrio.session.slices import SLICE_CHARS, slices


@pytest.mark.parametrize(
    "text", ["", "short", "word " * 5000, "x" * 9000, "x" * 1999 + " y", "One. Two.\n" * 2000]
)
def test_slices_are_short_and_join_to_the_text(text: str) -> None:
    pieces = list(slices(text))
    assert "".join(piece for piece, _ in pieces) == text
    assert all(len(piece) <= SLICE_CHARS for piece, _ in pieces)
    assert [continues for _, continues in pieces] == [False] + [True] * (len(pieces) - 1)


def test_a_text_without_a_space_is_not_given_one_where_slices_meet() -> None:
    text = "Yes." * 3000  # cut between a mark and a capital, where a space would be inserted
    schedule = ChunkSchedule()
    chunks = []
    for piece, continues in slices(text):
        chunks += schedule.feed(piece, 0.0, continues=continues)
    chunks += schedule.end(0.0)
    assert "".join(chunk.text for chunk in chunks) == text
