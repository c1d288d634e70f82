"""An engine that costs almost nothing: one tone, handed out at a set pace on Trio's clock.

With this engine a bench measures only the server's own work.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import attrs
import numpy as np
import trio

from zelitrio.engine import AudioBlock
from zelitrio.text import Limit, Utterance

RATE_HZ = 24_000
VOICE_ID = "zeli-voice-1"


@attrs.define(eq=False)
class ScriptedStream:
    """Yields `blocks` blocks for every utterance, one every `every_s`."""

    engine: ScriptedEngine
    _fed: list[Utterance] = attrs.field(factory=list)
    _said: int = 0
    _blocks: int = 0
    _due: float = 0.0
    _is_finished: bool = False
    _changed: trio.Event = attrs.field(factory=trio.Event)

    def feed(self, what: Utterance, *, settings: object = None) -> None:
        """See EngineStream."""
        self._fed.append(what)
        self._due = max(self._due, trio.current_time())
        self._notify()

    def finish(self) -> None:
        """See EngineStream."""
        self._is_finished = True
        self._notify()

    def close_softly(self, *, is_due_later: bool = True, is_abandoned: bool = False) -> None:
        """See EngineStream."""

    def hand_to(self, take: object) -> None:
        """See EngineStream; all blocks go to the iteration."""

    def __aiter__(self) -> ScriptedStream:
        return self

    async def __anext__(self) -> AudioBlock:
        while self._said == len(self._fed):
            if self._is_finished:
                raise StopAsyncIteration
            await self._changed.wait()
        self._due += self.engine.every_s
        await trio.sleep_until(self._due)
        utterance, number = self._fed[self._said], self._blocks
        self._blocks += 1
        is_last = self._blocks == self.engine.blocks
        if is_last:
            self._said, self._blocks = self._said + 1, 0
        times = None if number else ((0, 1),) * len(utterance.words)
        return AudioBlock(
            pcm=self.engine.tone,
            sample_rate_hz=RATE_HZ,
            utterance=utterance,
            word_times_ms=times,
            is_last=is_last,
        )

    def _notify(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


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

    @asynccontextmanager
    async def open_stream(
        self, voice: object, settings: object = None, *, seed: int | None = None
    ) -> AsyncIterator[ScriptedStream]:
        """See Engine."""
        self.streams += 1
        try:
            yield ScriptedStream(self)
        finally:
            self.streams -= 1

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
