"""The circumstances of a measurement, so that figures can be compared."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
import trio

import zelitrio

REPOSITORY = Path(__file__).parent.parent


def cores() -> int:
    """The number of cores that this process can use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


@cache
def machine_name() -> str:
    """The folder of this machine's results: `2-core-amd-epyc`, `nvidia-h200`."""
    if torch.cuda.is_available():
        return _slug(torch.cuda.get_device_name(0))
    return f"{cores()}-core-{_slug(_processor())}"


@cache
def commit() -> str:
    """Return the commit that is measured, with `+` if files of the package differ from it.

    BENCH_COMMIT has precedence, because a copy of the code may have no git, or the git of another commit.
    """
    if said := os.environ.get("BENCH_COMMIT"):
        return said
    try:
        head = _git("rev-parse", "--short=10", "HEAD")
        return head + (
            "+" if _git("status", "--porcelain", "--", "zelitrio", "bench", ":!bench/results") else ""
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def circumstances() -> dict[str, Any]:
    """Machine, versions and commit; `busy` is the load average of the last minute, this process included."""
    return {
        "commit": commit(),
        "machine": machine_name(),
        "processor": _processor(),
        "cores": cores(),
        "busy": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "python_compiler": f"{platform.python_compiler()}, {_interpreter()}",
        "torch": str(torch.__version__),
        "trio": trio.__version__,
        "trio_websocket": version("trio-websocket"),
        "zelitrio": zelitrio.__version__,
    }


def _interpreter() -> str:
    """How the interpreter is linked: its calls cost up to half more in a shared library."""
    try:
        is_shared = "libpython" in Path("/proc/self/maps").read_text()
    except OSError:
        return "unknown"
    return "shared library" if is_shared else "in the program"


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.strip()


def _processor() -> str:
    try:
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1] if found else (platform.processor() or platform.machine())


def _slug(name: str) -> str:
    plain = re.sub(r"\(.*?\)|\d+-Core|Processor|CPU.*|@.*", " ", name)
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")
