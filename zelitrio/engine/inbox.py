"""From the event loop to the engine's thread: the commands of one turn of the loop in one wake-up.

To wake a thread costs both threads more than most commands do, and the woken thread then asks for the GIL in
the middle of a turn.  So commands wait for the end of the turn, when the loop lets go of the GIL anyway.
"""

from __future__ import annotations

import queue
import time

import trio

from zelitrio.engine.commands import Command

LONGEST_S = 0.001
"""A command that comes this long after the first of its turn sends all of them at once."""


class Inbox(trio.abc.Instrument):
    """Commands on their way.  The loop tells; the thread reads `queue`."""

    def __init__(self) -> None:
        self.queue: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._gathered: list[Command] = []
        self._since_s = 0.0

    def tell(self, command: Command) -> None:
        """Send a command at the end of this turn of the loop.  Never waits."""
        now_s = time.perf_counter()
        if not self._gathered:
            self._since_s = now_s
        self._gathered.append(command)
        if now_s - self._since_s > LONGEST_S:
            self.send()

    def send(self) -> None:
        """Send what was gathered."""
        for command in self._gathered:
            self.queue.put(command)  # the first one wakes the thread
        self._gathered.clear()

    def before_io_wait(self, timeout: float) -> None:
        """Called by Trio at the end of each turn."""
        if self._gathered:
            self.send()
