"""How far the speech is, on a terminal; nothing where stderr is not one."""

from __future__ import annotations

import sys
from types import TracebackType

CHARS_PER_S = 15.0
"""English speech, roughly: the length of the bar is a guess until the end is reached."""


class Progress:
    """A bar of seconds spoken.

    Args:
        expected_chars: of the whole text; None if it is still being written.
        shown: whether there is a bar at all.
    """

    def __init__(self, expected_chars: int | None, *, shown: bool) -> None:
        self.spoken_s = 0.0
        self._bar = None
        if shown and sys.stderr.isatty():
            from rich import progress
            from rich.console import Console

            self._bar = progress.Progress(
                progress.TextColumn("speaking"),
                progress.BarColumn(),
                progress.TextColumn("{task.completed:.1f} s"),
                console=Console(stderr=True),
                transient=True,
            )
            total_s = None if expected_chars is None else expected_chars / CHARS_PER_S
            self._task = self._bar.add_task("speaking", total=total_s)

    def spoken(self, seconds: float) -> None:
        """So much more has been spoken."""
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
