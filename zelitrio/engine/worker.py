"""The engine's thread: take commands, pick lanes, launch, deliver.

One thread owns the device and everything that is on it.  Commands come through a queue, deliveries
leave through one call of `post` per step, whatever the number of streams.  On a GPU the next step
is launched before the last one is delivered, so the device does not wait for us.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Sequence

import attrs
import numpy as np
import torch
from numpy.typing import NDArray

from zelitrio.engine.calibration import calibrate
from zelitrio.engine.commands import (
    Close,
    Command,
    Credit,
    Delivery,
    Ended,
    Failed,
    Finish,
    Open,
    Speak,
    Spoken,
    Stop,
    Yield,
)
from zelitrio.engine.device import (
    choose_device,
    choose_dtype,
    choose_threads,
    is_fatal,
    is_out_of_memory,
    used_mib,
)
from zelitrio.engine.lanes import EncodePlan, Ladder, Lane, Lanes, WindowPlan, choose_ladder
from zelitrio.engine.reading import lay_out_behind
from zelitrio.engine.runner import EncodeRow, Runner, SpeakRow, call_shapes
from zelitrio.engine.statistics import Counters
from zelitrio.engine.steps import Captures, Part, Ready, Step, Work
from zelitrio.engine.tails import Tails
from zelitrio.engine.timeline import FADE_FRAMES, Timeline
from zelitrio.errors import EngineError, UtteranceError
from zelitrio.settings import EngineSettings
from zelitrio.voices import Model, phone_inputs

MakeRunner = Callable[[Model, torch.device, torch.dtype, int], Runner]
Captured = Callable[[str, int, int], None]
"""Is told a captured graph's name, how many there are by now, and how many there will be."""
_NOISE_STRIDE = 7_919  # utterances of a stream begin at unrelated places of the noise


class Worker:
    """Everything the thread does; `run` is its main function.

    Args:
        models: all models of the catalogue; streams name them by index.
        settings: of the engine.
        post: called from the thread with the deliveries of a step; must not raise or block.
        make_runner: how a model is brought to the device.
    """

    def __init__(
        self,
        models: Sequence[Model],
        settings: EngineSettings,
        post: Callable[[list[Delivery]], None],
        make_runner: MakeRunner = Runner,
    ) -> None:
        self.inbox: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self.counters = Counters()
        self._models = models
        self._settings = settings
        self._post = post
        self._make_runner = make_runner
        self._streams: dict[int, Work] = {}
        self._out: list[Delivery] = []
        self._flying: Step | None = None
        """Launched and not yet delivered."""

    @property
    def profile(self) -> str:
        """What steps are made for at the moment."""
        return self._lanes.profile.value

    def run(self, ready: Callable[[Ready], None], captured: Captured | None = None) -> None:
        """Serve until `Stop`.  Blocks its thread.

        Args:
            ready: called once, after warm-up.
            captured: called after every captured graph.

        Raises:
            EngineError: warm-up failed, or the device was lost.
        """
        # Inference mode and the number of threads belong to a thread: they are entered here.
        with torch.inference_mode():
            try:
                self._start(ready, captured)
                self._serve()
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise EngineError(f"the device failed: {error}") from error
                raise EngineError(
                    f"the device ran out of memory ({error}); use a smaller --max-batch or --max-streams,"
                    " or --dtype bfloat16"
                ) from error

    def _start(self, ready: Callable[[Ready], None], captured: Captured | None) -> None:
        settings = self._settings
        device = choose_device(settings)
        dtype = choose_dtype(settings, device)
        if device.type == "cpu":
            torch.set_num_threads(choose_threads(settings))
        self._overlaps = device.type == "cuda"
        ladder = choose_ladder(settings.max_batch, is_wide=self._overlaps)
        self._runners = [
            self._make_runner(model, device, dtype, settings.max_streams) for model in self._models
        ]
        self._tails = Tails(FADE_FRAMES * self._runners[0].hop_samples)
        captures = self._prepare(device, ladder, captured) if device.type == "cuda" else Captures()
        paces = [calibrate(runner, ladder) for runner in self._runners]
        pace = min(paces, key=lambda pace: pace.frames_per_s)
        self._lanes = Lanes(pace, ladder, settings.max_streams)
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
        ready(Ready(device=name, pace=pace, captures=captures))

    def _prepare(self, device: torch.device, ladder: Ladder, captured: Captured | None) -> Captures:
        """Lay out all shapes of all runners, captured as graphs unless the settings say no."""
        begin_s, before_mib = time.perf_counter(), used_mib(device)
        sizes = (ladder.windows, ladder.max_batch, ladder.max_encode)
        total = len(self._runners) * len(call_shapes(*sizes))
        names: list[str] = []
        for runner in self._runners:
            for name in runner.prepare(*sizes, graphs=self._settings.graphs):
                names.append(name)
                if captured is not None:
                    captured(name, len(names), total)
        return Captures(
            names=tuple(names), took_s=time.perf_counter() - begin_s, mib=used_mib(device) - before_mib
        )

    def _serve(self) -> None:
        while True:
            plan = self._lanes.plan(time.perf_counter())
            if plan is None and self._flying is None:
                try:
                    if not self._take(self.inbox.get(timeout=self._tails.until_dry_s(time.perf_counter()))):
                        return
                except queue.Empty:
                    pass  # nobody spoke before a listener ran dry
            else:
                begin_s = time.perf_counter()
                launched = None if plan is None else self._launch(plan)
                if not self._overlaps:
                    self._flying, launched = launched, None
                self._land()
                self._flying = launched
                self._lanes.adapt(self.counters.busy(begin_s, time.perf_counter()))
            if not self._take_all():
                return
            for stream in self._tails.dry(time.perf_counter()):
                self._close_tail(stream)
            if self._out:
                self._post(self._out)
                self._out = []

    def _land(self) -> None:
        """Collect the step that is on its way, if any."""
        if self._flying is not None:
            flying, self._flying = self._flying, None
            self._collect(flying)

    def _take_all(self) -> bool:
        while True:
            try:
                command = self.inbox.get_nowait()
            except queue.Empty:
                return True
            if not self._take(command):
                return False

    def _take(self, command: Command) -> bool:
        """Carry out a command; False to stop."""
        match command:
            case Stop():
                return False
            case Open():
                lane = self._lanes.open(command.stream, command.model, self._settings.credit_s)
                self._streams[command.stream] = Work(lane=lane, speaker=command.speaker, seed=command.seed)
            case Close():
                self._forget(command.stream)
            case _:
                stream = self._streams.get(command.stream)
                if stream is not None:  # it may have failed while the command was on its way
                    self._tell(stream, command)
        return True

    def _tell(self, stream: Work, command: Speak | Finish | Credit | Yield) -> None:
        lane = stream.lane
        match command:
            case Speak():
                self._tails.forget(command.stream)
                self._lanes.feed(lane, command, time.perf_counter())
            case Finish():
                lane.is_finished = True
                self._end_if_spoken(stream)
            case Credit():
                lane.credit_s += command.audio_s
            case Yield():
                lane.is_closing = True

    def _launch(self, plan: EncodePlan | WindowPlan) -> Step | None:
        launch = self._launch_encode if isinstance(plan, EncodePlan) else self._launch_window
        try:
            return launch(plan, plan.lanes)  # type: ignore[arg-type]  # the pair fits by construction
        except torch.OutOfMemoryError as error:
            youngest = max(self._streams.values(), key=lambda stream: stream.lane.stream)
            self._fail(youngest, UtteranceError(f"the device ran out of memory: {error}"))
            return None
        except Exception as error:
            if is_fatal(error):
                raise
            if len(plan.lanes) == 1:
                failure = UtteranceError(f"cannot speak: {error!r}")
                failure.__cause__ = error
                self._fail(self._streams[plan.lanes[0].stream], failure)
                return None
        # One row of the batch is to blame.  A failed call has changed no state, so each goes alone.
        self._land()  # what was launched before comes before
        for lane in plan.lanes:
            if lane.stream not in self._streams:
                continue  # shed for want of memory by one before
            step = self._launch(attrs.evolve(plan, lanes=(lane,)))
            if step is not None:
                self._collect(step)
        return None

    def _launch_encode(self, plan: EncodePlan, lanes: Sequence[Lane]) -> Step:
        runner = self._runners[plan.model]
        streams: list[Work] = []
        rows: list[EncodeRow] = []
        for lane in lanes:
            stream, speak = self._streams[lane.stream], lane.waiting[0]
            if stream.inputs is None or stream.inputs_of is not speak:
                stream.inputs, stream.inputs_of = phone_inputs(speak.utterance), speak
            inputs = stream.inputs
            if rows and not runner.fits(len(inputs), len(rows[0].inputs)):
                continue  # in a later plan
            streams.append(stream)
            rows.append(
                EncodeRow(
                    slot=lane.slot,
                    inputs=inputs,
                    speaker=stream.speaker,
                    settings=speak.settings,
                    seed=stream.seed + speak.index,
                )
            )
        pending = runner.encode(rows)
        for stream in streams:
            stream.lane.is_encoding = True
        self.counters.encodes += 1
        return Step(pending=pending, encoded=tuple((stream, stream.lane.waiting[0]) for stream in streams))

    def _launch_window(self, plan: WindowPlan, lanes: Sequence[Lane]) -> Step:
        runner = self._runners[plan.model]
        streams = [self._streams[lane.stream] for lane in lanes]
        rows = [
            SpeakRow(
                slot=stream.lane.slot,
                timeline=_timeline(stream),
                speaker=stream.speaker,
                first=stream.lane.position,
                noise_at=stream.noise_at,
            )
            for stream in streams
        ]
        pending = runner.speak(rows, plan.window)
        now_s = time.perf_counter()
        parts = tuple(self._advance(stream, plan.window, runner, now_s) for stream in streams)
        for stream in streams:
            stream.flying += 1
        self.counters.steps += 1
        self.counters.rows += len(parts)
        return Step(pending=pending, parts=parts)

    def _advance(self, stream: Work, window: int, runner: Runner, now_s: float) -> Part:
        """Move a lane on by a window; what it has launched counts as spoken."""
        lane, timeline = stream.lane, _timeline(stream)
        speak = lane.current
        assert speak is not None
        first = lane.position - runner.lag  # frame of the row's first sample
        lane.position += window
        # All in frames of the row.  An utterance may end a frame before a window does: then the rest of
        # its tail comes at the beginning of one more, which has nothing else.
        edges = (timeline.begin, timeline.end, timeline.tail_end)
        begin, end, tail_end = (min(max(0, edge - first), window) for edge in edges)
        is_first = first <= timeline.begin < first + window
        is_last = first + window >= timeline.tail_end
        self._lanes.spoken(lane, (end - begin) * self._lanes.pace.hop_s, now_s)
        if is_last:
            lane.current = None
            stream.noise_at += timeline.length + _NOISE_STRIDE
        return Part(
            stream=stream,
            speak=speak,
            begin=begin * runner.hop_samples,
            end=end * runner.hop_samples,
            tail_end=tail_end * runner.hop_samples,
            word_times_ms=timeline.word_times_ms if is_first else None,
            length_ms=round(1000 * timeline.heard * self._lanes.pace.hop_s) if is_first else None,
            is_last=is_last,
        )

    def _collect(self, step: Step) -> None:
        """Wait for a launched step and hand on what came of it."""
        result = step.pending.wait()
        for row, (stream, speak) in enumerate(step.encoded):
            self._begin(stream, speak, result[row])
        rate_hz = self._runners[0].sample_rate_hz
        for row, part in enumerate(step.parts):
            number = part.speak.stream
            part.stream.flying -= 1
            if number not in self._streams:
                continue  # left while its window was on its way: nothing of it is delivered
            pcm = self._tails.join(part, result[row])
            self.counters.audio_s += len(pcm) / rate_hz
            if len(pcm) and not part.stream.has_audio:
                part.stream.has_audio = True
                self.counters.first_audio(time.perf_counter() - part.speak.fed_at_s)
            if len(pcm) or part.is_last or part.word_times_ms is not None:
                self._out.append(
                    Spoken(
                        stream=number,
                        utterance=part.speak.index,
                        pcm=pcm,
                        word_times_ms=part.word_times_ms,
                        length_ms=part.length_ms,
                        is_last=part.is_last,
                    )
                )
            if part.is_last:
                self._end_if_spoken(part.stream)
                self._tails.await_next(part.stream)

    def _begin(self, stream: Work, speak: Speak, read: NDArray[np.float32]) -> None:
        """An utterance was encoded: lay it out and let it be spoken."""
        lane = stream.lane
        lane.is_encoding = False
        if lane.stream not in self._streams:
            return
        assert stream.inputs is not None
        lane.waiting.popleft()
        hop_ms = self._lanes.pace.hop_s * 1000
        lag = self._runners[lane.model].lag
        stream.timeline = lay_out_behind(stream.timeline, speak, stream.inputs, read, hop_ms, lag)
        lane.current, lane.position = speak, 0

    def _end_if_spoken(self, stream: Work) -> None:
        if not stream.lane.is_spoken or stream.flying:
            return
        if stream.tail is not None:
            self._close_tail(stream)
        self._out.append(Ended(stream=stream.lane.stream))

    def _close_tail(self, stream: Work) -> None:
        pcm = self._tails.close(stream)
        self.counters.audio_s += len(pcm) / self._runners[0].sample_rate_hz
        self._out.append(Spoken(stream=stream.lane.stream, utterance=stream.tail_of, pcm=pcm, is_last=True))

    def _fail(self, stream: Work, error: EngineError) -> None:
        self._forget(stream.lane.stream)
        self._out.append(Failed(stream=stream.lane.stream, error=error))

    def _forget(self, number: int) -> None:
        self._lanes.close(number)
        self._streams.pop(number, None)
        self._tails.forget(number)


def _timeline(stream: Work) -> Timeline:
    assert stream.timeline is not None
    return stream.timeline
