"""A process that writes until it is killed."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from pathlib import Path


def kill_writer(write: Callable[[str, object], None], folder: Path) -> None:
    """Run `write(folder, started)` in its own process, and kill that process after it has set `started`."""
    context = multiprocessing.get_context("spawn")
    started = context.Event()
    writer = context.Process(target=write, args=(str(folder), started))
    writer.start()
    assert started.wait(60)
    writer.kill()
    writer.join()
