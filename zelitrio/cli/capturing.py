"""An engine that shows what it captures at start: a bar while it does, a line when it has.

Only a GPU's engine captures anything, and it takes seconds; a CPU's is opened without a word.
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
    """A bar of captured graphs on stderr, from the first to the last; none where that is no terminal.

    Args:
        shown: whether there is a bar at all.

    Attributes:
        count: graphs that were captured so far.
    """

    def __init__(self, *, shown: bool) -> None:
        self.count = 0
        self._bar = (
            stderr_bar("capturing", "{task.completed}/{task.total}", "{task.description}") if shown else None
        )
        if self._bar is not None:
            self._task = self._bar.add_task("")

    def captured(self, name: str, count: int, total: int) -> None:
        """One more graph was captured; may be called from any thread."""
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
    """`open_engine`, telling on stderr what is captured, unless that is not to be `shown`.

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
    """How many graphs were captured, how long it took, and how much of the device's memory they hold."""
    captures = engine.ready.captures
    return (
        f"zelitrio: {len(captures.names)} graphs captured on {engine.ready.device}"
        f" in {captures.took_s:.1f} s, {captures.mib:.0f} MiB"
    )
