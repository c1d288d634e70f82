"""Writes files so that they exist only when complete, even if the program is stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial"
"""Suffix of files that are being written; one that stays is from a program that was stopped."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a path to write to; after the block, if it raises nothing, the file is renamed to `path`.

    Makes missing folders.  A reader of `path` sees the old or the new file, never an incomplete one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + PARTIAL)
    yield partial
    partial.replace(path)
