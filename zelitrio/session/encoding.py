"""Encoding that never holds the event loop for long, the most urgent listener first.

A lossy codec costs up to 12 ms of processor time for a second of audio, and streams are spoken ahead of their
listeners.  If each stream encoded its audio as it comes, the first packet of a new stream would wait for the
bursts of all others.  So all streams of a process take turns.  A turn is a slice of `SLICE_S`, about a
millisecond; the next one goes to the stream that would run dry soonest.

On two cores a thread does not help.  With 20 MP3 listeners it took a sixth more processor time, and first
audio came a quarter to a half later, because the engine uses one core and the loop the other.  With more
cores it helps much: MP3 costs 13 ms of processor time for a second of audio, so the loop can encode 80 s in a
second, and codecs release the GIL.  Then long packets are encoded in threads, in order.  Short packets, such
as the first of a stream, have their turns here: they are done before a thread would have begun.
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
IN_THREAD_S = 0.05
"""Packets longer than this go to a thread, if there is one: 0.6 ms of work.  A first packet does not.  With
0.15 MP3 took 2.5 ms of the loop for a second of audio, with 0.05 it takes 1.9."""
_FEWEST_CORES = 4
"""The loop uses one and the engine one or more.  A thread needs a core that both leave free."""
_CHEAP = frozenset({"pcm", "wav", "ulaw", "alaw"})
"""Codecs that cost about as much as a turn itself."""


def encoding_threads() -> trio.CapacityLimiter | None:
    """A thread for each core beyond those of the loop and the engine; None below _FEWEST_CORES cores."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else (os.cpu_count() or 1)
    return trio.CapacityLimiter(cores - 2) if cores >= _FEWEST_CORES else None


def is_cheap(encoder: Encoder) -> bool:
    """Whether a packet of its codec costs no more than a turn of the loop."""
    return encoder.format.codec in _CHEAP


@attrs.define(eq=False)
class Turns:
    """A lock for the waiter with the earliest deadline; equal deadlines are served in order of asking.

    Attributes:
        threads: encode long packets; None: all packets are encoded here, in turns.
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
            heapq.heappop(self._waiting)[2].set()  # the next one has the lock now
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
        due_s: when the listener needs the first of them, on Trio's clock; -inf for a new listener.
    """
    if is_cheap(encoder):
        return encoder.encode(pcm)
    if turns.threads is not None and len(pcm) > IN_THREAD_S * sample_rate_hz:
        # An abandoned call ends within some milliseconds; the encoder is of no more use then.
        return await trio.to_thread.run_sync(
            encoder.encode, pcm, limiter=turns.threads, abandon_on_cancel=True
        )
    parts = []
    samples = round(SLICE_S * sample_rate_hz)
    for at in range(0, len(pcm), samples):
        async with turns.turn(due_s + at / sample_rate_hz):
            parts.append(encoder.encode(pcm[at : at + samples]))
    return b"".join(parts)
