"""Write log lines to a file descriptor without blocking or raising; count the lines that are dropped."""

from __future__ import annotations

import os
import select
import threading
from collections import deque

MAX_WAITING_BYTES = 64 * 1024
"""Waiting bytes for a slow reader; further lines are dropped."""
PIECE_BYTES = 4096
"""PIPE_BUF on Linux: a pipe that polls as writable takes this many bytes without blocking."""


class LogWriter:
    """Writes lines to a file descriptor, from any thread.

    A blocking write to a full pipe or a stopped terminal would hold the event loop.  O_NONBLOCK would also
    apply to other processes on the same terminal.  So a poll comes before each write.

    Args:
        descriptor: usually standard error; -1: closed.
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
        """Write one line with its newline; if that is not possible now, keep or drop it."""
        with self._lock:
            if self._descriptor < 0 or self._waiting_bytes + len(line) > MAX_WAITING_BYTES:
                self._drop(1)
            else:
                self._waiting.append(line)
                self._waiting_bytes += len(line)
            self._write_waiting()

    def flush(self) -> None:
        """Write as many waiting lines as possible now."""
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
        return bool(poll.poll(0))  # true on an error, too; then the write raises it
    except OSError:
        return True
