"""A server in its own process, as a user starts it, and the system's figures about it."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import attrs

from bench.machine import REPOSITORY

START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 10.0
ZELITRIO = ("-c", "from zelitrio.cli import main; main()", "serve", "--port", "0", "--state-dir", "none")
"""The command `zelitrio serve`, also for a tree that is not installed."""


@attrs.frozen(kw_only=True)
class ServerProcess:
    """A server that is ready."""

    pid: int
    host: str
    port: int
    ready_line: str

    def cpu_s(self) -> float:
        """Return the processor time of its threads."""
        # This file counts nanoseconds; /proc/PID/stat counts hundredths of a second.
        threads = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

    def cpu_s_by_thread(self) -> dict[str, float]:
        """The same by thread name; threads of one name are added."""
        by_name: dict[str, float] = {}
        for thread in Path(f"/proc/{self.pid}/task").iterdir():
            with suppress(OSError):  # the thread may have ended
                name = (thread / "comm").read_text().strip()
                used_s = int((thread / "schedstat").read_text().split()[0]) / 1e9
                by_name[name] = by_name.get(name, 0.0) + used_s
        return by_name

    def resident_mib(self) -> tuple[float, float]:
        """Return the memory that it holds now, and its peak."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        now, most = (re.search(rf"{name}:\s+(\d+) kB", status) for name in ("VmRSS", "VmHWM"))
        assert now and most
        return int(now[1]) / 1024, int(most[1]) / 1024

    def metrics(self) -> dict[str, float]:
        """Return all values of `/metrics`, by name with labels."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=10)
        try:
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        finally:
            connection.close()
        pairs = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in pairs}


@contextmanager
def open_server(
    flags: Sequence[str], program: Sequence[str] = ZELITRIO, tree: Path = REPOSITORY
) -> Iterator[ServerProcess]:
    """Start a server and stop it at the end of the block.

    BENCH_SERVER="PID URL" names a server that already runs with these flags.  That server is used and not
    stopped, which saves its start.

    Args:
        flags: added to the program.
        program: Python's arguments; the server must print "ready at http://HOST:PORT" when it is ready.
        tree: folder of the package to run.
    """
    if running := os.environ.get("BENCH_SERVER"):
        pid, _, address = running.partition(" ")
        yield _found(int(pid), address)
        return
    # A signal that ends the bench must also end the server: SystemExit runs the `finally` blocks.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    python_path = os.pathsep.join(filter(None, (str(tree), os.environ.get("PYTHONPATH"))))
    # The log goes to a file: nothing reads a pipe during the measurement, and a full pipe blocks the server.
    with tempfile.NamedTemporaryFile("r", errors="replace") as log, Path(log.name).open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, *program, *flags],
            cwd=tree,
            env={**os.environ, "PYTHONPATH": python_path},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            yield _found(process.pid, _ready_line(process, log))
        except Exception:
            print(f"the server's log ends with:\n{log.read()[-4000:]}", file=sys.stderr)
            raise
        finally:
            _stop(process)


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        return int(opened.getsockname()[1])


def _found(pid: int, line: str) -> ServerProcess:
    address = re.search(r"https?://[^\s:]+:\d+", line)
    assert address, line
    url = urlsplit(address[0])
    assert url.hostname and url.port
    return ServerProcess(pid=pid, host=url.hostname, port=url.port, ready_line=line)


def _ready_line(process: subprocess.Popen[bytes], log: IO[str]) -> str:
    """Return the line with the server's address; SystemExit with its log if the server does not start."""
    until = time.monotonic() + START_TIMEOUT_S
    said = ""
    while time.monotonic() < until and process.poll() is None:
        said += log.read()
        if found := re.search(r"^.*ready at http.*\n", said, re.MULTILINE):
            return found[0].strip()
        time.sleep(0.02)
    raise SystemExit(f"the server did not start:\n{said[-4000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    # The first SIGTERM starts a drain, the second ends it.
    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
        process.send_signal(number)
        try:
            process.wait(STOP_TIMEOUT_S)
            return
        except subprocess.TimeoutExpired:
            continue
