"""Encoding that never holds the event loop for long, the most urgent listener first.

A lossy codec costs up to 12 ms of processor a second of audio, and streams are spoken ahead of their
listeners: if everybody encoded what he has as it comes, a newcomer's first packet would wait for the
bursts of all the others.  So there is one encoder's desk for all streams of a process.  A turn is a
slice of `SLICE_S`, about a millisecond, and the next one is given to whoever runs dry soonest.

A thread for it does not help: with 20 MP3 listeners on two cores it took a sixth more processor time, and
first audio came a quarter to a half later (the engine has one core, this work is what the other is for).
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import trio

from zelitrio.audio import Encoder
from zelitrio.session.packets import Samples

SLICE_S = 0.05
_CHEAP = frozenset({"pcm", "wav", "ulaw", "alaw"})
"""Codecs that cost about as much as a turn itself."""


@attrs.define(eq=False)
class Turns:
    """A lock that is given to the earliest deadline, and by order of asking among equals."""

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
    """Encode a packet's samples, a slice a turn.

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
    parts = []
    samples = round(SLICE_S * sample_rate_hz)
    for at in range(0, len(pcm), samples):
        async with turns.turn(due_s + at / sample_rate_hz):
            parts.append(encoder.encode(pcm[at : at + samples]))
    return b"".join(parts)
