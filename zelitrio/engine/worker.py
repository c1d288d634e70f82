"""The loop of the engine's thread: take commands, plan, launch, deliver.

The thread owns the device.  Commands come through a queue.  Deliveries leave in one call per step.  On a GPU
the next step is launched before the last one is delivered, so the device does not wait for the host.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Mapping

import attrs
import numpy as np
import torch
from numpy.typing import NDArray

from zelitrio.engine.commands import (
    Close,
    Command,
    Credit,
    Ended,
    Failed,
    Finish,
    Load,
    Open,
    Speak,
    Spoken,
    Stop,
    Unload,
    Yield,
)
from zelitrio.engine.device import is_fatal
from zelitrio.engine.lanes import Lanes
from zelitrio.engine.launching import Launcher, current_of
from zelitrio.engine.loading import ReadyModel
from zelitrio.engine.outbox import Outbox
from zelitrio.engine.steps import Part, Step, Work
from zelitrio.engine.tails import Tails
from zelitrio.engine.timeline import FADE_S, lay_out, trimmed
from zelitrio.engine.turns import Plan, Turns
from zelitrio.errors import EngineError, UtteranceError
from zelitrio.settings import EngineSettings


class Worker:
    """The loop of the thread.

    Args:
        loaded: the models on the device, by number.
        settings: the engine's settings.
        inbox: commands of the event loop.
        outbox: takes the deliveries.
        is_wide: whether a batch takes about as long as one row; then the next step is launched before the
            last one is delivered.
        now: the clock, in seconds.
    """

    def __init__(
        self,
        loaded: Mapping[int, ReadyModel],
        settings: EngineSettings,
        inbox: queue.SimpleQueue[Command],
        outbox: Outbox,
        *,
        is_wide: bool,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._inbox = inbox
        self._outbox = outbox
        self._now = now
        self._is_wide = is_wide
        self._lanes = Lanes(settings.max_streams, settings.credit_s)
        self._turns = Turns(self._lanes, is_wide=is_wide)
        self._models: dict[int, ReadyModel] = {}
        self._works: dict[int, Work] = {}
        self._tails = Tails()
        self._flying: Step | None = None
        """The launched step that is not delivered yet."""
        self._launcher = Launcher(
            self._models, self._works, self._lanes, outbox, contain=self._contain, now=now
        )
        for number, model in loaded.items():
            self._add_model(number, model)

    def serve(self) -> None:
        """Serve until `Stop`.  Blocks its thread; call it in inference mode.

        Raises:
            RuntimeError: the device was lost.
        """
        is_idle = False
        while self._take(wait=is_idle):
            begin_s = self._now()
            plan = self._turns.plan(begin_s)
            is_idle = plan is None and self._flying is None and not self._capture_one()
            if plan is not None or self._flying is not None:
                launched = None if plan is None else self._launch(plan)
                landed = self._deliver(launched)
                load = self._outbox.load
                heard_s, best_s = (0.0, 0.0) if landed is None else (landed.heard_s, landed.best_s)
                load.note(begin_s, self._now(), heard_s, best_s)
                self._turns.adapt(load.load)
            self._outbox.send(len(self._lanes), self._turns.profile.value)

    # Take: commands, and listeners that ran dry.

    def _take(self, *, wait: bool) -> bool:
        """Execute all commands that have come.

        Args:
            wait: whether to wait for a command, or until a listener runs dry.

        Returns:
            Whether to continue; False after `Stop`.
        """
        try:
            if wait:
                command = self._inbox.get(timeout=self._tails.until_dry_s(self._now()))
            else:
                command = self._inbox.get_nowait()
            while not isinstance(command, Stop):
                self._obey(command)
                command = self._inbox.get_nowait()
            return False
        except queue.Empty:
            pass
        for work in self._tails.dry(self._now()):
            self._close_tail(work)
        return True

    def _obey(self, command: Command) -> None:
        match command:
            case Open():
                lane = self._lanes.open(command.stream, command.model)
                self._works[command.stream] = Work(lane=lane, speaker=command.speaker, seed=command.seed)
            case Load():
                self._add_model(command.model, command.loaded)
            case Unload():
                del self._models[command.model], self._lanes.tempos[command.model]
            case Speak() | Finish() | Credit() | Yield() | Close():
                work = self._works.get(command.stream)
                if work is not None:  # the stream may have failed meanwhile
                    self._tell(work, command)

    def _tell(self, work: Work, command: Speak | Finish | Credit | Yield | Close) -> None:
        lane = work.lane
        match command:
            case Speak():
                self._tails.forget(command.stream)
                self._lanes.feed(lane, command, self._now())
            case Finish():
                self._lanes.finish(lane)
                self._end_if_spoken(work)
            case Credit():
                self._lanes.credit(lane, command.audio_s)
            case Yield():
                self._lanes.close_softly(lane, is_due_later=command.is_due_later)
            case Close():
                self._forget(work)

    def _add_model(self, number: int, loaded: ReadyModel) -> None:
        self._models[number] = loaded
        self._lanes.tempos[number] = loaded.tempo

    def _capture_one(self) -> bool:
        """Capture one more shape of a model that was loaded later; return whether there was one."""
        for loaded in self._models.values():
            for name in loaded.captures:
                self._outbox.graphs.append(name)
                return True
        return False

    # Launch: one step of one model.

    def _launch(self, plan: Plan) -> Step | None:
        try:
            return self._launcher.launch(plan)
        except torch.OutOfMemoryError as error:
            youngest = max(self._works.values(), key=lambda work: work.lane.stream)
            self._fail(youngest, UtteranceError(f"the device ran out of memory: {error}"))
            return None
        except Exception as error:
            if is_fatal(error):
                raise
            if len(plan.lanes) == 1:
                self._fail_for(self._works[plan.lanes[0].stream], error)
                return None
        # One row of the batch caused the error.  A failed call has changed no lane, so run each row alone.
        self._deliver(None)  # deliver earlier calls first
        for lane in plan.lanes:
            if lane.stream in self._works:  # an earlier row may have ended it for lack of memory
                self._collect(self._launch(attrs.evolve(plan, lanes=(lane,))))
        return None

    # Deliver: results of the device.

    def _deliver(self, launched: Step | None) -> Step | None:
        """Collect the step launched before this one; on a CPU the one that was just launched."""
        landing = self._flying if self._is_wide else launched
        self._flying = launched if self._is_wide else None
        self._collect(landing)
        return landing

    def _collect(self, step: Step | None) -> None:
        if step is None:
            return
        result = step.pending.wait()
        step.landed(self._now())
        for row, (work, speak) in enumerate(step.read):
            try:
                self._begin(work, speak, result[row])
            except Exception as error:
                self._contain(work, error)
        for row, work in enumerate(step.expanded):
            try:
                self._trim(work, result[row])
            except Exception as error:
                self._contain(work, error)
        for row, part in enumerate(step.parts):
            try:
                self._speak(part, result[row], step)
            except Exception as error:
                self._contain(part.work, error)

    def _contain(self, work: Work, error: Exception) -> None:
        """Make an error in the work on one stream fail this stream only, unless the device is lost."""
        if is_fatal(error):
            raise error
        self._fail_for(work, error)

    def _begin(self, work: Work, speak: Speak, read: NDArray[np.float32]) -> None:
        lane = work.lane
        if lane.stream not in self._works:
            return
        assert work.reading is not None and work.reading[0] is speak
        model = self._models[lane.model].runner.model
        work.timeline = lay_out(model, work.reading[1], speak, read, work.timeline)
        self._lanes.read(lane, work.current(speak))

    def _trim(self, work: Work, heard: NDArray[np.float32]) -> None:
        lane = work.lane
        if lane.stream not in self._works:
            return
        first, end = (int(frame) for frame in heard)
        work.timeline = trimmed(work.laid_out, first, end)
        self._lanes.expanded(lane, work.current(current_of(lane).speak))

    def _speak(self, part: Part, row: NDArray[np.float32], step: Step) -> None:
        """Join a window's audio to the audio before it, and deliver it."""
        work, span = part.work, part.span
        self._lanes.land(work.lane)
        if work.lane.stream not in self._works:
            return  # the stream was closed meanwhile
        pcm = self._tails.join(part, row, step.hop_samples, self._fade_samples(work))
        stages = None
        if len(pcm) and not work.has_audio:
            work.has_audio = True
            stages = step.stages(part, self._now(), self._outbox.load.load)
        if len(pcm) or span.is_last or part.word_times_ms is not None:
            self._say(
                work,
                Spoken(
                    stream=work.lane.stream,
                    utterance=span.speak.index,
                    pcm=pcm,
                    word_times_ms=part.word_times_ms,
                    length_ms=part.length_ms,
                    phone_edges_ms=part.phone_edges_ms,
                    is_last=span.is_last,
                    stages=stages,
                    computed_s=work.computed_s,
                ),
            )
            work.computed_s = 0.0
        if span.is_last:
            self._end_if_spoken(work)
            self._tails.await_next(work)

    def _say(self, work: Work, spoken: Spoken) -> None:
        rate_hz = self._models[work.lane.model].runner.facts.sample_rate_hz
        self._outbox.audio_s += len(spoken.pcm) / rate_hz
        self._outbox.add(spoken)

    def _end_if_spoken(self, work: Work) -> None:
        if not work.lane.is_spoken:
            return
        if work.tail is not None:
            self._close_tail(work)
        self._outbox.add(Ended(stream=work.lane.stream))

    def _close_tail(self, work: Work) -> None:
        tail = self._tails.close(work, self._fade_samples(work))
        self._say(work, Spoken(stream=work.lane.stream, utterance=tail.utterance, pcm=tail.pcm, is_last=True))

    def _fade_samples(self, work: Work) -> int:
        return round(FADE_S * self._models[work.lane.model].runner.facts.sample_rate_hz)

    def _fail_for(self, work: Work, error: Exception) -> None:
        failure = UtteranceError(f"cannot speak: {error!r}")
        failure.__cause__ = error
        self._fail(work, failure)

    def _fail(self, work: Work, error: EngineError) -> None:
        self._forget(work)
        self._outbox.add(Failed(stream=work.lane.stream, error=error))

    def _forget(self, work: Work) -> None:
        self._lanes.close(work.lane)
        self._works.pop(work.lane.stream, None)
        self._tails.forget(work.lane.stream)
