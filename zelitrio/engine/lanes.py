"""Every stream's place in the engine, and all changes of it, in plain Python.

A lane moves on in one circle.  WAITING: nothing is in hand; its next utterance, if any, is to be read.
READING: a launched step reads it.  READ: it is laid out, and a family with an expand step has that to come.
EXPANDING: a launched step does that.  SPEAKING: windows are launched until the last, and it is WAITING again.

Nothing here knows torch, Trio or a clock: times are arguments.  `zelitrio.engine.turns` decides who is next.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Iterator, Sequence

import attrs

from zelitrio.engine.commands import Speak
from zelitrio.engine.pace import Tempo

CLOSING_DELAY_S = 5.0
"""How much later than open streams a closing one is due."""


class Stage(enum.Enum):
    """Progress of a lane with its current utterance."""

    WAITING = "waiting"
    READING = "reading"
    READ = "read"
    EXPANDING = "expanding"
    SPEAKING = "speaking"


_LAUNCHED = (Stage.READING, Stage.EXPANDING)


@attrs.define(eq=False, kw_only=True)
class Chunk:
    """The utterance in hand, in frames of its model."""

    speak: Speak
    begin: int
    """The first frame that is heard."""
    end: int
    """The end of what is heard before the next utterance."""
    tail_end: int
    """The end of what the next utterance renders again, or of this one if nothing follows."""
    position: int = 0
    """Frames that have gone into the network."""


@attrs.frozen(kw_only=True)
class Span:
    """The frames of a window's row that belong to one utterance."""

    speak: Speak
    begin: int
    end: int
    tail_end: int
    is_first: bool
    is_last: bool


@attrs.define(eq=False, kw_only=True)
class Listener:
    """The listener of a stream, as far as the scheduler knows."""

    credit_s: float
    """Seconds of audio that it has room for."""
    dry_at_s: float = 0.0
    """When it has played all it was given; without audio, when its text came."""
    is_silent: bool = True
    """Whether it waits for audio."""


@attrs.define(eq=False, kw_only=True)
class Lane:
    """One stream's place.  Only `Lanes` changes it."""

    stream: int
    slot: int
    """The row of the networks' memory that is this stream's."""
    model: int
    """Which of the engine's models it speaks with; a batch is of one model."""
    listener: Listener
    waiting: deque[Speak] = attrs.field(factory=deque)
    stage: Stage = Stage.WAITING
    chunk: Chunk | None = None
    flying: int = 0
    """Windows that were launched and have not landed."""
    is_closing: bool = False
    is_finished: bool = False
    """No more text will come."""

    @property
    def has_work(self) -> bool:
        """Whether there is anything left to speak."""
        return self.stage is not Stage.WAITING or bool(self.waiting)

    @property
    def is_ready(self) -> bool:
        """Whether the next step could do something for it."""
        # Asked of all lanes for every step, and most of many have nothing to do, or no room.
        return (
            self.listener.credit_s > 0
            and (bool(self.waiting) or self.stage is not Stage.WAITING)
            and self.stage not in _LAUNCHED
        )

    @property
    def is_reading(self) -> bool:
        """Whether a launched step prepares its utterance."""
        return self.stage in _LAUNCHED

    @property
    def is_spoken(self) -> bool:
        """Whether it has come to its end, and all of it has landed."""
        return self.is_finished and not self.has_work and not self.flying

    @property
    def due_s(self) -> float:
        """Its deadline."""
        return self.listener.dry_at_s + (CLOSING_DELAY_S if self.is_closing else 0.0)


class Lanes:
    """All streams of an engine.  Not thread-safe: the engine's thread owns it."""

    def __init__(self, slots: int, credit_s: float) -> None:
        self.tempos: dict[int, Tempo] = {}
        """Of every loaded model, by its number."""
        self._credit_s = credit_s
        self._lanes: dict[int, Lane] = {}
        # The lowest free slot first: memory that was touched once is used again.
        self._free = list(range(slots - 1, -1, -1))

    def __len__(self) -> int:
        return len(self._lanes)

    def __iter__(self) -> Iterator[Lane]:
        return iter(self._lanes.values())

    def find(self, stream: int) -> Lane | None:
        """The lane of a stream, or None if it was closed."""
        return self._lanes.get(stream)

    def open(self, stream: int, model: int) -> Lane:
        """Give a stream a place.  The engine's face has made sure that one is free."""
        listener = Listener(credit_s=self._credit_s)
        lane = Lane(stream=stream, slot=self._free.pop(), model=model, listener=listener)
        self._lanes[stream] = lane
        return lane

    def close(self, lane: Lane) -> None:
        """Take a stream's place away; it is in no later plan."""
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
        """No more text will come."""
        lane.is_finished = True

    def credit(self, lane: Lane, audio_s: float) -> None:
        """The reader has room for `audio_s` more."""
        lane.listener.credit_s += audio_s

    def close_softly(self, lane: Lane) -> None:
        """Let open streams go first."""
        lane.is_closing = True

    def begin_reading(self, lanes: Sequence[Lane]) -> None:
        """A step was launched that reads their next utterances."""
        for lane in lanes:
            assert lane.stage is Stage.WAITING
            lane.stage = Stage.READING

    def read(self, lane: Lane, chunk: Chunk) -> None:
        """Its utterance was read and laid out."""
        assert lane.stage is Stage.READING and chunk.speak is lane.waiting[0]
        lane.waiting.popleft()
        lane.chunk = chunk
        lane.stage = Stage.READ if self.tempos[lane.model].expands else Stage.SPEAKING

    def begin_expanding(self, lanes: Sequence[Lane]) -> None:
        """A step was launched that expands their utterances."""
        for lane in lanes:
            assert lane.stage is Stage.READ
            lane.stage = Stage.EXPANDING

    def expanded(self, lane: Lane, chunk: Chunk) -> None:
        """Its utterance can be spoken in windows; its audible part can have changed."""
        assert lane.stage is Stage.EXPANDING
        lane.chunk, lane.stage = chunk, Stage.SPEAKING

    def advance(self, lane: Lane, window: int, now_s: float) -> Span:
        """A window of it was launched: that counts as spoken from now on."""
        chunk, tempo, listener = lane.chunk, self.tempos[lane.model], lane.listener
        assert lane.stage is Stage.SPEAKING and chunk is not None
        first = chunk.position - tempo.lag  # frame of the row's first sample
        chunk.position += window
        lane.flying += 1
        # All in frames of the row.  An utterance may end a frame before a window does: then the rest of
        # its tail comes at the beginning of one more, which has nothing else.
        edges = (chunk.begin, chunk.end, chunk.tail_end)
        begin, end, tail_end = (min(max(0, edge - first), window) for edge in edges)
        is_last = first + window >= chunk.tail_end
        audio_s = (end - begin) * tempo.hop_s
        listener.credit_s -= audio_s
        listener.dry_at_s = max(listener.dry_at_s, now_s) + audio_s
        listener.is_silent = listener.is_silent and not audio_s
        if is_last:
            lane.chunk, lane.stage = None, Stage.WAITING
        return Span(
            speak=chunk.speak,
            begin=begin,
            end=end,
            tail_end=tail_end,
            is_first=first <= chunk.begin < first + window,
            is_last=is_last,
        )

    def land(self, lane: Lane) -> None:
        """A launched window of it has come back."""
        lane.flying -= 1
