"""Encoding that never holds the event loop for long, the most urgent listener first.

A lossy codec costs up to 12 ms of processor a second of audio, and streams are spoken ahead of their
listeners: if everybody encoded what he has as it comes, a newcomer's first packet would wait for the
bursts of all the others.  So there is one encoder's desk for all streams of a process.  A turn is a
slice of `SLICE_S`, about a millisecond, and the next one is given to whoever runs dry soonest.

On two cores a thread for it does not help: with 20 MP3 listeners it took a sixth more processor time, and
first audio came a quarter to a half later (the engine has one core, this work is what the other is for).
With more cores it decides everything: MP3 is 13 ms of processor a second of audio, so the loop alone makes
80 s a second of it, and codecs let go of the GIL.  There long packets are encoded in threads,
in the order they come; short ones, the first of a stream among them, stay here and have their turns, where
they are done before a thread would have begun.
"""

from __future__ import annotations

import heapq
import itertools
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import trio

from zelitrio.audio import Encoder
from zelitrio.session.packets import Samples

SLICE_S = 0.05
IN_THREAD_S = 0.15
"""Packets longer than this go to a thread, if there is one: 2 ms of work, where the way costs a tenth."""
_FEWEST_CORES = 4
"""The loop has one, the engine one or more; with a single one left a thread is in everybody's way."""
_CHEAP = frozenset({"pcm", "wav", "ulaw", "alaw"})
"""Codecs that cost about as much as a turn itself."""


def encoding_threads() -> trio.CapacityLimiter | None:
    """A thread for each core that neither the loop nor the engine's thread has; None if they are few."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else (os.cpu_count() or 1)
    return trio.CapacityLimiter(cores - 2) if cores >= _FEWEST_CORES else None


@attrs.define(eq=False)
class Turns:
    """A lock that is given to the earliest deadline, and by order of asking among equals.

    Attributes:
        threads: for what need not be done here; None: everything is done here, in turns.
    """

    threads: trio.CapacityLimiter | None = None
    _is_taken: bool = attrs.field(default=False, init=False)
    _waiting: list[tuple[float, int, trio.Event]] = attrs.field(factory=list, init=False)
    _numbers: itertools.count[int] = attrs.field(factory=itertools.count, init=False)

    @asynccontextmanager
    async def turn(self, due_s: float) -> AsyncIterator[None]:
        """Hold the lock for the block; entering waits for it and always lets other tasks run."""
        if self._is_taken:
            place = (due_s, next(self._numbers), trio.Event())
            heapq.heappush(self._waiting, place)
            try:
                await place[2].wait()
            except trio.Cancelled:
                if place[2].is_set():
                    self._pass_on()
                else:
                    self._waiting.remove(place)
                    heapq.heapify(self._waiting)
                raise
        else:
            self._is_taken = True
            try:
                await trio.lowlevel.checkpoint()
            except trio.Cancelled:
                self._pass_on()
                raise
        try:
            yield
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        if self._waiting:
            heapq.heappop(self._waiting)[2].set()  # taken still, by the next one
        else:
            self._is_taken = False


async def encode_in_turns(
    encoder: Encoder, pcm: Samples, sample_rate_hz: int, turns: Turns, due_s: float
) -> bytes:
    """Encode a packet's samples, a slice a turn, or all in a thread.

    Cancelled half-way, the encoder is of no more use.

    Args:
        encoder: the stream's own.
        pcm: [n] samples.
        sample_rate_hz: of `pcm`.
        turns: shared by all streams.
        due_s: when the listener needs the first of them, on Trio's clock; -inf: he has nothing yet.
    """
    if encoder.format.codec in _CHEAP:
        return encoder.encode(pcm)
    if turns.threads is not None and len(pcm) > IN_THREAD_S * sample_rate_hz:
        # Abandoned, it ends within some milliseconds, holding nothing but an encoder nobody needs.
        return await trio.to_thread.run_sync(
            encoder.encode, pcm, limiter=turns.threads, abandon_on_cancel=True
        )
    parts = []
    samples = round(SLICE_S * sample_rate_hz)
    for at in range(0, len(pcm), samples):
        async with turns.turn(due_s + at / sample_rate_hz):
            parts.append(encoder.encode(pcm[at : at + samples]))
    return b"".join(parts)
