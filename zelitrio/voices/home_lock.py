"""Lets one process at a time change a folder of voices, and deletes what a killed one left there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ADDING, REMOVING = ".adding-", ".removing-"
"""How the names of folders begin that are not complete voices."""


@contextmanager
def changing(home: Path, waits: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the folder's lock in this block; make the folder if it is missing.  Blocks.

    First, folders that a killed process left incomplete are deleted.

    Args:
        home: the folder of voices.
        waits: called if another process holds the lock, before waiting for it.

    Raises:
        OSError: the folder cannot be written.
    """
    home.mkdir(parents=True, exist_ok=True)
    with _locked(home, waits):
        for path in home.iterdir():
            if path.name.startswith((ADDING, REMOVING)):
                shutil.rmtree(path, ignore_errors=True)
        yield


@contextmanager
def _locked(home: Path, waits: Callable[[], None]) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:  # the module exists on Unix only
        yield
        return
    place = os.open(home, os.O_RDONLY)  # the folder itself: a file for the lock would stay behind
    try:
        try:
            fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waits()
            fcntl.flock(place, fcntl.LOCK_EX)
        yield
    finally:
        os.close(place)
