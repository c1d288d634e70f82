"""Read TEXT of the command line: the text, the name of a file with it, or `-` for stdin."""

from __future__ import annotations

import sys
from pathlib import Path

from zelitrio.errors import LocalError

STDIN = "-"
_LONGEST_PATH_CHARS = 1024


def named_file(text: str) -> Path | None:
    """The file that a TEXT names, if it exists."""
    if len(text) > _LONGEST_PATH_CHARS or "\n" in text or "\0" in text:
        return None
    try:
        path = Path(text)
        return path if path.is_file() else None
    except OSError:  # such as a name longer than the file system allows
        return None


def read_text(text: str) -> str:
    """The whole text of a TEXT argument.

    Raises:
        LocalError: it looks like a flag, or the file or stdin is not UTF-8.
    """
    _refuse_flag(text)
    path = named_file(text)
    try:
        if text == STDIN:
            return sys.stdin.read()
        return text if path is None else path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise LocalError(f"{path or 'stdin'}: expected text in UTF-8: {error}") from error


def _refuse_flag(text: str) -> None:
    """Refuse a mistyped flag that was taken for the text, which may begin with a hyphen."""
    if text.startswith("--"):
        raise LocalError(
            f"unknown option {text.partition('=')[0]}; a text that begins so can come from stdin"
        )
