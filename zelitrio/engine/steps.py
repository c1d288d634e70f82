"""Work of the engine's thread: of each stream, and of launched calls."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from zelitrio.engine.commands import PhoneEdges, Speak, Stages
from zelitrio.engine.graphs import Pending
from zelitrio.engine.lanes import Lane, Span
from zelitrio.engine.timeline import Timeline
from zelitrio.voices import Tokens


@attrs.frozen(kw_only=True, eq=False)
class Tail:
    """The end of an utterance that was cut in mid-sentence."""

    pcm: NDArray[np.float32]
    utterance: int


@attrs.define(eq=False, kw_only=True)
class Work:
    """The thread's data of a stream, besides its lane."""

    lane: Lane
    speaker: object
    seed: int
    reading: tuple[Speak, Tokens] | None = None
    """The utterance that is read next or was read last, and its tokens."""
    timeline: Timeline | None = None
    noise_at: int = 0
    has_audio: bool = False
    encode_begin_s: float = 0.0
    """When the utterance's encode began."""
    encode_end_s: float = 0.0
    """When its timeline was known."""
    computed_s: float = 0.0
    """Its share of steps since its last audio."""
    tail: Tail | None = None
    """What fades out under the next utterance."""
    fades_in: bool = False
    """Its listener ran dry in mid-sentence and heard the tail: the next audio has nothing to join."""

    @property
    def laid_out(self) -> Timeline:
        """The timeline, where there must be one."""
        assert self.timeline is not None
        return self.timeline


@attrs.define(eq=False, kw_only=True)
class Part:
    """One row of a launched window, and the owner of its samples."""

    work: Work
    span: Span
    word_times_ms: tuple[tuple[int, int], ...] | None = None
    length_ms: int | None = None
    phone_edges_ms: PhoneEdges | None = None


@attrs.frozen(kw_only=True, eq=False)
class Step:
    """A launched call and what becomes of its result."""

    pending: Pending
    begin_s: float
    """When its launch began; a CPU computes before the launch ends."""
    read: tuple[tuple[Work, Speak], ...] = ()
    expanded: tuple[Work, ...] = ()
    parts: tuple[Part, ...] = ()
    hop_samples: int = 0
    heard_s: float = 0.0
    """Seconds that its heard audio should take in a batch of this shape."""
    best_s: float = 0.0
    """The same at the best batch."""

    def landed(self, now_s: float) -> None:
        """Share its time among its streams, now that its result is there."""
        for work, _ in self.read:
            work.encode_begin_s = self.begin_s
        readers = (*(work for work, _ in self.read), *self.expanded)
        works = (*readers, *(part.work for part in self.parts))
        for work in works:
            work.computed_s += (now_s - self.begin_s) / len(works)
        for work in readers:
            work.encode_end_s = now_s

    def stages(self, part: Part, now_s: float, load: float) -> Stages:
        """When the parts of a stream's first audio happened; it came with this step."""
        return Stages(
            fed_s=part.span.speak.fed_at_s,
            encode_begin_s=part.work.encode_begin_s,
            encode_end_s=part.work.encode_end_s,
            window_begin_s=self.begin_s,
            window_end_s=now_s,
            load=load,
        )
