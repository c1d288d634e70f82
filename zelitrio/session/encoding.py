"""Encode packets in short slices, the most urgent listener first, so that the event loop stays free.

A lossy codec takes up to 12 ms of processor time for a second of audio, and streams are spoken ahead of
playback.  If each stream encoded its audio at once, the first packet of a new stream would wait for the
bursts of the others.  So the streams of a process take turns.  A turn encodes `SLICE_S` of audio in about a
millisecond.  The next turn goes to the stream with the earliest underrun.

On two cores, threads make it slower: with 20 MP3 listeners they took a sixth more processor time, and first
audio came a quarter to a half later, because engine and loop already use both cores.  With more cores they
help: one loop encodes only 80 s of MP3 a second, and codecs release the GIL.  Then a thread does all of a
stream's encoding, in order, including the codec's opening and flush, which cost as much as some packets.
"""

from __future__ import annotations

import heapq
import itertools
import math
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import attrs
import trio

from zelitrio.audio import Encoder, Prepared
from zelitrio.session.codec_threads import CodecThreads

SLICE_S = 0.05
_FEWEST_CORES = 4
"""The loop uses one core and the engine one or more.  A thread needs a core that neither uses."""
_CHEAP = frozenset({"pcm", "wav", "ulaw", "alaw"})
"""Codecs that encode a packet as fast as a turn of the loop."""


def encoding_threads() -> CodecThreads | None:
    """One thread per core that neither loop nor engine uses; None below _FEWEST_CORES cores."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else (os.cpu_count() or 1)
    return CodecThreads(cores - 2) if cores >= _FEWEST_CORES else None


def is_cheap(encoder: Encoder) -> bool:
    """Whether the codec encodes a packet as fast as a turn of the loop."""
    return encoder.format.codec in _CHEAP


@attrs.define(eq=False)
class Turns:
    """A lock that goes to the waiter with the earliest deadline; equal deadlines go in order of asking.

    Attributes:
        threads: encode for expensive codecs; None: all encoding is done here, in turns.
    """

    threads: CodecThreads | None = None
    _is_taken: bool = attrs.field(default=False, init=False)
    _waiting: list[tuple[float, int, trio.Event]] = attrs.field(factory=list, init=False)
    _numbers: itertools.count[int] = attrs.field(factory=itertools.count, init=False)

    @asynccontextmanager
    async def turn(self, due_s: float) -> AsyncIterator[None]:
        """Hold the lock for the block.  Entering waits for it and is always a checkpoint."""
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
    encoder: Encoder, pcm: Prepared, sample_rate_hz: int, turns: Turns, due_s: float
) -> bytes:
    """Encode a packet's samples, one slice per turn, or all of them in a thread.

    The encoder cannot be used after a cancelled call.

    Args:
        encoder: used by this stream only.
        pcm: [n] of what `Encoder.prepare` returned.
        sample_rate_hz: of `pcm`.
        turns: shared by all streams.
        due_s: Trio's time at which the listener needs the first sample; -inf for a new listener.
    """
    if is_cheap(encoder):
        return encoder.encode_prepared(pcm)
    if turns.threads is not None:
        return await turns.threads.run(partial(encoder.encode, pcm), due_s)
    parts = []
    samples = round(SLICE_S * sample_rate_hz)
    for at in range(0, len(pcm), samples):
        async with turns.turn(due_s + at / sample_rate_hz):
            parts.append(encoder.encode(pcm[at : at + samples]))
    return b"".join(parts)


async def flush_in_turns(encoder: Encoder, turns: Turns) -> bytes:
    """End an encoder's stream and return its last bytes; waits like `encode_in_turns`."""
    if is_cheap(encoder) or turns.threads is None:
        return encoder.flush()
    return await turns.threads.run(encoder.flush, math.inf)
