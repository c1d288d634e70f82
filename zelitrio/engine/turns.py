"""Choose the next step: its lanes and the length of their window.

A listener's *lead* is the audio that it has and has not played.  The rules, in order:

1. A stream takes part only if it has text to speak and its reader has room for audio (credit).
2. Earliest deadline first.  The deadline is when a listener that plays in real time runs dry.  A stream
   without audio is due `PATIENCE_S` after its text came.  So it goes before listeners with a long lead, but
   not before streams after their first window.  That window is short, and a codec holds up to 35 ms of it, so
   these streams would run dry after two more new streams.
3. A closing stream, which may have no listener any more, is due `CLOSING_DELAY_S` later, so open streams go
   first.  It still gets its turn, because the deadlines of served streams advance and its own does not.
4. Windows grow with the lead.  A small window is done sooner; a large one costs less per frame.  If a model
   is slow, small windows take longer than their audio lasts; then only windows that gain time are used.  On a
   CPU without load, a stream that its client has ended gets one small window per step, because the client's
   next turn waits for the present step.
5. On a GPU every ready stream joins the batch.  If a new stream waits, only streams that would run dry join
   it, because each extra row delays first audio.  On a CPU a batch costs nearly the sum of its rows.  So only
   streams as urgent as the first join it, no step takes longer than a new stream may wait, and utterances are
   read one at a time.
6. Under load steps are chosen for throughput: on a CPU four rows of the largest window make a quarter more
   audio than one, and a family with an expand step uses windows of twice the length.  But new streams, and
   streams that go before a new one, are served as without load, and no step takes more than half of its first
   listener's lead.

Nothing here uses torch, Trio or a clock: times are arguments.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs

from zelitrio.engine.lanes import Lane, Lanes, Stage
from zelitrio.engine.pace import Profile, Tempo

PATIENCE_S = 0.15
"""A first window lasts less than this; a first and a second window last longer."""
_LATENCY_STEP_S = 0.008
_THROUGHPUT_STEP_S = 0.04
_URGENT_LEAD_S = 0.05
"""A shorter lead does not outlast the next step."""
_GATHERED_S = 0.035
"""Audio that a codec can hold before it outputs a packet."""
_GAINS = 0.8
"""A window gains time if its step takes at most this part of its audio's length."""
_BUSY, _CALM = 0.75, 0.6
"""The profile becomes throughput above the first load, and latency again below the second."""


@attrs.frozen(kw_only=True)
class EncodePlan:
    """Read these lanes' next utterances together."""

    model: int
    lanes: tuple[Lane, ...]


@attrs.frozen(kw_only=True)
class ExpandPlan:
    """Expand the utterances of these lanes together."""

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
    """Chooses the next step, without changing any lane.

    Args:
        lanes: all lanes of the engine.
        is_wide: whether a batch takes about as long as one row on this device.
    """

    def __init__(self, lanes: Lanes, *, is_wide: bool) -> None:
        self.profile = Profile.LATENCY
        self._lanes = lanes
        self._is_wide = is_wide

    def adapt(self, load: float) -> None:
        """Choose the profile by the load, 0 to 1, with hysteresis."""
        if load > _BUSY:
            self.profile = Profile.THROUGHPUT
        elif load < _CALM:
            self.profile = Profile.LATENCY

    def plan(self, now_s: float) -> Plan | None:
        """Return the next step, if there is work."""
        ready = [lane for lane in self._lanes if lane.is_ready]
        if self._is_wide and any(lane.is_reading and _is_new(lane, now_s) for lane in self._lanes):
            # A new stream's utterance is being read; a step queued now would delay its first window.
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
        # On a CPU the client's next turn waits for the present step: see `Lane.is_brief`.
        is_brief = head.is_brief and not self._is_wide and profile is Profile.LATENCY
        if is_brief:
            speaking = [head]
        window = _window(speaking, tempo, now_s, profile, is_awaited=is_awaited, is_brief=is_brief)
        return WindowPlan(
            model=head.model, window=window, lanes=self._speakers(speaking, tempo, window, now_s, profile)
        )

    def _together(self, peers: Sequence[Lane], head: Lane, tempo: Tempo) -> tuple[Lane, ...]:
        """The lanes in the same stage as the head, as many as one step takes."""
        # One at a time on a CPU, because a batch costs the sum of its rows.  The durations of an utterance
        # are then bitwise independent of other streams, so they round to the same frames.
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
            # If the fixed cost of a step is high, its rows may take as long again, to share that cost.
            frames = max(step_s - pace.step_s, pace.step_s) / pace.frame_s
            limit = min(limit, max(1, int(frames / window)))
            if not is_busy and _lead_s(speaking[0], now_s) < _URGENT_LEAD_S:
                speaking = [lane for lane in speaking if _lead_s(lane, now_s) < _URGENT_LEAD_S]
        return tuple(speaking[:limit])


def _window(
    speaking: Sequence[Lane],
    tempo: Tempo,
    now_s: float,
    profile: Profile,
    *,
    is_awaited: bool,
    is_brief: bool,
) -> int:
    """The longest window that the first lane's lead allows."""
    head, ladder = speaking[0], tempo.ladder
    if head.listener.is_silent:
        return ladder.first
    # A stream that goes before a new one gets the shortest window, so that the new one waits less.
    allowed_s = min(max(_lead_s(head, now_s), 0.0) / 2, _LATENCY_STEP_S if is_awaited else math.inf)
    costs = {window: tempo.pace.window_s(window) for window in ladder.following}
    if not tempo.pace.is_wide:
        # Longer windows than full only under load, and if a new stream can wait for them.
        most_s = PATIENCE_S if profile is Profile.THROUGHPUT else 0.0
        costs = {window: cost for window, cost in costs.items() if window <= ladder.full or cost <= most_s}
    # If short windows take longer than their audio lasts, a stream that uses them never recovers.
    gaining = [
        window for window, cost_s in costs.items() if is_awaited or cost_s <= _GAINS * window * tempo.hop_s
    ] or [max(costs)]
    if is_brief:
        return min(gaining)
    fitting = [
        window
        for window in gaining
        if costs[window] <= allowed_s and (window <= ladder.full or len(speaking) <= ladder.rows(window))
    ]
    return max(fitting, default=min(gaining))


def _turn(lane: Lane) -> float:
    return lane.due_s + (PATIENCE_S if lane.listener.is_silent else 0.0)


def _is_pressing(lane: Lane, now_s: float) -> bool:
    return lane.due_s - now_s < PATIENCE_S


def _is_new(lane: Lane, now_s: float) -> bool:
    """Whether its listener waits for first audio; a closing stream counts only once it is due."""
    return lane.listener.is_silent and _is_pressing(lane, now_s)


def _lead_s(lane: Lane, now_s: float) -> float:
    return lane.due_s - now_s
