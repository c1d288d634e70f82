"""Work of the engine's thread: of each stream, and of launched calls."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from zelitrio.engine.commands import Speak
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
    tail: Tail | None = None
    """What fades out under the next utterance."""
    fades_in: bool = False
    """Its listener ran dry in mid-sentence and heard the tail: the next audio has nothing to join."""


@attrs.define(eq=False, kw_only=True)
class Part:
    """One row of a launched window, and the owner of its samples."""

    work: Work
    span: Span
    word_times_ms: tuple[tuple[int, int], ...] | None = None
    length_ms: int | None = None


@attrs.frozen(kw_only=True, eq=False)
class Step:
    """A launched call and what becomes of its result."""

    pending: Pending
    read: tuple[tuple[Work, Speak], ...] = ()
    expanded: tuple[Work, ...] = ()
    parts: tuple[Part, ...] = ()
    hop_samples: int = 0
    heard_s: float = 0.0
    """Seconds that its heard audio should take in a batch of this shape."""
    best_s: float = 0.0
    """The same at the best batch."""
