"""The scheduler's lanes on a simulated device with its own clock."""

from __future__ import annotations

import attrs

from zelitrio.engine.commands import Speak
from zelitrio.engine.lanes import CurrentUtterance, Lane, Lanes
from zelitrio.engine.pace import Ladder, Pace, Tempo
from zelitrio.engine.turns import EncodePlan, ExpandPlan, Plan, Turns, WindowPlan
from zelitrio.networks import Facts
from zelitrio.settings import VoiceSettings
from zelitrio.text import Utterance

CPU = Tempo(
    pace=Pace(frame_s=1e-4, step_s=2e-3, is_wide=False, frames_per_s=8000),
    ladder=Ladder(),
    lag=16,
    hop_s=0.01,
)
GPU = attrs.evolve(CPU, pace=Pace(frame_s=1e-5, step_s=1e-3, is_wide=True, frames_per_s=200_000))
FACTS = Facts(sample_rate_hz=24_000, hop_samples=240, token_ladder=(384,), first_frames=24, lag=16)


def chunk(stream: int, index: int = 0) -> Speak:
    return Speak(
        stream=stream,
        index=index,
        utterance=Utterance("", ()),
        settings=VoiceSettings(),
        fed_at_s=0.0,
    )


class Device:
    """Executes plans like the worker, on its own clock."""

    def __init__(self, tempo: Tempo = CPU, frames: int = 200, silent: int = 0) -> None:
        self.lanes = Lanes(slots=1000, credit_s=1e9)
        self.lanes.tempos[0] = tempo
        self.turns = Turns(self.lanes, is_wide=tempo.pace.is_wide)
        self.frames = frames
        self.silent = silent  # frames at the start of an utterance that are not heard
        self.now_s = 0.0
        self.first_audio_s: dict[int, float] = {}
        self.given_s: dict[int, float] = {}

    def open(self, stream: int, *, credit_s: float = 1e9, closing: bool = False, model: int = 0) -> Lane:
        lane = self.lanes.open(stream, model)
        self.lanes.credit(lane, credit_s - lane.listener.credit_s)
        if closing:
            self.lanes.close_softly(lane)
        self.lanes.feed(lane, chunk(stream), self.now_s)
        return lane

    def plan(self) -> Plan | None:
        return self.turns.plan(self.now_s)

    def step(self) -> Plan | None:
        plan = self.plan()
        if plan is None:
            self.now_s += 1e-3
            return None
        pace = self.lanes.tempos[plan.model].pace
        match plan:
            case EncodePlan():
                self.now_s += 5e-3
                self.lanes.begin_reading(plan.lanes)
                for lane in plan.lanes:
                    self.lanes.read(lane, self._laid_out(lane.waiting[0]))
            case ExpandPlan():
                self.now_s += 5e-3
                self.lanes.begin_expanding(plan.lanes)
                for lane in plan.lanes:
                    assert lane.current is not None
                    self.lanes.expanded(lane, self._laid_out(lane.current.speak))
            case WindowPlan():
                self.now_s += pace.window_s(plan.window, len(plan.lanes))
                for lane in plan.lanes:
                    self._advance(lane, plan.window)
        return plan

    def _laid_out(self, speak: Speak) -> CurrentUtterance:
        return CurrentUtterance(speak=speak, begin=self.silent, end=self.frames, tail_end=self.frames)

    def _advance(self, lane: Lane, window: int) -> None:
        span = self.lanes.advance(lane, window, self.now_s)
        self.lanes.land(lane)
        hop_s = self.lanes.tempos[lane.model].hop_s
        self.first_audio_s.setdefault(lane.stream, self.now_s)
        given_s = self.given_s.get(lane.stream, 0.0) + (span.end - span.begin) * hop_s
        self.given_s[lane.stream] = given_s


def streams(plan: Plan | None) -> list[int]:
    return [] if plan is None else [lane.stream for lane in plan.lanes]
