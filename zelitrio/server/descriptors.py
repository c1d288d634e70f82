"""How many connections the process can have, by its limit of file descriptors."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

if sys.platform != "win32":
    import resource

RESERVE = 64
"""Descriptors for listeners, files, a device and a debugger."""


def raise_descriptor_limit() -> None:
    """Raise the soft limit of open files to the hard one; for the program that owns the process."""
    if sys.platform == "win32":
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return
    with suppress(OSError, ValueError):  # macOS refuses "unlimited"; the server then logs its lower limit
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def connections_possible() -> int | None:
    """Number of connections for which there are descriptors; None: unlimited."""
    if sys.platform == "win32":
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return None
    return max(1, soft - _open_descriptors() - RESERVE)


def _open_descriptors() -> int:
    try:
        return len(list(Path("/proc/self/fd").iterdir()))
    except OSError:
        return RESERVE
