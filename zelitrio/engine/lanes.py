"""Every stream's lane, and all transitions of lanes, in plain Python.

A lane goes through these stages for each utterance.  WAITING: the next utterance can be read (encoded).
READING: a launched step reads it.  READ: it is laid out; families with an expand step expand it next.
EXPANDING: a launched step expands it.  SPEAKING: its windows are launched; after the last, the lane is
WAITING.

Nothing here uses torch, Trio or a clock: times are arguments.  `zelitrio.engine.turns` chooses the next step.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Iterator, Sequence

import attrs

from zelitrio.engine.commands import Speak
from zelitrio.engine.pace import Tempo

CLOSING_DELAY_S = 5.0
"""A closing stream is due this much later than an open one."""


class Stage(enum.Enum):
    """A lane's progress with its current utterance."""

    WAITING = "waiting"
    READING = "reading"
    READ = "read"
    EXPANDING = "expanding"
    SPEAKING = "speaking"


_LAUNCHED = (Stage.READING, Stage.EXPANDING)


@attrs.define(eq=False, kw_only=True)
class CurrentUtterance:
    """A lane's current utterance, in frames of its model."""

    speak: Speak
    begin: int
    """The first heard frame."""
    end: int
    """The frame after the last one heard before the next utterance."""
    tail_end: int
    """The frame after the tail, which is heard only if no utterance continues this one."""
    position: int = 0
    """Frames in launched windows."""


@attrs.frozen(kw_only=True)
class Span:
    """The heard part of a window's row, in frames from the row's first sample."""

    speak: Speak
    begin: int
    end: int
    tail_end: int
    is_first: bool
    is_last: bool


@attrs.define(eq=False, kw_only=True)
class Listener:
    """The scheduler's model of a stream's listener, which plays in real time.

    Audio counts as given when its window is launched.
    """

    credit_s: float
    """Seconds of audio that the reader has room for."""
    dry_at_s: float = 0.0
    """When it runs dry; before its first audio: when its text came."""
    is_silent: bool = True
    """Whether it waits for audio with an empty buffer."""


@attrs.define(eq=False, kw_only=True)
class Lane:
    """A stream's place in the scheduler.  Only `Lanes` changes it."""

    stream: int
    slot: int
    """The row of the networks' per-stream memory."""
    model: int
    """Number of its model; a batch has only one model."""
    listener: Listener
    waiting: deque[Speak] = attrs.field(factory=deque)
    """Utterances that are not read yet."""
    stage: Stage = Stage.WAITING
    current: CurrentUtterance | None = None
    flying: int = 0
    """Launched windows without a result."""
    is_closing: bool = False
    is_brief: bool = False
    """Whether its steps are short, because the client may begin another stream at any moment."""
    is_finished: bool = False
    """No more text will come."""

    @property
    def has_work(self) -> bool:
        """Whether there is text left to speak."""
        return self.stage is not Stage.WAITING or bool(self.waiting)

    @property
    def is_ready(self) -> bool:
        """Whether it can take part in the next step."""
        # Called for all lanes at every step.  Most have no work or no credit, so these tests come first.
        return (
            self.listener.credit_s > 0
            and (bool(self.waiting) or self.stage is not Stage.WAITING)
            and self.stage not in _LAUNCHED
        )

    @property
    def is_reading(self) -> bool:
        """Whether a launched step reads or expands its utterance."""
        return self.stage in _LAUNCHED

    @property
    def is_spoken(self) -> bool:
        """Whether it is finished, with the results of all its windows."""
        return self.is_finished and not self.has_work and not self.flying

    @property
    def due_s(self) -> float:
        """The deadline: when the listener runs dry, later for a closing stream."""
        return self.listener.dry_at_s + (CLOSING_DELAY_S if self.is_closing else 0.0)


class Lanes:
    """All lanes of an engine.  Not thread-safe: the engine's thread owns it.

    Args:
        slots: largest number of streams.
        credit_s: seconds of audio that a stream may have unread.
    """

    def __init__(self, slots: int, credit_s: float) -> None:
        self.tempos: dict[int, Tempo] = {}
        """Speed of each loaded model, by number."""
        self._credit_s = credit_s
        self._lanes: dict[int, Lane] = {}
        # The lowest free slot is used first, so that pages of unused memory stay unmapped.
        self._free = list(range(slots - 1, -1, -1))

    def __len__(self) -> int:
        return len(self._lanes)

    def __iter__(self) -> Iterator[Lane]:
        return iter(self._lanes.values())

    def find(self, stream: int) -> Lane | None:
        """Return a stream's lane; None after it was closed."""
        return self._lanes.get(stream)

    def open(self, stream: int, model: int) -> Lane:
        """Give a stream a lane.  Admission ensures that a slot is free."""
        listener = Listener(credit_s=self._credit_s)
        lane = Lane(stream=stream, slot=self._free.pop(), model=model, listener=listener)
        self._lanes[stream] = lane
        return lane

    def close(self, lane: Lane) -> None:
        """Free a stream's lane; a second call does nothing."""
        if self._lanes.pop(lane.stream, None) is not None:
            self._free.append(lane.slot)

    def feed(self, lane: Lane, what: Speak, now_s: float) -> None:
        """Queue an utterance."""
        listener = lane.listener
        if not lane.has_work:
            listener.is_silent = listener.dry_at_s <= now_s
            listener.dry_at_s = max(listener.dry_at_s, now_s)
        lane.waiting.append(what)

    def finish(self, lane: Lane) -> None:
        """Note that no more text will come."""
        lane.is_finished = True

    def credit(self, lane: Lane, audio_s: float) -> None:
        """Note that the reader has room for `audio_s` more."""
        lane.listener.credit_s += audio_s

    def close_softly(self, lane: Lane, *, is_due_later: bool = True) -> None:
        """Keep a lane's steps short, and let open streams go first if it is due later."""
        lane.is_brief = True
        lane.is_closing = lane.is_closing or is_due_later

    def begin_reading(self, lanes: Sequence[Lane]) -> None:
        """Note a launched step that reads the lanes' next utterances."""
        for lane in lanes:
            assert lane.stage is Stage.WAITING
            lane.stage = Stage.READING

    def read(self, lane: Lane, current: CurrentUtterance) -> None:
        """Note that the lane's utterance was laid out."""
        assert lane.stage is Stage.READING and current.speak is lane.waiting[0]
        lane.waiting.popleft()
        lane.current = current
        lane.stage = Stage.READ if self.tempos[lane.model].expands else Stage.SPEAKING

    def begin_expanding(self, lanes: Sequence[Lane]) -> None:
        """Note a launched step that expands the lanes' utterances."""
        for lane in lanes:
            assert lane.stage is Stage.READ
            lane.stage = Stage.EXPANDING

    def expanded(self, lane: Lane, current: CurrentUtterance) -> None:
        """Note that the lane's utterance was expanded; its heard part may have changed."""
        assert lane.stage is Stage.EXPANDING
        if not self.tempos[lane.model].keeps_state:
            current.position = current.begin
        lane.current, lane.stage = current, Stage.SPEAKING

    def advance(self, lane: Lane, window: int, now_s: float) -> Span:
        """Note that the lane's next window was launched; return its heard part."""
        current, tempo, listener = lane.current, self.tempos[lane.model], lane.listener
        assert lane.stage is Stage.SPEAKING and current is not None
        first = current.position - tempo.lag  # frame of the row's first sample
        current.position += window
        lane.flying += 1
        # The edges in frames of the row.  If the tail does not fit, its rest comes in one more window.
        edges = (current.begin, current.end, current.tail_end)
        begin, end, tail_end = (min(max(0, edge - first), window) for edge in edges)
        is_last = first + window >= current.tail_end
        audio_s = (end - begin) * tempo.hop_s
        listener.credit_s -= audio_s
        listener.dry_at_s = max(listener.dry_at_s, now_s) + audio_s
        listener.is_silent = listener.is_silent and not audio_s
        if is_last:
            lane.current, lane.stage = None, Stage.WAITING
        return Span(
            speak=current.speak,
            begin=begin,
            end=end,
            tail_end=tail_end,
            is_first=first <= current.begin < first + window,
            is_last=is_last,
        )

    def land(self, lane: Lane) -> None:
        """Note that the result of a window has come."""
        lane.flying -= 1
