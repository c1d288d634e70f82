"""An engine without networks: the real one's interface on Trio's clock, with scripted delays and failures.

Its audio depends only on the utterance's text and the sample's place.  So a test can tell the audio of
streams apart and check it to the last sample.  It has no thread, so tests may use `autojump_clock`.
"""

from __future__ import annotations

import math
import zlib
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import attrs
import numpy as np
import trio

from zelitrio.engine import Stages
from zelitrio.errors import CapacityError, EngineError
from zelitrio.settings import VoiceSettings
from zelitrio.text import ForeignFrontEnd, FrontEnd, Limit, Utterance, load_front_end
from zelitrio.voices.languages import Language, choose_language

RATE_HZ = 24_000
WORD_MS = 80
LEAD_MS = 20
"""Silence before the first and after the last word of an utterance."""


GERMAN = ForeignFrontEnd(pronounce=lambda words: [word.lower() if word.isascii() else "" for word in words])
"""Reads a simplified German: words with umlauts have no sound."""
LANGUAGES = (
    Language(code="en"),
    Language(code="de", reader=lambda english: GERMAN),
    Language(code="ja", packages=("no_such_package_at_all",), extra="japanese"),
)


@attrs.frozen
class ScriptedModel:
    memory_bytes: int = 0


@attrs.frozen
class ScriptedVoice:
    voice_id: str
    name: str = "Scripted"
    description: str = "Makes tones."
    category: str = "premade"
    labels: dict[str, str] = attrs.field(factory=dict)
    speaker: int = 0
    sample_rate_hz: int = RATE_HZ
    limit: Limit = attrs.field(factory=Limit)
    languages: tuple[Language, ...] = LANGUAGES
    model: ScriptedModel = ScriptedModel()

    @property
    def language(self) -> str:
        return self.languages[0].code

    def in_language(self, code: str | None) -> ScriptedVoice:
        chosen = choose_language(self.languages, code)
        return attrs.evolve(self, languages=(chosen, *(one for one in self.languages if one is not chosen)))

    def front_end(self, english: FrontEnd) -> FrontEnd:
        return self.languages[0].reader(english)


@attrs.frozen(eq=False)
class ScriptedCatalogue:
    voices: dict[str, ScriptedVoice]

    @property
    def default(self) -> ScriptedVoice:
        return next(iter(self.voices.values()))

    def find(self, voice_id: str) -> ScriptedVoice | None:
        return self.voices.get(voice_id)

    def __iter__(self):
        return iter(self.voices.values())

    def __len__(self) -> int:
        return len(self.voices)


@attrs.frozen(eq=False)
class ScriptedBlock:
    pcm: np.ndarray
    sample_rate_hz: int
    utterance: Utterance
    word_times_ms: tuple[tuple[int, int], ...] | None
    is_last: bool
    length_ms: int | None = None
    stages: Stages | None = None
    computed_s: float = 0.0
    phone_edges_ms: object = None


@attrs.frozen
class ScriptedStatistics:
    streams: int
    speaking: int
    capacity: int
    load: float = 0.0
    steps: int = 0
    rows: int = 0
    audio_s: float = 0.0
    device: str = "script"


def pcm_of(text: str, speed: float = 1.0) -> np.ndarray:
    """The audio of one utterance: float32 [n], a tone with pitch and length from the text."""
    words = len(load_front_end().utterance(text).words)
    return tone(text, words, speed)


def tone(text: str, words: int, speed: float = 1.0) -> np.ndarray:
    count = round(RATE_HZ * (2 * LEAD_MS + words * WORD_MS) / 1000 / speed)
    pitch_hz = 100 + zlib.crc32(text.encode()) % 900
    return (0.5 * np.sin(2 * math.pi * pitch_hz * np.arange(count) / RATE_HZ)).astype(np.float32)


def phone_edges(utterance: Utterance, times: tuple[tuple[int, int], ...]) -> tuple[tuple[int, ...], ...]:
    """Edges of the phones: they share their word's time equally."""
    return tuple(
        tuple(
            round(begin + (end - begin) * n / max(1, len(word.phones))) for n in range(len(word.phones) + 1)
        )
        for word, (begin, end) in zip(utterance.words, times, strict=True)
    )


@attrs.define(eq=False)
class ScriptedStream:
    engine: ScriptedEngine
    settings: VoiceSettings
    fed: list[str] = attrs.field(factory=list)
    closed_softly: bool = False
    is_abandoned: bool = False
    _blocks: deque[tuple[float, ScriptedBlock | Exception]] = attrs.field(factory=deque)
    _ready_at: float = 0.0
    _finished: bool = False
    _is_over: bool = False
    _changed: trio.Event = attrs.field(factory=trio.Event)
    _take: Callable[[ScriptedBlock], bool] | None = None
    _waiting: deque[ScriptedBlock | Exception] = attrs.field(factory=deque)
    """Blocks, errors and ends for the iteration."""
    _arrived: trio.Event = attrs.field(factory=trio.Event)

    def feed(self, utterance: Utterance, *, settings: VoiceSettings | None = None) -> None:
        assert not self._finished, "feed after finish"
        assert utterance.words, "fed an utterance without words"
        self.fed.append(utterance.source)
        self.engine.log.append(("feed", utterance.source, trio.current_time()))
        self.engine.words += [word.spoken for word in utterance.words]
        speed = (settings or self.settings).speed
        pcm = tone(utterance.source, len(utterance.words), speed)
        times = tuple(
            (round((LEAD_MS + n * WORD_MS) / speed), round((LEAD_MS + (n + 1) * WORD_MS) / speed))
            for n in range(len(utterance.words))
        )
        size = round(RATE_HZ * self.engine.block_ms / 1000)
        self._ready_at = max(self._ready_at, trio.current_time()) + self.engine.first_s
        for word, error in self.engine.failures.items():
            if word in utterance.source:
                self._blocks.append((self._ready_at, error))
        for start in range(0, len(pcm), size):
            block = ScriptedBlock(
                pcm[start : start + size],
                RATE_HZ,
                utterance,
                None if start else times,
                start + size >= len(pcm),
                phone_edges_ms=None if start else partial(phone_edges, utterance, times),
            )
            self._blocks.append((self._ready_at, block))
            self._ready_at += self.engine.step_s
        self._notify()

    def finish(self) -> None:
        self._finished = True
        self._notify()

    def end(self) -> None:
        self._is_over = True
        self._notify()

    def close_softly(self, *, is_due_later: bool = True, is_abandoned: bool = False) -> None:
        self.closed_softly = True
        self.is_abandoned = self.is_abandoned or is_abandoned

    def __aiter__(self) -> ScriptedStream:
        return self

    def hand_to(self, take: Callable[[ScriptedBlock], bool] | None) -> None:
        self._take = take

    async def __anext__(self) -> ScriptedBlock:
        await trio.lowlevel.checkpoint()
        while not self._waiting:
            await self._arrived.wait()
        found = self._waiting.popleft()
        if isinstance(found, Exception):
            raise found
        return found

    async def run(self) -> None:
        """Hand out the blocks when they are due, outside of the session's tasks, like the engine."""
        while True:
            if self.engine.broken is not None:
                self._keep(self.engine.broken)
                return
            if self._is_over:
                self._keep(StopAsyncIteration())
                return
            if self._blocks:
                ready_at, block = self._blocks[0]
                if ready_at <= trio.current_time():
                    self._blocks.popleft()
                    self._hand_out(block)
                else:
                    with trio.move_on_at(ready_at):
                        await self._changed.wait()
            elif self._finished:
                self._keep(StopAsyncIteration())
                return
            else:
                await self._changed.wait()

    def _hand_out(self, block: ScriptedBlock | Exception) -> None:
        if self._take is None or self._waiting or isinstance(block, Exception):
            self._keep(block)
            return
        try:
            is_taken = self._take(block)
        except Exception as error:
            self._take = None
            self._keep(error)
        else:
            if not is_taken:
                self._keep(block)

    def _keep(self, found: ScriptedBlock | Exception) -> None:
        self._waiting.append(found)
        self._arrived.set()
        self._arrived = trio.Event()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


@attrs.define(eq=False)
class ScriptedEngine:
    """`lanes` are the open streams; `log` lists the events in order, with virtual times."""

    block_ms: float = 80
    first_s: float = 0.0
    step_s: float = 0.0
    max_streams: int = 1000
    failures: dict[str, Exception] = attrs.field(factory=dict)
    catalogue: ScriptedCatalogue = attrs.field(
        factory=lambda: ScriptedCatalogue(
            {name: ScriptedVoice(name) for name in ("zeli-voice-1", "zeli-voice-2")}
        )
    )
    sample_rate_hz: int = RATE_HZ
    lanes: list[ScriptedStream] = attrs.field(factory=list)
    words: list[str] = attrs.field(factory=list)
    """The words of fed utterances, as read."""
    log: list[tuple[str, object, float]] = attrs.field(factory=list)
    broken: EngineError | None = None
    _failed: trio.Event = attrs.field(factory=trio.Event)

    @asynccontextmanager
    async def open_stream(
        self, voice: object, settings: VoiceSettings | None = None, *, seed: int | None = None
    ) -> AsyncIterator[ScriptedStream]:
        await trio.lowlevel.checkpoint()
        abandoned = next((lane for lane in self.lanes if lane.is_abandoned), None)
        if len(self.lanes) >= self.max_streams and abandoned is not None:
            self.lanes.remove(abandoned)
            abandoned.end()
        if len(self.lanes) >= self.max_streams:
            raise CapacityError(f"{self.max_streams} streams are open")
        stream = ScriptedStream(self, settings or VoiceSettings())
        self.lanes.append(stream)
        self.log.append(("open", voice, trio.current_time()))
        scope = trio.CancelScope()

        async def run() -> None:
            with scope:
                await stream.run()

        trio.lowlevel.spawn_system_task(run)
        try:
            yield stream
        finally:
            scope.cancel()
            if stream in self.lanes:
                self.lanes.remove(stream)
            self.log.append(("free", voice, trio.current_time()))

    def statistics(self) -> ScriptedStatistics:
        return ScriptedStatistics(len(self.lanes), len(self.lanes), self.max_streams)

    def break_down(self, message: str = "the device is lost") -> None:
        self.broken = EngineError(message)
        self._failed.set()
        for lane in self.lanes:
            lane._notify()

    async def wait_failed(self) -> None:
        await self._failed.wait()
        assert self.broken is not None
        raise self.broken

    def fed(self) -> list[object]:
        """All fed utterances, in order."""
        return [what for kind, what, _ in self.log if kind == "feed"]
