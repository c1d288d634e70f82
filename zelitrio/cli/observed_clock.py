"""A clock that stops while the process is stopped.

After a SIGSTOP, or in a suspended container, the time limits of all clients would have passed, although their
messages came in time and are unread.  Limits must count only the time in which this process could read.
"""

from __future__ import annotations

import time

import attrs
import trio

BEAT_S = 1.0
"""Longest sleep of the loop, so that a sleep can be told from a stop."""
STOPPED_S = 2.0
"""After a later wake-up, the process was stopped.  Shorter delays are load, and count."""


@attrs.define(eq=False)
class ObservedClock(trio.abc.Clock):
    """Trio's usual clock without the time in which the process was stopped."""

    _last_s: float = attrs.field(default=0.0, init=False)
    """The system's time at the loop's last call."""
    _asleep_s: float = attrs.field(default=0.0, init=False)
    """The loop's planned sleep at that call."""
    _stopped_s: float = attrs.field(default=0.0, init=False)

    def start_clock(self) -> None:
        """Start the clock; called by Trio."""
        self._last_s = time.perf_counter()

    def current_time(self) -> float:
        """Seconds that the process could observe."""
        now_s = time.perf_counter()
        late_s = now_s - self._last_s - self._asleep_s
        if late_s > STOPPED_S:
            self._stopped_s += late_s
        self._last_s, self._asleep_s = now_s, 0.0
        return now_s - self._stopped_s

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """How long the loop may sleep."""
        self._asleep_s = min(max(0.0, deadline - self.current_time()), BEAT_S)
        return self._asleep_s
