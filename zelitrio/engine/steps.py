"""What the engine's thread keeps in its hands: a stream's work, and calls that were launched."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from zelitrio.engine.commands import Speak
from zelitrio.engine.graphs import Pending
from zelitrio.engine.lanes import Lane, Pace
from zelitrio.engine.timeline import Timeline
from zelitrio.voices import PhoneInputs


@attrs.frozen(kw_only=True)
class Captures:
    """The graphs that were captured at start."""

    names: tuple[str, ...] = ()
    took_s: float = 0.0
    mib: float = 0.0
    """Memory of the device that they hold."""


@attrs.frozen(kw_only=True)
class Ready:
    """What the thread says once it can serve."""

    device: str
    pace: Pace
    captures: Captures


@attrs.define(eq=False, kw_only=True)
class Work:
    """What the thread knows of a stream beside its place in the queue."""

    lane: Lane
    speaker: int
    seed: int
    inputs: PhoneInputs | None = None
    """Of the chunk that is read next or was read last."""
    inputs_of: Speak | None = None
    """That chunk."""
    timeline: Timeline | None = None
    noise_at: int = 0
    has_audio: bool = False
    flying: int = 0
    """Windows that were launched and not collected."""
    tail: NDArray[np.float32] | None = None
    """The end of an utterance cut in mid-sentence: it fades out under the next one."""
    tail_of: int = 0
    """Which utterance that is."""
    fades_in: bool = False
    """Its listener ran dry in mid-sentence and heard the tail alone: what comes next has nothing to join."""


@attrs.frozen(kw_only=True, eq=False)
class Part:
    """One row of a launched window: which of its samples are whose."""

    stream: Work
    speak: Speak
    begin: int  # samples of the row that are audio
    end: int
    tail_end: int  # up to here they fade out under the next utterance
    word_times_ms: tuple[tuple[int, int], ...] | None
    length_ms: int | None
    is_last: bool


@attrs.frozen(kw_only=True, eq=False)
class Step:
    """A launched call and what to do with its result."""

    pending: Pending
    encoded: tuple[tuple[Work, Speak], ...] = ()
    parts: tuple[Part, ...] = ()
