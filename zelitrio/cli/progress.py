"""Progress of the speech on a terminal; nothing if stderr is not one."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import ProgressColumn

CHARS_PER_S = 15.0
"""Approximate rate of English speech, to estimate the length of the bar."""


def stderr_bar(label: str, *figures: str | ProgressColumn) -> Bar | None:
    """Make a bar on stderr that removes itself, not started yet; return None if stderr is not a terminal.

    Args:
        label: text before the bar; a format string for rich's `task`.
        figures: columns after the bar; a text is such a format string.
    """
    if not sys.stderr.isatty():
        return None
    # Imported here, because the import takes longer than most commands.
    from rich import progress
    from rich.console import Console

    return progress.Progress(
        label, progress.BarColumn(), *figures, console=Console(stderr=True), transient=True
    )


class Progress:
    """A bar of seconds spoken.

    Args:
        expected_chars: length of the text; None: it is still being written.
        shown: whether to show a bar.
    """

    def __init__(self, expected_chars: int | None, *, shown: bool) -> None:
        self.spoken_s = 0.0
        self._bar = stderr_bar("speaking", "{task.completed:.1f} s") if shown else None
        if self._bar is not None:
            total_s = None if expected_chars is None else expected_chars / CHARS_PER_S
            self._task = self._bar.add_task("speaking", total=total_s)

    def spoken(self, seconds: float) -> None:
        """Advance the bar by `seconds` of speech."""
        self.spoken_s += seconds
        if self._bar is not None:
            self._bar.advance(self._task, seconds)

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
