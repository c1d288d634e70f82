"""Commands from the event loop to the engine's thread; those of one turn of the loop wake the thread once.

Waking a thread costs more than most commands, and the thread then asks for the GIL in mid-turn.  So commands
are sent at the end of the turn, when the loop releases the GIL anyway.
"""

from __future__ import annotations

import queue
import time

import trio

from zelitrio.engine.commands import Command

LONGEST_S = 0.001
"""A command that comes this long after the turn's first one sends all of them at once."""


class Inbox(trio.abc.Instrument):
    """Commands to the thread, which reads `queue`."""

    def __init__(self) -> None:
        self.queue: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._gathered: list[Command] = []
        self._since_s = 0.0

    def tell(self, command: Command) -> None:
        """Send a command at the end of this turn of the loop; never waits."""
        now_s = time.perf_counter()
        if not self._gathered:
            self._since_s = now_s
        self._gathered.append(command)
        if now_s - self._since_s > LONGEST_S:
            self.send()

    def send(self) -> None:
        """Send the gathered commands now."""
        for command in self._gathered:
            self.queue.put(command)  # the first one wakes the thread
        self._gathered.clear()

    def before_io_wait(self, timeout: float) -> None:
        """Called by Trio at the end of each turn."""
        if self._gathered:
            self.send()
