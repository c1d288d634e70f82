"""Files that are there whole or not at all, whenever the program that writes them is stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial"
"""Ending of files that are being written; one that stays is from a program that was stopped."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Where to write what shall be `path` once the block has ended well; folders are made.

    A reader sees the old file or the new one, never half of one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + PARTIAL)
    yield partial
    partial.replace(path)
