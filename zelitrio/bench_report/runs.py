"""Reads the result lines of a run of `zelitrio bench` from a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from zelitrio.errors import LocalError


@attrs.frozen
class Run:
    """One run.

    Attributes:
        name: a name to show, such as the file's.
        lines: as `zelitrio bench` wrote them.
    """

    name: str
    lines: tuple[Mapping[str, Any], ...]


def read_run(path: Path) -> Run:
    """Read a file of result lines.

    Raises:
        LocalError: a line is not from `zelitrio bench`, or the file has no point.
        OSError: the file cannot be read.
    """
    lines: list[Mapping[str, Any]] = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not text.strip():
            continue
        try:
            line = json.loads(text)
        except ValueError:
            line = None
        if not isinstance(line, dict) or not isinstance(line.get("what"), str):
            raise LocalError(
                f"{path}, line {number}: expected a line of `zelitrio bench`, found {text[:60]!r}"
            )
        lines.append(line)
    if not any(line["what"] == "point" for line in lines):
        raise LocalError(f"{path}: expected at least one point, found none")
    return Run(path.stem, tuple(lines))
