"""Data of the engine's thread: a `Work` per stream, a `Step` per launched call."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from zelitrio.engine.commands import FindPhoneEdges, Speak, Stages
from zelitrio.engine.graphs import Pending
from zelitrio.engine.lanes import CurrentUtterance, Lane, Span
from zelitrio.engine.timeline import Timeline
from zelitrio.voices import Tokens


@attrs.frozen(kw_only=True, eq=False)
class Tail:
    """The last audio of an utterance cut in mid-sentence."""

    pcm: NDArray[np.float32]
    utterance: int


@attrs.define(eq=False, kw_only=True)
class Work:
    """A stream's data in the thread, besides its lane."""

    lane: Lane
    speaker: object
    seed: int
    reading: tuple[Speak, Tokens] | None = None
    """The utterance that is or was read last, and its tokens."""
    timeline: Timeline | None = None
    """The last laid out utterance."""
    noise_at: int = 0
    """Position of the utterance in the stream's noise, in frames."""
    has_audio: bool = False
    """Whether the stream has delivered audio."""
    encode_begin_s: float = 0.0
    """When the utterance's encode began."""
    encode_end_s: float = 0.0
    """When its timeline was known."""
    computed_s: float = 0.0
    """Device time spent on it since its last audio."""
    tail: Tail | None = None
    """Audio that fades out where the next utterance fades in."""
    fades_in: bool = False
    """Whether the next audio fades in without a tail, because the listener ran dry and got the tail."""

    @property
    def laid_out(self) -> Timeline:
        """The timeline of the laid out utterance."""
        assert self.timeline is not None
        return self.timeline

    def current(self, speak: Speak) -> CurrentUtterance:
        """The laid out utterance, for its lane."""
        laid_out = self.laid_out
        return CurrentUtterance(
            speak=speak, begin=laid_out.begin, end=laid_out.end, tail_end=laid_out.tail_end
        )


@attrs.define(eq=False, kw_only=True)
class Part:
    """One row of a launched window: its stream and labels."""

    work: Work
    span: Span
    word_times_ms: tuple[tuple[int, int], ...] | None = None
    length_ms: int | None = None
    phone_edges_ms: FindPhoneEdges | None = None


@attrs.frozen(kw_only=True, eq=False)
class Step:
    """A launched call and its streams."""

    pending: Pending
    begin_s: float
    """When its launch began; on a CPU this includes the computation."""
    read: tuple[tuple[Work, Speak], ...] = ()
    """Rows of an encode."""
    expanded: tuple[Work, ...] = ()
    """Rows of an expand."""
    parts: tuple[Part, ...] = ()
    """Rows of a window."""
    hop_samples: int = 0
    heard_s: float = 0.0
    """Expected seconds for its heard audio with this batch."""
    best_s: float = 0.0
    """Expected seconds for its heard audio with the best batch."""

    def landed(self, now_s: float) -> None:
        """Divide the step's time among its streams, after the result has come."""
        for work, _ in self.read:
            work.encode_begin_s = self.begin_s
        readers = (*(work for work, _ in self.read), *self.expanded)
        works = (*readers, *(part.work for part in self.parts))
        for work in works:
            work.computed_s += (now_s - self.begin_s) / len(works)
        for work in readers:
            work.encode_end_s = now_s

    def stages(self, part: Part, now_s: float, load: float) -> Stages:
        """The stages of a stream that got its first audio in this step."""
        return Stages(
            fed_s=part.span.speak.fed_at_s,
            encode_begin_s=part.work.encode_begin_s,
            encode_end_s=part.work.encode_end_s,
            window_begin_s=self.begin_s,
            window_end_s=now_s,
            load=load,
        )
