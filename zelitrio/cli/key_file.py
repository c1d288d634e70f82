"""The file of API keys, which holds only their SHA-256."""

from __future__ import annotations

import re
from pathlib import Path

from zelitrio.errors import LocalError

_LINE = re.compile(r"[0-9a-fA-F]{64}")


def read_key_file(path: Path) -> set[str]:
    """Read a file with one SHA-256 in hex per line, such as the output of `printf %s "$KEY" | sha256sum`.

    Text after a space or # is a comment.

    Raises:
        LocalError: the file cannot be read, a line is not a hash, or the file has no key.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LocalError(f"{path}: expected a file of SHA-256 lines: {error}") from error
    hashes: set[str] = set()
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if not _LINE.fullmatch(words[0]):
            # The line is not shown, because it may be a key in clear.
            raise LocalError(f"{path}: line {number}: expected 64 hex digits, the SHA-256 of a key")
        hashes.add(words[0].lower())
    if not hashes:
        raise LocalError(f"{path}: expected at least one key, found none")
    return hashes
