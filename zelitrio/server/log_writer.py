"""Writing log lines to a descriptor: never blocks, never raises, and counts what it drops."""

from __future__ import annotations

import os
import select
import threading
from collections import deque

MAX_WAITING_BYTES = 64 * 1024
"""Lines that wait for a slow reader.  A new line is dropped when there are more."""
PIECE_BYTES = 4096
"""PIPE_BUF on Linux: a pipe that polls as writable takes this many bytes without blocking."""


class LogWriter:
    """Lines to a file descriptor, from any thread.

    A blocking write to a full pipe or a stopped terminal would hold the event loop.  O_NONBLOCK is no way
    out, because it is set for every process that shares the terminal.  So each piece is preceded by a poll.

    Args:
        descriptor: standard error, as a rule; -1 if it is closed.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._lock = threading.Lock()
        self._not_said = 0
        self.dropped = 0
        """Lines that were not written."""

    def write(self, line: bytes) -> None:
        """Write one line, its newline included, or keep it for later, or drop it."""
        with self._lock:
            if self._descriptor < 0 or self._waiting_bytes + len(line) > MAX_WAITING_BYTES:
                self._drop(1)
            else:
                self._waiting.append(line)
                self._waiting_bytes += len(line)
            self._write_waiting()

    def flush(self) -> None:
        """Write what waits, as far as the reader takes it."""
        with self._lock:
            self._write_waiting()

    def _write_waiting(self) -> None:
        while self._waiting and _takes_more(self._descriptor):
            line = self._waiting[0]
            try:
                written = os.write(self._descriptor, line[:PIECE_BYTES])
            except OSError:  # the reader is gone, the disk is full, the descriptor is closed
                self._drop(len(self._waiting))
                self._waiting.clear()
                self._waiting_bytes = 0
                return
            self._waiting_bytes -= written
            if written < len(line):
                self._waiting[0] = line[written:]
                continue
            self._waiting.popleft()
            if self._not_said and not self._waiting:
                note = b'{"event": "log_lines_dropped", "lines": %d}\n' % self._not_said
                self._not_said = 0
                self._waiting.append(note)
                self._waiting_bytes += len(note)

    def _drop(self, lines: int) -> None:
        self.dropped += lines
        self._not_said += lines


def _takes_more(descriptor: int) -> bool:
    if not hasattr(select, "poll"):  # Windows has no poll for files
        return True
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    try:
        return bool(poll.poll(0))  # an error also says yes, so that the write finds out
    except OSError:
        return True
