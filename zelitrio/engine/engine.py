"""The engine as Trio sees it: opened, asked for streams, told apart from its thread.

The engine's thread runs inside of the nursery of `open_engine`: its crash is an exception somebody
waits for, and its end is awaited.  Leaving a stream's block frees its lane before the next step.
"""

from __future__ import annotations

import itertools
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import trio

from zelitrio.engine.commands import Close, Command, Delivery, Open, Stop
from zelitrio.engine.statistics import Statistics
from zelitrio.engine.steps import Ready
from zelitrio.engine.stream import EngineStream
from zelitrio.engine.worker import Captured, Worker
from zelitrio.errors import CapacityError, EngineError, LocalError
from zelitrio.settings import EngineSettings, VoiceSettings
from zelitrio.voices import Catalogue, Voice, load_builtin

_ADMITTED = 0.8
"""Part of the measured capacity that is given away: the rest is for bursts and for encoding."""


class Engine:
    """One device, many streams.  Made by `open_engine`; used from its Trio thread."""

    def __init__(self, catalogue: Catalogue, settings: EngineSettings) -> None:
        self.catalogue = catalogue
        self.settings = settings
        self.sample_rate_hz = catalogue.default.sample_rate_hz
        self._models = list({id(voice.model): voice.model for voice in catalogue}.values())
        for model in self._models:
            if model.sample_rate_hz != self.sample_rate_hz:
                found = model.sample_rate_hz
                raise LocalError(f"catalogue: expected all voices at {self.sample_rate_hz} Hz, found {found}")
        self._worker = Worker(self._models, settings, self._post)
        self._streams: dict[int, EngineStream] = {}
        self._numbers = itertools.count()
        self._posted: deque[Delivery] = deque()
        self._is_called = False
        """Whether the loop was asked to deliver and has not begun."""
        self._failure: EngineError | None = None
        self._failed = trio.Event()
        self._is_open = False
        self.ready: Ready

    @asynccontextmanager
    async def open_stream(
        self,
        voice: Voice | str | None = None,
        settings: VoiceSettings | None = None,
        *,
        seed: int | None = None,
    ) -> AsyncIterator[EngineStream]:
        """A stream for as long as the block lasts; leaving it frees the lane, whatever the reason.

        Args:
            voice: one of the catalogue's, or its id; None for the default.
            settings: how to speak.
            seed: makes the speech repeatable; None draws one.

        Raises:
            CapacityError: too many streams are open, or too many are speaking.
            LocalError: no such voice.
            EngineError: the engine is gone.
        """
        self.check()
        chosen = self.catalogue.default if voice is None else voice
        if isinstance(chosen, str):
            found = self.catalogue.find(chosen)
            if found is None:
                names = ", ".join(voice.voice_id for voice in self.catalogue)
                raise LocalError(f"voice: expected one of {names}, found {chosen!r}")
            chosen = found
        if chosen.model not in self._models:
            raise LocalError(
                f"voice: expected one of this engine's catalogue, found another's {chosen.voice_id!r}"
            )
        self._admit()
        number = next(self._numbers)
        stream = EngineStream(self, number, chosen, settings or VoiceSettings())
        self._streams[number] = stream
        self.tell(
            Open(
                stream=number,
                model=self._models.index(chosen.model),
                speaker=chosen.speaker,
                seed=secrets.randbits(32) if seed is None else seed,
            )
        )
        try:
            yield stream
        finally:
            del self._streams[number]
            self.tell(Close(stream=number))
            stream.leave()

    @property
    def speaking(self) -> int:
        """Streams with something left to speak."""
        return sum(stream.is_speaking for stream in self._streams.values())

    @property
    def capacity(self) -> int:
        """Speaking streams above which another is refused: what the device can feed in real time."""
        return max(1, int(_ADMITTED * self.ready.pace.real_time_streams))

    def statistics(self) -> Statistics:
        """A snapshot.  Never waits."""
        counters = self._worker.counters
        return Statistics(
            device=self.ready.device,
            dtype=self.settings.dtype,
            streams=len(self._streams),
            speaking=self.speaking,
            capacity=self.capacity,
            load=counters.load(time.perf_counter()),
            profile=self._worker.profile,
            encodes=counters.encodes,
            steps=counters.steps,
            rows=counters.rows,
            audio_s=counters.audio_s,
            first_audio_ms=counters.first_audio_ms(),
            frames_per_s=self.ready.pace.frames_per_s,
            graphs=self.ready.captures.names,
        )

    async def wait_failed(self) -> None:
        """Wait until the engine breaks, which it should never do.

        Raises:
            EngineError: why it broke.
        """
        await self._failed.wait()
        self.check()

    def check(self) -> None:
        """Raise the EngineError that the engine broke with, if it did."""
        if self._failure is not None:
            # A fresh one each time: an exception raised in many tasks would gather their tracebacks.
            raise EngineError(str(self._failure)) from self._failure
        if not self._is_open:
            raise EngineError("the engine is closed")

    def tell(self, command: Command) -> None:
        """Send the thread a command.  Never waits."""
        self._worker.inbox.put(command)

    def _admit(self) -> None:
        limit = self.settings.max_streams
        if len(self._streams) >= limit:
            raise CapacityError(f"streams: expected at most {limit} open, all are taken")
        if self.speaking >= self.capacity:
            raise CapacityError(f"streams: {self.speaking} are speaking, as many as this device can feed")

    async def run(
        self,
        captured: Captured | None = None,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Run the thread; started once it can serve.  Ends when `stop` is called.

        Raises:
            EngineError: it could not be started.  Later failures go to the streams and to
                `wait_failed`, so that the program can say good-bye before it ends.
        """
        self._token = trio.lowlevel.current_trio_token()

        def ready(value: Ready) -> None:
            self.ready = value
            self._token.run_sync_soon(started)

        def started() -> None:
            self._is_open = True
            task_status.started()

        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._stop_when_cancelled)
                await trio.to_thread.run_sync(
                    partial(self._worker.run, ready, captured),
                    limiter=trio.CapacityLimiter(1),  # not one of the default limiter's: it never ends
                    thread_name="zelitrio-engine",
                )
                nursery.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            error = _engine_error(group)
            if error is None:
                raise
            if not self._is_open:
                raise error from error.__cause__
            self._failure = error
        finally:
            self._is_open = False
            self._failed.set()
            for stream in self._streams.values():
                stream.abandon()

    async def _stop_when_cancelled(self) -> None:
        # A thread cannot be cancelled, only told, also while it is still warming up.
        try:
            await trio.sleep_forever()
        finally:
            self.stop()

    def stop(self) -> None:
        """Make `run` end after the step in hand."""
        self.tell(Stop())

    def _post(self, deliveries: list[Delivery]) -> None:
        """Called in the thread, once per step."""
        self._posted.extend(deliveries)
        if self._is_called:
            return  # a loop that is behind finds these with the others: waking it up again costs the thread
        self._is_called = True
        with suppress(trio.RunFinishedError):  # nobody is left to hear it
            self._token.run_sync_soon(self._deliver)

    def _deliver(self) -> None:
        # First this: what the thread posts from now on is taken here, or calls again.
        self._is_called = False
        while self._posted:
            delivery = self._posted.popleft()
            stream = self._streams.get(delivery.stream)
            if stream is not None:
                stream.deliver(delivery)


@asynccontextmanager
async def open_engine(
    catalogue: Catalogue | None = None,
    settings: EngineSettings | None = None,
    *,
    captured: Captured | None = None,
) -> AsyncIterator[Engine]:
    """An engine for as long as the block lasts.

    Entering waits for warm-up: some tenths of a second on a CPU, some seconds on a GPU that
    captures graphs.  Leaving waits for the step in hand.

    Args:
        catalogue: the voices to speak with; None for the built-in ones.
        settings: device, number format, limits.
        captured: called from the engine's thread after every captured CUDA graph with its name, how many
            there are by now, and how many there will be.

    Raises:
        EngineError: the device does not exist, cannot do what is asked, or failed in warm-up.
    """
    chosen = settings or EngineSettings()
    engine = Engine(catalogue or load_builtin(), chosen)
    try:
        async with trio.open_nursery() as nursery:
            try:
                await nursery.start(engine.run, captured)
                yield engine
            finally:
                engine.stop()
    except BaseExceptionGroup as group:
        error = _engine_error(group)
        if error is None:
            raise
        raise error from error.__cause__


def _engine_error(group: BaseExceptionGroup[BaseException]) -> EngineError | None:
    """The one error of an engine, out of the groups that nurseries put around it; None for others."""
    engine_errors, others = group.split(EngineError)
    if engine_errors is None or others is not None:
        return None
    found: BaseException = engine_errors
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found if isinstance(found, EngineError) else None
