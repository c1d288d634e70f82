"""Who goes next.

The law, in order:

1. A stream takes part only if it has something to speak and its reader has room for it (credit).
2. Earliest deadline first.  A stream's deadline is the moment its listener runs dry: the audio it
   has been given, played in real time.  A stream without audio is due `PATIENCE_S` after its text
   came, so it goes before those with some in hand, but not before those that were new a moment
   ago: a first window is short, and a codec gathers up to 35 ms of it before anything is heard, so
   two new streams later they would run dry.  A stream far ahead waits.
3. A closing stream (perhaps nothing listens any more) is treated as due `CLOSING_DELAY_S` later, so
   open ones go first, but it is never passed over for ever: deadlines of those served move on, its
   own stands still.
4. Windows grow with the lead: small while a listener waits, large when it has plenty, because a
   large window costs less per frame and a small one is done sooner.  A slow model's small windows take longer
   than they last: then no window is shorter than one that gains on the listener.
5. On a GPU every ready stream joins the batch, unless a new stream waits.  Then only streams that would run
   dry join it, because each extra row delays its first audio.  On a CPU a batch costs nearly the sum of its
   rows, so only streams as urgent as the first join it; no step is longer than a new stream may wait; and
   utterances are read one at a time.
6. Under load steps are made for throughput: on a CPU four rows of the largest window make a quarter
   more audio than one.  But new streams, and a stream that goes before a new one, are served as if there
   were no load, and no step takes more than half of what its first listener has in hand.

Nothing here knows torch, Trio or a clock: times are arguments.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs

from zelitrio.engine.lanes import Lane, Lanes, Stage
from zelitrio.engine.pace import Profile, Tempo

PATIENCE_S = 0.15
"""Longer than a first window is heard, shorter than a first and a second."""
_LATENCY_STEP_S = 0.008
_THROUGHPUT_STEP_S = 0.04
_URGENT_LEAD_S = 0.05
"""A lead shorter than this does not outlast the next step."""
_GATHERED_S = 0.035
"""Audio that a codec can hold back."""
_GAINS = 0.8
"""A window that takes this part of what it lasts makes up for lost time."""
_BUSY, _CALM = 0.75, 0.6
"""Load at which the profile turns to throughput, and at which it turns back."""


@attrs.frozen(kw_only=True)
class EncodePlan:
    """Read these lanes' next utterances together."""

    model: int
    lanes: tuple[Lane, ...]


@attrs.frozen(kw_only=True)
class ExpandPlan:
    """Expand what these lanes have read, together."""

    model: int
    lanes: tuple[Lane, ...]


@attrs.frozen(kw_only=True)
class WindowPlan:
    """Speak the next `window` frames of these lanes together."""

    model: int
    window: int
    lanes: tuple[Lane, ...]


Plan = EncodePlan | ExpandPlan | WindowPlan


class Turns:
    """Chooses the next step.  Changes no lane.

    Args:
        lanes: all of the engine's.
        is_wide: whether the device's batches cost about as much as their longest row.
    """

    def __init__(self, lanes: Lanes, *, is_wide: bool) -> None:
        self.profile = Profile.LATENCY
        self._lanes = lanes
        self._is_wide = is_wide

    def adapt(self, load: float) -> None:
        """Choose the profile by the load, 0 to 1, with some room between turning and turning back."""
        if load > _BUSY:
            self.profile = Profile.THROUGHPUT
        elif load < _CALM:
            self.profile = Profile.LATENCY

    def plan(self, now_s: float) -> Plan | None:
        """The next step, or None if there is nothing to do."""
        ready = [lane for lane in self._lanes if lane.is_ready]
        if self._is_wide and any(lane.is_reading and _is_new(lane, now_s) for lane in self._lanes):
            # A new stream's utterance is being read: a step queued after it would delay its first window.
            ready = [lane for lane in ready if _is_pressing(lane, now_s)]
        if not ready:
            return None
        ready.sort(key=_turn)
        head = ready[0]
        tempo = self._lanes.tempos[head.model]
        peers = [lane for lane in ready if lane.model == head.model]
        if head.stage is Stage.WAITING:
            return EncodePlan(model=head.model, lanes=self._together(peers, head, tempo))
        if head.stage is Stage.READ:
            return ExpandPlan(model=head.model, lanes=self._together(peers, head, tempo))
        is_awaited = not head.listener.is_silent and any(lane.listener.is_silent for lane in ready)
        profile = Profile.LATENCY if head.listener.is_silent or is_awaited else self.profile
        if self._is_wide and any(_is_new(lane, now_s) for lane in ready):
            peers = [lane for lane in peers if lane is head or _is_pressing(lane, now_s)]
        speaking = [lane for lane in peers if lane.stage is Stage.SPEAKING]
        window = _window(speaking, tempo, now_s, is_awaited=is_awaited)
        return WindowPlan(
            model=head.model, window=window, lanes=self._speakers(speaking, tempo, window, now_s, profile)
        )

    def _together(self, peers: Sequence[Lane], head: Lane, tempo: Tempo) -> tuple[Lane, ...]:
        """The lanes that stand where the head stands, as many as one step takes."""
        # One at a time on a CPU: rows cost their sum anyway, and an utterance's durations come out the
        # same to the last bit in any company, so they round to the same frames.
        limit = tempo.ladder.max_encode if self._is_wide else 1
        return tuple([lane for lane in peers if lane.stage is head.stage][:limit])

    def _speakers(
        self, speaking: Sequence[Lane], tempo: Tempo, window: int, now_s: float, profile: Profile
    ) -> tuple[Lane, ...]:
        limit = tempo.ladder.rows(window)
        if not self._is_wide:
            pace = tempo.pace
            is_busy = profile is Profile.THROUGHPUT
            step_s = _LATENCY_STEP_S
            if is_busy:
                lead_s = _lead_s(speaking[0], now_s) - _GATHERED_S
                step_s = max(step_s, min(_THROUGHPUT_STEP_S, lead_s / 2))
            # Where the fixed cost of a step is high, sharing it is worth at least as much again.
            frames = max(step_s - pace.step_s, pace.step_s) / pace.frame_s
            limit = min(limit, max(1, int(frames / window)))
            if not is_busy and _lead_s(speaking[0], now_s) < _URGENT_LEAD_S:
                speaking = [lane for lane in speaking if _lead_s(lane, now_s) < _URGENT_LEAD_S]
        return tuple(speaking[:limit])


def _window(speaking: Sequence[Lane], tempo: Tempo, now_s: float, *, is_awaited: bool) -> int:
    """The longest window that the first lane's lead allows."""
    head, ladder = speaking[0], tempo.ladder
    if head.listener.is_silent:
        return ladder.first
    # A stream that goes before a new one does so in a step as short as can be.
    allowed_s = min(max(_lead_s(head, now_s), 0.0) / 2, _LATENCY_STEP_S if is_awaited else math.inf)
    costs = {window: tempo.pace.window_s(window) for window in ladder.following}
    # Where short windows take longer than they last, a stream that spoke them would stay dry to its end.
    gaining = [
        window for window, cost_s in costs.items() if is_awaited or cost_s <= _GAINS * window * tempo.hop_s
    ] or [max(ladder.following)]
    fitting = [
        window
        for window in gaining
        if costs[window] <= allowed_s and (window <= ladder.full or len(speaking) <= ladder.rows(window))
    ]
    return max(fitting, default=min(gaining))


def _turn(lane: Lane) -> float:
    return lane.due_s + (PATIENCE_S if lane.listener.is_silent else 0.0)


def _is_pressing(lane: Lane, now_s: float) -> bool:
    """Whether its listener waits, or would run dry before a new stream's patience ends."""
    return lane.due_s - now_s < PATIENCE_S


def _is_new(lane: Lane, now_s: float) -> bool:
    """Whether its listener waits for first audio; of a closing stream, only once that is due."""
    return lane.listener.is_silent and _is_pressing(lane, now_s)


def _lead_s(lane: Lane, now_s: float) -> float:
    return lane.due_s - now_s
