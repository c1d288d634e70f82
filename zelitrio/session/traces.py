"""Report the stages of a stream up to its first audio to a trace.

All times are in seconds of Trio's clock.  Times of the engine's thread (`time.perf_counter`) are converted by
the present offset between the two clocks.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

import attrs
import trio

if TYPE_CHECKING:
    from zelitrio.engine import Stages


class Trace(Protocol):
    """The trace of one stream.  No method waits or raises."""

    def stage(self, name: str, began_at: float, ended_at: float, load: float | None = None) -> None:
        """Add a finished stage with the engine's load; None: the present load."""

    def end(self, outcome: str, audio_s: float) -> None:
        """End the trace."""


@attrs.define(eq=False)
class FirstAudio:
    """Reports the stages of one stream up to its first audio."""

    _trace: Trace
    _at: float = 0.0

    def read(self, began_at: float) -> None:
        """The first utterance was read."""
        self._at = trio.current_time()
        self._trace.stage("reading", began_at, self._at)

    def made(self, stages: Stages | None) -> None:
        """The first block came."""
        now = trio.current_time()
        if stages is not None:
            offset = now - time.perf_counter()
            for name, begin_s, end_s in (
                ("queue", stages.fed_s, stages.encode_begin_s),
                ("encode", stages.encode_begin_s, stages.encode_end_s),
                ("first window", stages.window_begin_s, stages.window_end_s),
            ):
                self._trace.stage(name, begin_s + offset, end_s + offset, stages.load)
        self._at = now

    def encoded(self) -> None:
        """The first packet is ready."""
        began_at, self._at = self._at, trio.current_time()
        self._trace.stage("encoder", began_at, self._at)

    def sent(self) -> None:
        """The first packet was sent."""
        self._trace.stage("first send", self._at, trio.current_time())
