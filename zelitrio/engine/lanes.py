"""Who goes next: every stream's place in the queue, in plain Python.

The law, in order:

1. A stream takes part only if it has something to speak and its reader has room for it (credit).
2. Earliest deadline first.  A stream's deadline is the moment its listener runs dry: the audio it
   has been given, played in real time.  A stream without audio is due `PATIENCE_S` after its text
   came, so it goes before everyone who has some in hand, but not before those who were new a moment
   ago: a first window is short, and a codec gathers up to 35 ms of it before anything is heard, so
   two newcomers later they would run dry.  A stream far ahead waits.
3. A closing stream (nobody may be listening any more) is treated as due `CLOSING_DELAY_S` later, so
   open ones go first, but it is never passed over for ever: deadlines of those served move on, its
   own stands still.
4. Windows grow with the lead: small while a listener waits, large when he has plenty, because a
   large window costs less per frame and a small one is done sooner.
5. On a device that computes wide for free (a GPU) everyone ready joins the batch, unless a newcomer
   waits: what he waits for holds nobody who can wait, for rows are not free to him, and a first window
   is too short to be worth the others' while.  On a CPU a batch costs nearly the sum of its rows, so
   only those who are as urgent as the first join it, and no step is longer than a newcomer may be kept
   waiting; and chunks are read one at a time.
6. Under load steps are made for throughput: on a CPU four rows of the largest window make a quarter
   more audio than one.  But newcomers, and whoever goes before a newcomer, are served as if there
   were no load, and no step takes more than half of what its first listener has in hand.

Nothing here knows torch, Trio or a clock: times are arguments.
"""

from __future__ import annotations

import enum
import math
from collections import deque
from collections.abc import Iterator, Sequence

import attrs

from zelitrio.engine.commands import Speak

FULL_WINDOW = 64
"""Frames of the longest window that a step has all its rows of."""
WIDE_WINDOWS = (16, 32, 64, 128)
"""Following windows on a GPU, where a longer one hardly takes longer and halves what all the rest does."""
CLOSING_DELAY_S = 5.0
PATIENCE_S = 0.15
"""Longer than a first window is heard, shorter than a first and a second."""
_URGENT_LEAD_S = 0.05
"""A lead shorter than this will not outlast the next step."""
_GATHERED_S = 0.035
"""What a codec may keep of the audio that was made."""
_BUSY, _CALM = 0.75, 0.6
"""Load at which the profile turns to throughput, and at which it turns back."""


class Profile(enum.Enum):
    """What a step is made for."""

    LATENCY = "latency"
    THROUGHPUT = "throughput"


@attrs.frozen(kw_only=True)
class Pace:
    """What the device can do, measured at start (`zelitrio.engine.calibration`).

    Attributes:
        lag: frames that go in before the first comes out (`SpeechStep.lag`).
        frame_s: seconds one frame costs in a step.
        step_s: seconds a step costs before its first frame.
        is_wide: whether a batch costs about as much as its longest row.
        frames_per_s: frames per second at the best batch.
        hop_s: seconds of audio in a frame.
    """

    lag: int
    frame_s: float
    step_s: float
    is_wide: bool
    frames_per_s: float
    hop_s: float = 0.01

    @property
    def real_time_streams(self) -> float:
        """Listeners that could be fed at real time, the device doing nothing else."""
        return self.frames_per_s * self.hop_s


@attrs.frozen(kw_only=True)
class Ladder:
    """Window lengths, in frames, the bounds of a batch, and how long a step may take."""

    first: int = 24
    """A first window: the networks' lag and then this much less of it is audio."""
    following: tuple[int, ...] = (16, 32, 64)
    max_batch: int = 64
    """Rows of a step; of windows longer than FULL_WINDOW fewer, see `most_rows`."""
    max_encode: int = 8
    """Chunks encoded together."""
    latency_step_s: float = 0.008
    throughput_step_s: float = 0.04

    @property
    def windows(self) -> tuple[int, ...]:
        """Every window length that can be asked for."""
        return tuple(sorted({self.first, *self.following}))

    def rows(self, window: int) -> int:
        """Most rows of a step of that window."""
        return most_rows(window, self.max_batch)


def choose_ladder(max_batch: int, *, is_wide: bool) -> Ladder:
    """The ladder of a GPU, or of a CPU."""
    ladder = Ladder(max_batch=max_batch, max_encode=min(8, max_batch))
    return attrs.evolve(ladder, following=WIDE_WINDOWS) if is_wide else ladder


def most_rows(window: int, max_batch: int) -> int:
    """Most rows of a step of that window: of a longer one than FULL_WINDOW half as many frames in all.

    They are for few listeners far ahead, and a newcomer may have to wait for them.
    """
    return max_batch if window <= FULL_WINDOW else max(1, max_batch * FULL_WINDOW // (2 * window))


@attrs.define(eq=False, kw_only=True)
class Lane:
    """One stream's place."""

    stream: int
    slot: int
    """Row of the device's memory that is this stream's."""
    model: int
    """Which of the engine's models it speaks with; a batch is of one model."""
    credit_s: float
    """Seconds of audio its reader has room for."""
    waiting: deque[Speak] = attrs.field(factory=deque)
    current: Speak | None = None
    is_encoding: bool = False
    position: int = 0
    """Frames of the current utterance that have gone into the networks."""
    dry_at_s: float = 0.0
    """When the listener runs dry; when it has no audio, when its text came."""
    is_silent: bool = True
    """Whether the listener waits for audio."""
    is_closing: bool = False
    is_finished: bool = False
    """No more text will come."""

    @property
    def has_work(self) -> bool:
        """Whether there is anything left to speak."""
        return self.current is not None or bool(self.waiting)

    @property
    def is_ready(self) -> bool:
        """Whether the next step could do something for it."""
        # Of many lanes most have nothing to do, or no room: this is asked of all of them for every step.
        return self.credit_s > 0 and not self.is_encoding and (self.current is not None or bool(self.waiting))

    @property
    def is_spoken(self) -> bool:
        """Whether it has come to its end."""
        return self.is_finished and not self.has_work

    @property
    def due_s(self) -> float:
        """Its deadline."""
        return self.dry_at_s + (CLOSING_DELAY_S if self.is_closing else 0.0)


@attrs.frozen(kw_only=True)
class EncodePlan:
    """Read these lanes' next chunks together."""

    model: int
    lanes: tuple[Lane, ...]


@attrs.frozen(kw_only=True)
class WindowPlan:
    """Speak the next `window` frames of these lanes together."""

    model: int
    window: int
    lanes: tuple[Lane, ...]


class Lanes:
    """All streams of an engine.  Not thread-safe: the engine's thread owns it."""

    def __init__(self, pace: Pace, ladder: Ladder, slots: int) -> None:
        self.pace = pace
        self.ladder = ladder
        self.profile = Profile.LATENCY
        self._lanes: dict[int, Lane] = {}
        # The lowest free slot first: memory that was touched once is used again.
        self._free = list(range(slots - 1, -1, -1))

    def __len__(self) -> int:
        return len(self._lanes)

    def __iter__(self) -> Iterator[Lane]:
        return iter(self._lanes.values())

    @property
    def speaking(self) -> int:
        """Streams with something left to speak."""
        return sum(lane.has_work for lane in self._lanes.values())

    def find(self, stream: int) -> Lane | None:
        """The lane of a stream, or None if it was closed."""
        return self._lanes.get(stream)

    def open(self, stream: int, model: int, credit_s: float) -> Lane:
        """Give a stream a place.  The engine's face has made sure that one is free."""
        lane = Lane(stream=stream, slot=self._free.pop(), model=model, credit_s=credit_s)
        self._lanes[stream] = lane
        return lane

    def close(self, stream: int) -> Lane | None:
        """Take a stream's place away; it is in no later plan.  None if it has none."""
        lane = self._lanes.pop(stream, None)
        if lane is not None:
            self._free.append(lane.slot)
        return lane

    def feed(self, lane: Lane, what: Speak, now_s: float) -> None:
        """Queue a chunk."""
        if not lane.has_work:
            lane.is_silent = lane.dry_at_s <= now_s
            lane.dry_at_s = max(lane.dry_at_s, now_s)
        lane.waiting.append(what)

    def spoken(self, lane: Lane, audio_s: float, now_s: float) -> None:
        """Account for audio that was made: the reader has less room, the listener more to play."""
        lane.credit_s -= audio_s
        lane.dry_at_s = max(lane.dry_at_s, now_s) + audio_s
        lane.is_silent = lane.is_silent and not audio_s

    def adapt(self, load: float) -> None:
        """Choose the profile by the load, 0 to 1, with some room between turning and turning back."""
        if load > _BUSY:
            self.profile = Profile.THROUGHPUT
        elif load < _CALM:
            self.profile = Profile.LATENCY

    def plan(self, now_s: float) -> EncodePlan | WindowPlan | None:
        """The next step, or None if there is nothing to do.  Changes nothing."""
        lanes = self._lanes.values()
        ready = [lane for lane in lanes if lane.is_ready]
        if self.pace.is_wide and any(lane.is_encoding and _is_newcomer(lane, now_s) for lane in lanes):
            # A newcomer's chunk is being read: a step of others behind it would delay his first window.
            ready = [lane for lane in ready if _is_pressing(lane, now_s)]
        if not ready:
            return None
        ready.sort(key=_turn)
        head = ready[0]
        peers = [lane for lane in ready if lane.model == head.model]
        if head.current is None:
            return EncodePlan(model=head.model, lanes=self._encoders(peers))
        is_awaited = not head.is_silent and any(lane.is_silent for lane in ready)
        profile = Profile.LATENCY if head.is_silent or is_awaited else self.profile
        if self.pace.is_wide and any(_is_newcomer(lane, now_s) for lane in ready):
            peers = [lane for lane in peers if lane is head or _is_pressing(lane, now_s)]
        window = self._window(peers, now_s, is_awaited)
        return WindowPlan(
            model=head.model, window=window, lanes=self._speakers(peers, window, now_s, profile)
        )

    def _encoders(self, peers: Sequence[Lane]) -> tuple[Lane, ...]:
        # On a CPU alone: rows cost their sum anyway, and alone an utterance's durations come out the
        # same to the last bit whatever company it would have had, so they round to the same frames.
        limit = self.ladder.max_encode if self.pace.is_wide else 1
        return tuple([lane for lane in peers if lane.current is None][:limit])

    def _window(self, peers: Sequence[Lane], now_s: float, is_awaited: bool) -> int:
        head = peers[0]
        if head.is_silent:
            return self.ladder.first
        # Who goes before a newcomer does so in a step as short as can be.
        allowed_s = min(
            max(_lead_s(head, now_s), 0.0) / 2, self.ladder.latency_step_s if is_awaited else math.inf
        )
        count = sum(lane.current is not None for lane in peers)
        fitting = [
            window
            for window in self.ladder.following
            if self.pace.step_s + window * self.pace.frame_s <= allowed_s
            and (window <= FULL_WINDOW or count <= self.ladder.rows(window))
        ]
        return max(fitting, default=min(self.ladder.following))

    def _speakers(
        self, peers: Sequence[Lane], window: int, now_s: float, profile: Profile
    ) -> tuple[Lane, ...]:
        speaking = [lane for lane in peers if lane.current is not None]
        limit = self.ladder.rows(window)
        if not self.pace.is_wide:
            ladder = self.ladder
            busy = profile is Profile.THROUGHPUT
            step_s = ladder.latency_step_s
            if busy:
                lead_s = _lead_s(peers[0], now_s) - _GATHERED_S
                step_s = max(step_s, min(ladder.throughput_step_s, lead_s / 2))
            # Where the fixed cost of a step is high, sharing it is worth at least as much again.
            frames = max(step_s - self.pace.step_s, self.pace.step_s) / self.pace.frame_s
            limit = min(limit, max(1, int(frames / window)))
            if not busy and _lead_s(peers[0], now_s) < _URGENT_LEAD_S:
                speaking = [lane for lane in speaking if _lead_s(lane, now_s) < _URGENT_LEAD_S]
        return tuple(speaking[:limit])


def _turn(lane: Lane) -> float:
    return lane.due_s + (PATIENCE_S if lane.is_silent else 0.0)


def _is_pressing(lane: Lane, now_s: float) -> bool:
    """Whether its listener waits, or would run dry before a newcomer's patience ends."""
    return lane.due_s - now_s < PATIENCE_S


def _is_newcomer(lane: Lane, now_s: float) -> bool:
    """Whether its listener waits for first audio; of a closing stream, only once that is due."""
    return lane.is_silent and _is_pressing(lane, now_s)


def _lead_s(lane: Lane, now_s: float) -> float:
    return lane.due_s - now_s
