"""Launch a plan: one call of one model, with rows from the streams' works."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from zelitrio.engine.calls import EncodeRow, ExpandRow, SpeakRow
from zelitrio.engine.lanes import CurrentUtterance, Lane, Lanes
from zelitrio.engine.loading import ReadyModel
from zelitrio.engine.outbox import Outbox
from zelitrio.engine.steps import Part, Step, Work
from zelitrio.engine.turns import EncodePlan, ExpandPlan, Plan, WindowPlan

_NOISE_STRIDE = 7_919
"""Frames of noise between two utterances, so that their noise is unrelated."""


@attrs.define(eq=False)
class Launcher:
    """Turns plans into steps.

    Attributes:
        models: by number.
        works: by stream.
        lanes: changed after a call was launched.
        outbox: has the counters.
        contain: makes an error in the work on a stream fail this stream only.
        now: the clock, in seconds.
    """

    models: Mapping[int, ReadyModel]
    works: Mapping[int, Work]
    lanes: Lanes
    outbox: Outbox
    contain: Callable[[Work, Exception], None] = attrs.field(kw_only=True)
    now: Callable[[], float] = attrs.field(kw_only=True)

    def launch(self, plan: Plan) -> Step:
        """Launch one call; a failed call has changed no lane."""
        begin_s = self.now()
        match plan:
            case EncodePlan():
                return self._encode(plan, begin_s)
            case ExpandPlan():
                return self._expand(plan, begin_s)
            case WindowPlan():
                return self._window(plan, begin_s)

    def _encode(self, plan: EncodePlan, begin_s: float) -> Step:
        model, runner = self.models[plan.model].runner.model, self.models[plan.model].runner
        works: list[Work] = []
        rows: list[EncodeRow] = []
        for lane in plan.lanes:
            work, speak = self.works[lane.stream], lane.waiting[0]
            if work.reading is None or work.reading[0] is not speak:
                work.reading = speak, model.read(speak.utterance)
            reading = work.reading[1]
            if rows and not runner.fits(len(reading), rows[0].tokens):
                continue  # in a later plan
            works.append(work)
            columns = model.columns(reading, work.speaker, speak.settings, work.seed + speak.index)
            rows.append(EncodeRow(slot=lane.slot, tokens=len(reading), columns=columns))
        pending = runner.encode(rows)
        self.lanes.begin_reading([work.lane for work in works])
        self.outbox.encodes += 1
        return Step(
            pending=pending, begin_s=begin_s, read=tuple((work, work.lane.waiting[0]) for work in works)
        )

    def _expand(self, plan: ExpandPlan, begin_s: float) -> Step:
        runner = self.models[plan.model].runner
        waiting = [self.works[lane.stream] for lane in plan.lanes]
        works = [waiting[at] for at in runner.together([len(work.laid_out.frames) for work in waiting])]
        rows = [ExpandRow(slot=of.lane.slot, frames=of.laid_out.frames, noise_at=of.noise_at) for of in works]
        pending = runner.expand(rows)
        self.lanes.begin_expanding([work.lane for work in works])
        return Step(pending=pending, begin_s=begin_s, expanded=tuple(works))

    def _window(self, plan: WindowPlan, begin_s: float) -> Step:
        runner, tempo = self.models[plan.model].runner, self.lanes.tempos[plan.model]
        works = [self.works[lane.stream] for lane in plan.lanes]
        rows = [
            SpeakRow(
                slot=lane.slot,
                frames=work.laid_out.frames,
                first=current_of(lane).position,
                noise_at=work.noise_at,
            )
            for lane, work in zip(plan.lanes, works, strict=True)
        ]
        pending = runner.speak(rows, plan.window)
        now_s = self.now()
        parts = tuple(
            Part(work=work, span=self.lanes.advance(work.lane, plan.window, now_s)) for work in works
        )
        for part in parts:  # while a GPU computes
            try:
                self._label(part, tempo.hop_s)
            except Exception as error:
                self.contain(part.work, error)
        self.outbox.steps += 1
        self.outbox.rows += len(parts)
        heard = sum(part.span.end - part.span.begin for part in parts)
        window_s = tempo.pace.window_s(plan.window, len(parts))
        return Step(
            pending=pending,
            begin_s=begin_s,
            parts=parts,
            hop_samples=runner.facts.hop_samples,
            heard_s=window_s * heard / (plan.window * len(parts)),
            best_s=heard / tempo.pace.frames_per_s,
        )

    def _label(self, part: Part, hop_s: float) -> None:
        """Set the word times of an utterance's first window; after its last window, advance the noise."""
        timeline = part.work.laid_out
        if part.span.is_first:
            part.word_times_ms, part.phone_edges_ms = timeline.word_times_ms, timeline.phone_edges_ms
            part.length_ms = round(1000 * timeline.heard * hop_s)
        if part.span.is_last:
            part.work.noise_at += len(timeline.frames) + _NOISE_STRIDE


def current_of(lane: Lane) -> CurrentUtterance:
    """The current utterance of a lane, which must have one."""
    assert lane.current is not None
    return lane.current
