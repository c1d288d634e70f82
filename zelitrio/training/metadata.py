"""Read a `metadata.csv` in LJSpeech's layout, and report faulty lines."""

from __future__ import annotations

from pathlib import Path

import attrs

from zelitrio.errors import LocalError

TABLE = "metadata.csv"
_ENDINGS = (".wav", ".flac", ".opus", ".ogg", ".mp3", ".m4a")


@attrs.frozen
class Line:
    """One line of the table: a file's name and its text.  `number` counts from 1."""

    number: int
    file: str
    text: str


@attrs.frozen
class Problem:
    """A problem with one line or its file."""

    line: int
    file: str
    what: str
    left_out: bool = True
    """Whether the recording is left out; otherwise the problem is only reported."""

    def __str__(self) -> str:
        verdict = "left out" if self.left_out else "used, but"
        return f"{TABLE}:{self.line}: {self.file}: {verdict}: {self.what}"


def read_table(folder: Path) -> tuple[list[Line], list[Problem]]:
    """Read the table.  Return lines with a file and a text, and the problems of the others.

    A third field, with numbers and abbreviations spelled out, replaces the second.

    Raises:
        LocalError: the table is missing or not UTF-8.
    """
    table = folder / TABLE
    try:
        rows = table.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise LocalError(
            f"{table}: expected a file with lines of file|text, found none ({error.strerror})"
        ) from error
    except UnicodeDecodeError as error:
        raise LocalError(f"{table}: expected UTF-8: {error}") from error
    lines: list[Line] = []
    problems: list[Problem] = []
    first_of: dict[str, int] = {}
    for number, row in enumerate(rows, 1):
        if not row.strip():
            continue
        file, *texts = (field.strip() for field in row.split("|"))
        text = next((text for text in reversed(texts) if text), "")
        if not file or len(texts) not in (1, 2):
            what = f"expected file|text or file|text|normalised text, found {row[:60]!r}"
        elif not text:
            what = "expected a text, found none"
        elif file in first_of:
            what = f"named before, in line {first_of[file]}"
        else:
            first_of[file] = number
            lines.append(Line(number, file, text))
            continue
        problems.append(Problem(number, file or "?", what))
    return lines, problems


def find_file(folder: Path, name: str) -> Path | None:
    """Find a recording by its name in the table: in `folder` or `wavs/`, with or without a suffix."""
    for place in (folder, folder / "wavs"):
        for candidate in (place / name, *(place / (name + ending) for ending in _ENDINGS)):
            if candidate.is_file():
                return candidate
    return None
