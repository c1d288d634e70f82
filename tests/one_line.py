"""The output of a command that fails."""

from __future__ import annotations

import pytest


def only_line(capsys: pytest.CaptureFixture[str]) -> str:
    """Check that a command printed only one line, to stderr; return the line."""
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.startswith("zelitrio: ") and printed.err.count("\n") == 1
    return printed.err
