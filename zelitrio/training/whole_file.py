"""Write files so that they exist only when complete, even if the program is stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial"
"""Suffix of files that are being written; it remains after a stopped program."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a path to write to; after a block without error the file is renamed to `path`.

    Missing folders are made.  A reader of `path` never sees an incomplete file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + PARTIAL)
    yield partial
    partial.replace(path)
