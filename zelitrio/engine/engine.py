"""The engine's interface for Trio programs: open the engine, open streams, read statistics.

The engine's thread runs inside the nursery of `open_engine`, which waits for its end and raises its errors.
The end of a stream's block frees its lane before the next step.
"""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import trio

from zelitrio.engine.admission import Admission
from zelitrio.engine.commands import Close, Command, Open, Ready, Stop
from zelitrio.engine.device import Device, open_device
from zelitrio.engine.inbox import Inbox
from zelitrio.engine.lifetime import Lifetime
from zelitrio.engine.load import faded_load
from zelitrio.engine.loading import Captured, ReadyModel, load
from zelitrio.engine.models import Models
from zelitrio.engine.open_streams import OpenStreams
from zelitrio.engine.postbox import Postbox
from zelitrio.engine.statistics import Statistics
from zelitrio.engine.stream import Door, EngineStream
from zelitrio.engine.thread import run as run_thread
from zelitrio.errors import EngineError, LocalError, first_error
from zelitrio.settings import EngineSettings, VoiceSettings
from zelitrio.voices import Catalogue, Voice, load_builtin


class Engine:
    """One device, many streams.  Made by `open_engine`; usable only in that Trio run."""

    def __init__(
        self, catalogue: Catalogue, settings: EngineSettings, make_device: Callable[[], Device]
    ) -> None:
        self.catalogue = catalogue
        self.settings = settings
        self.ready: Ready
        self._make_device = make_device
        self._device: Device
        self._inbox = Inbox()
        self._models = Models(
            catalogue, settings.max_voice_memory_mb * 1_000_000, self._inbox.tell, self._load
        )
        self._admission = Admission(settings.max_streams)
        self._life = Lifetime()
        self._door = Door(
            tell=self._inbox.tell,
            check=self._life.check,
            check_run=self._life.check_run,
            credit_s=settings.credit_s,
        )
        self._streams = OpenStreams()
        self._postbox = Postbox(self._life.token.run_sync_soon, self._streams.deliver)

    @asynccontextmanager
    async def open_stream(
        self,
        voice: Voice | str | None = None,
        settings: VoiceSettings | None = None,
        *,
        seed: int | None = None,
    ) -> AsyncIterator[EngineStream]:
        """Open a stream for the block; the end of the block always frees its lane.

        Entering waits while a lazy voice is loaded.

        Args:
            voice: a voice of the catalogue, or its id; None: the default voice.
            settings: how to speak; None: the defaults.
            seed: makes the speech repeatable; None: a random seed.

        Raises:
            CapacityError: too many streams are open or speaking.
            LocalError: the voice is unknown, or this is not the engine's Trio run.
            VoiceError: the voice's files are missing or damaged.
            EngineError: the engine has ended.
        """
        self.check()
        chosen = self._choose(voice)
        entry = self._models.find(chosen)
        with self._models.held(entry):
            tempo = await self._models.ensure(entry, self._life.nursery)
            self.check()
            now_s = time.perf_counter()
            leaving = self._admission.make_room(tempo, self._postbox.progress.slowness, now_s)
            if leaving is not None:
                self._streams.end(leaving)
                self.tell(Close(stream=leaving))
            number = self._streams.next_number()
            member = self._admission.enter(number, tempo, now_s)
            stream = EngineStream(self._door, number, chosen, settings or VoiceSettings(), member)
            self._streams.add(number, stream)
            seed = random.getrandbits(32) if seed is None else seed
            self.tell(Open(stream=number, model=entry.number, speaker=chosen.speaker, seed=seed))
            try:
                yield stream
            finally:
                self._streams.remove(number)
                self._admission.leave(number)
                self.tell(Close(stream=number))
                stream.leave()

    @property
    def speaking(self) -> int:
        """Number of streams with text left to speak."""
        return self._admission.speaking

    @property
    def capacity(self) -> int:
        """Largest number of speaking streams of the default voice at the present slowness."""
        default = self._models.find(self.catalogue.default)
        # The speed of a lazy voice is unknown before it is loaded, so another model's speed is used.
        tempo = default.tempo or next(iter(self.ready.tempos.values()), None)
        if tempo is None:
            return 1
        return self._admission.capacity(tempo, self._postbox.progress.slowness)

    def statistics(self) -> Statistics:
        """Return a snapshot; never waits."""
        progress = self._postbox.progress
        tempo = self._models.find(self.catalogue.default).tempo
        return Statistics(
            device=self.ready.device,
            dtype=self.settings.dtype,
            streams=len(self._streams),
            lanes=progress.streams,
            speaking=self.speaking,
            capacity=self.capacity,
            load=faded_load(progress.load, progress.at_s, time.perf_counter()),
            profile=progress.profile,
            slowness=progress.slowness,
            encodes=progress.encodes,
            steps=progress.steps,
            rows=progress.rows,
            audio_s=progress.audio_s,
            first_audio_ms=self._streams.first_audio_ms,
            frames_per_s=0.0 if tempo is None else tempo.pace.frames_per_s,
            graphs=progress.graphs or self.ready.captures.names,
        )

    async def wait_failed(self) -> None:
        """Wait until the engine fails or is closed, and raise its error.

        Raises:
            EngineError: it failed (with the reason) or was closed.
        """
        await self._life.wait_ended()

    def check(self) -> None:
        """Raise an error if the engine cannot be used here.

        Raises:
            EngineError: it failed or was closed.
            LocalError: this is not the Trio run that opened it.
        """
        self._life.check()

    def tell(self, command: Command) -> None:
        """Send the thread a command; never waits."""
        self._inbox.tell(command)

    def _choose(self, voice: Voice | str | None) -> Voice:
        if voice is None:
            return self.catalogue.default
        if isinstance(voice, Voice):
            return voice
        found = self.catalogue.find(voice)
        if found is None:
            names = ", ".join(voice.voice_id for voice in self.catalogue)
            raise LocalError(f"voice: expected one of {names}, found {voice!r}")
        return found

    def _load(self, voice: Voice) -> ReadyModel:
        return load(voice, self._device, self.settings)

    async def run(
        self,
        captured: Captured | None = None,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Run the thread until `stop` is called.

        Args:
            captured: see `open_engine`.
            task_status: started when the thread can serve.

        Raises:
            EngineError: the start failed.  Streams and `wait_failed` raise later failures, so that a server
                can tell its clients before it ends.
        """
        is_open = False
        failure: EngineError | None = None

        def ready(device: Device, value: Ready) -> None:
            self._device, self.ready = device, value
            self._life.token.run_sync_soon(started)

        def started() -> None:
            nonlocal is_open
            is_open = True
            self._models.began(self.ready.tempos)
            self._life.begin(nursery)
            task_status.started()

        trio.lowlevel.add_instrument(self._inbox)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._stop_when_cancelled)
                await trio.to_thread.run_sync(
                    partial(
                        run_thread,
                        self._make_device,
                        self._models.at_start(),
                        self.settings,
                        self._inbox.queue,
                        self._postbox.post,
                        ready,
                        captured,
                    ),
                    limiter=trio.CapacityLimiter(1),  # its own, because it holds it to the end
                    thread_name="zelitrio-engine",
                )
                nursery.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            error = _engine_error(group)
            if error is None:
                raise
            if not is_open:
                raise error from error.__cause__
            failure = error
        finally:
            trio.lowlevel.remove_instrument(self._inbox)
            self._life.end(failure)
            self._streams.abandon()

    async def _stop_when_cancelled(self) -> None:
        # Cancellation does not end a thread; a command does, also during warm-up.
        try:
            await trio.sleep_forever()
        finally:
            self.stop()

    def stop(self) -> None:
        """Make `run` end after the present step; never waits."""
        self.tell(Stop())
        self._inbox.send()


@asynccontextmanager
async def open_engine(
    catalogue: Catalogue | None = None,
    settings: EngineSettings | None = None,
    *,
    captured: Captured | None = None,
    device: Device | None = None,
) -> AsyncIterator[Engine]:
    """Run an engine for the block.

    Entering waits for warm-up: some tenths of a second on a CPU, some seconds on a GPU, which captures
    graphs.  Leaving waits for the present step.

    Args:
        catalogue: the voices; None: the built-in ones.
        settings: device, number format, limits; None: the defaults.
        captured: called in the engine's thread after each captured CUDA graph, with its name, the number
            captured until now, and the total.
        device: the device; None: the one in the settings.

    Raises:
        EngineError: the device is missing, lacks the number format, or failed in warm-up.
    """
    chosen = settings or EngineSettings()
    make_device = partial(open_device, chosen) if device is None else (lambda: device)
    engine = Engine(catalogue or load_builtin(), chosen, make_device)
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
    """The engine's error inside nurseries' groups; None if a group holds other errors."""
    engine_errors, others = group.split(EngineError)
    if engine_errors is None or others is not None:
        return None
    found = first_error(engine_errors)
    return found if isinstance(found, EngineError) else None
