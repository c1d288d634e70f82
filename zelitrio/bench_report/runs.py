"""Reads the result lines of a run of `zelitrio bench` from a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Any

import attrs
import orjson

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
    lines = [
        _read_line(path, number, text)
        for number, text in enumerate(path.read_bytes().split(b"\n"), 1)
        if text.strip()
    ]
    if not any(line["what"] == "point" for line in lines):
        raise LocalError(f"{path}: expected at least one point of `zelitrio bench`, found none")
    return Run(path.stem, tuple(lines))


def _read_line(path: Path, number: int, text: bytes) -> Mapping[str, Any]:
    try:
        line = orjson.loads(text)
    except ValueError:  # not JSON, not UTF-8, or nested too deeply
        line = None
    if not isinstance(line, dict) or not isinstance(line.get("what"), str):
        shown = text[:60].decode(errors="replace")
        raise LocalError(f"{path}, line {number}: expected a line of `zelitrio bench`, found {shown!r}")
    wrong = _wrong_key(line)
    if wrong is not None:
        raise LocalError(
            f"{path}, line {number}: expected a line of `zelitrio bench`; its {wrong!r} is not one's"
        )
    return line


_KEYS: Mapping[str, Mapping[str, type | UnionType]] = {
    "point": {
        "bench": str,
        "server": str,
        "point": dict,
        "n": int,
        "first_ms": dict,
        "audible_ms": dict,
        "underruns": int,
        "failed": int,
        "failures": dict,
        "audio_s_per_s": int | float,
        "client": dict,
    },
    "utterance": {"bench": str, "server": str, "point": dict},
    "knee": {"bench": str, "server": str, "arrivals_per_s": int | float},
    "most": {"bench": str, "server": str, "listeners": int},
}
"""The keys that a table or a plot reads, by kind of line."""


def _wrong_key(line: Mapping[str, Any]) -> str | None:
    """The first key that is missing or has a value of another type; None if all are right."""
    for key, kind in _KEYS.get(line["what"], {}).items():
        if not isinstance(line.get(key), kind) or isinstance(line[key], bool):
            return key
    if line["what"] != "point":
        return None
    for key in ("first_ms", "audible_ms"):
        figures = line[key]
        if not isinstance(figures.get("n"), int) or not all(_is_figure(value) for value in figures.values()):
            return key
    if not all(isinstance(value, int | float) for value in line["point"].values()):
        return "point"
    share = line["client"].get("cpu_share", 0)
    return None if isinstance(share, int | float) else "client"


def _is_figure(value: object) -> bool:
    return isinstance(value, int | float | list)
