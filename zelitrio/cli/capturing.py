"""Open an engine and show its captures of CUDA graphs: a progress bar, then a line.

A CPU has no captures.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING

from zelitrio.cli.progress import stderr_bar

if TYPE_CHECKING:
    from zelitrio.engine import Engine
    from zelitrio.settings import EngineSettings
    from zelitrio.voices import Catalogue


class CaptureBar:
    """A bar of captured graphs on stderr, if stderr is a terminal.

    Args:
        shown: whether to show a bar.

    Attributes:
        count: number of captured graphs.
    """

    def __init__(self, *, shown: bool) -> None:
        self.count = 0
        self._bar = (
            stderr_bar("capturing", "{task.completed}/{task.total}", "{task.description}") if shown else None
        )
        if self._bar is not None:
            self._task = self._bar.add_task("")

    def captured(self, name: str, count: int, total: int) -> None:
        """Show one more captured graph.  Any thread can call it."""
        self.count = count
        if self._bar is not None:
            self._bar.start()  # a second call does nothing
            self._bar.update(self._task, description=name, completed=count, total=total)
            if count == total:
                self._bar.stop()

    def __enter__(self) -> CaptureBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()


@asynccontextmanager
async def open_shown_engine(
    catalogue: Catalogue, settings: EngineSettings, *, shown: bool = True
) -> AsyncIterator[Engine]:
    """Open an engine; if `shown`, show its captures on stderr.

    Raises:
        EngineError: as `open_engine`.
    """
    from zelitrio.engine import open_engine

    with CaptureBar(shown=shown) as bar:
        async with open_engine(catalogue, settings, captured=bar.captured) as engine:
            if shown and bar.count:
                print(capture_line(engine), file=sys.stderr)
            yield engine


def capture_line(engine: Engine) -> str:
    """A line with the number of captured graphs, the time they took, and their device memory."""
    captures = engine.ready.captures
    return (
        f"zelitrio: {len(captures.names)} graphs captured on {engine.ready.device}"
        f" in {captures.took_s:.1f} s, {captures.mib:.0f} MiB"
    )
