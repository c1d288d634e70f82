"""An engine that costs almost nothing: one tone, handed out at a set pace on Trio's clock.

With this engine a bench measures only the server's own work.  Like the real engine, one call hands out the
blocks of all streams.  The call makes a stream's packets, and no task of the stream runs.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, TypeAlias

import attrs
import numpy as np
import trio

from zelitrio.engine import AudioBlock
from zelitrio.text import Limit, Utterance

RATE_HZ = 24_000
VOICE_ID = "zeli-voice-1"


Take: TypeAlias = Callable[[AudioBlock], bool]


@attrs.define(eq=False)
class ScriptedStream:
    """Yields `blocks` blocks for every utterance, one every `every_s`."""

    engine: ScriptedEngine
    _fed: deque[Utterance] = attrs.field(factory=deque)
    """Utterances that are not yet complete."""
    _blocks: int = 0
    """Number of blocks handed out of the first utterance in `_fed`."""
    _due: float = 0.0
    """When the next block is handed out, on Trio's clock."""
    _is_finished: bool = False
    _is_closed: bool = False
    _take: Take | None = None
    _unread: deque[AudioBlock | Exception] = attrs.field(factory=deque)
    """Blocks, errors and the end for the iteration."""
    _arrived: trio.Event = attrs.field(factory=trio.Event)

    def feed(self, what: Utterance, *, settings: object = None) -> None:
        """See EngineStream."""
        self._fed.append(what)
        if len(self._fed) == 1:
            self._due = max(self._due, trio.current_time()) + self.engine.every_s
            self.engine.plan(self._due, self)

    def finish(self) -> None:
        """See EngineStream."""
        self._is_finished = True
        if not self._fed:
            self._keep(StopAsyncIteration())

    def close(self) -> None:
        """Hand out nothing more; called by the engine."""
        self._is_closed = True

    def close_softly(self, *, is_due_later: bool = True, is_abandoned: bool = False) -> None:
        """See EngineStream."""

    def hand_to(self, take: Take | None) -> None:
        """See EngineStream."""
        self._take = take

    def __aiter__(self) -> ScriptedStream:
        return self

    async def __anext__(self) -> AudioBlock:
        await trio.lowlevel.checkpoint()
        while not self._unread:
            self._arrived = trio.Event()
            await self._arrived.wait()
        found = self._unread.popleft()
        if isinstance(found, Exception):
            raise found
        return found

    def hand_out(self) -> None:
        """Hand out the next block as the engine does, outside of the stream's tasks; called by the engine."""
        if self._is_closed:
            return
        utterance, number = self._fed[0], self._blocks
        self._blocks += 1
        is_last = self._blocks == self.engine.blocks
        if is_last:
            self._blocks = 0
            self._fed.popleft()
        block = AudioBlock(
            pcm=self.engine.tone,
            sample_rate_hz=RATE_HZ,
            utterance=utterance,
            word_times_ms=None if number else ((0, 1),) * len(utterance.words),
            is_last=is_last,
        )
        try:
            if self._take is None or self._unread or not self._take(block):
                self._keep(block)
        except Exception as error:
            self._take = None
            self._keep(error)
        if self._fed:
            self._due += self.engine.every_s
            self.engine.plan(self._due, self)
        elif self._is_finished:
            self._keep(StopAsyncIteration())

    def _keep(self, found: AudioBlock | Exception) -> None:
        self._unread.append(found)
        self._arrived.set()


class ScriptedEngine:
    """The parts of `zelitrio.engine.Engine` that a server uses.

    Args:
        block_ms: audio of a block.
        every_s: time between two blocks of a stream.
        blocks: blocks of an utterance.
        capacity: streams at which the load is 1.
    """

    def __init__(self, block_ms: float, every_s: float, blocks: int, capacity: int = 10_000) -> None:
        samples = round(RATE_HZ * block_ms / 1000)
        self.tone = (0.5 * np.sin(2 * np.pi * 220 * np.arange(samples) / RATE_HZ)).astype(np.float32)
        self.every_s, self.blocks, self.capacity = every_s, blocks, capacity
        self.sample_rate_hz = RATE_HZ
        self.catalogue: Any = ScriptedCatalogue()  # a real one holds voices with their networks
        self.streams = 0
        self._plan: list[tuple[float, int, ScriptedStream]] = []
        """A heap: when each speaking stream gets its next block, the number of the entry, the stream."""
        self._planned = itertools.count()
        self._sleep: trio.CancelScope | None = None
        """Of `_run`, until the next block is due; None: it was not started."""

    async def _run(self) -> None:
        """Hand out the blocks of all streams when they are due."""
        while True:
            now = trio.current_time()
            while self._plan and self._plan[0][0] <= now:
                heapq.heappop(self._plan)[2].hand_out()
            with trio.CancelScope(deadline=self._plan[0][0] if self._plan else math.inf) as self._sleep:
                await trio.sleep_forever()

    def plan(self, due: float, stream: ScriptedStream) -> None:
        """Hand out a block of a stream at this time."""
        heapq.heappush(self._plan, (due, next(self._planned), stream))
        if self._sleep is not None and due < self._sleep.deadline:
            self._sleep.deadline = due

    @asynccontextmanager
    async def open_stream(
        self, voice: object, settings: object = None, *, seed: int | None = None
    ) -> AsyncIterator[ScriptedStream]:
        """See Engine."""
        if self._sleep is None:
            self._sleep = trio.CancelScope()
            trio.lowlevel.spawn_system_task(self._run)  # as the engine's thread: it ends with the program
        self.streams += 1
        stream = ScriptedStream(self)
        try:
            yield stream
        finally:
            self.streams -= 1
            stream.close()

    def statistics(self) -> Any:
        """See Engine."""
        return SimpleNamespace(
            device="script", streams=self.streams, speaking=self.streams, capacity=self.capacity,
            load=self.streams / self.capacity, steps=0, rows=0, audio_s=0.0, profile="script",
            frames_per_s=0.0, first_audio_ms={}, graphs=(), encodes=0,
        )  # fmt: skip

    async def wait_failed(self) -> None:
        """See Engine."""
        await trio.sleep_forever()


class ScriptedCatalogue:
    """A catalogue of one voice."""

    def __init__(self) -> None:
        self.default: Any = SimpleNamespace(
            voice_id=VOICE_ID, name="Scripted", description="", category="premade", labels={}, speaker=0,
            sample_rate_hz=RATE_HZ, limit=Limit(), front_end=lambda english: english,
            in_language=lambda code: self.default, language="en",
        )  # fmt: skip
        self.voices = {VOICE_ID: self.default}

    def find(self, voice_id: str) -> Any:
        """See Catalogue."""
        return self.voices.get(voice_id)

    def __iter__(self) -> Any:
        return iter(self.voices.values())

    def __len__(self) -> int:
        return 1
