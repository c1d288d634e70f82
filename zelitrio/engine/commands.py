"""Commands from Trio to the engine's thread, and its reports.

All are frozen values.  Neither side touches the other's objects.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from zelitrio.engine.pace import Tempo
from zelitrio.errors import EngineError
from zelitrio.settings import VoiceSettings
from zelitrio.text import Utterance, Word

if TYPE_CHECKING:
    from zelitrio.engine.loading import ReadyModel


FindPhoneEdges: TypeAlias = "Callable[[Sequence[Word]], tuple[tuple[int, ...], ...]]"
"""Computes each word's start and the ends of its phones, in ms."""


@attrs.frozen(kw_only=True)
class Open:
    """Give a stream a lane."""

    stream: int
    model: int
    speaker: object = attrs.field(eq=False)
    seed: int


@attrs.frozen(kw_only=True, eq=False)
class Speak:
    """Speak an utterance after earlier ones."""

    stream: int
    index: int
    """Number of earlier utterances."""
    utterance: Utterance
    settings: VoiceSettings
    fed_at_s: float
    """`time.perf_counter()` of `feed`; the wait for first audio starts here."""


@attrs.frozen(kw_only=True)
class Finish:
    """No more utterances will come."""

    stream: int


@attrs.frozen(kw_only=True)
class Credit:
    """The reader has taken `audio_s` of audio, so the thread may make as much again."""

    stream: int
    audio_s: float


@attrs.frozen(kw_only=True)
class Yield:
    """Use short steps for this stream, because its client may begin another one at any moment."""

    stream: int
    is_due_later: bool = True
    """Whether open streams also go first."""


@attrs.frozen(kw_only=True)
class Close:
    """Free the lane of a stream after the end of its block."""

    stream: int


@attrs.frozen(kw_only=True, eq=False)
class Load:
    """Add a model that another thread has loaded."""

    model: int
    loaded: ReadyModel


@attrs.frozen(kw_only=True)
class Unload:
    """Drop an unused model to free its memory."""

    model: int


@attrs.frozen
class Stop:
    """End the thread."""


Command = Open | Speak | Finish | Credit | Yield | Close | Load | Unload | Stop


@attrs.frozen(kw_only=True)
class Stages:
    """The stages of a stream up to its first audio, in seconds of `time.perf_counter`."""

    fed_s: float
    encode_begin_s: float
    encode_end_s: float
    """When the utterance's timeline was known."""
    window_begin_s: float
    window_end_s: float
    load: float
    """The engine's load at the end of the window."""

    @property
    def waited_s(self) -> float:
        """Seconds from text to audio."""
        return self.window_end_s - self.fed_s


@attrs.frozen(kw_only=True, eq=False)
class Spoken:
    """Audio of one stream from one step."""

    stream: int
    utterance: int
    """`Speak.index` of the utterance."""
    pcm: NDArray[np.float32]
    """[n] samples in [-1, 1], in its own memory."""
    word_times_ms: tuple[tuple[int, int], ...] | None = None
    """On an utterance's first audio: start and end of each word, from its first sample."""
    length_ms: int | None = None
    """On an utterance's first audio: its whole length."""
    phone_edges_ms: FindPhoneEdges | None = None
    """On an utterance's first audio: computes the edges of its phones."""
    is_last: bool
    """Whether the utterance ends with this audio."""
    stages: Stages | None = None
    """On a stream's first audio."""
    computed_s: float = 0.0
    """Device time spent on the stream since its last audio."""


@attrs.frozen(kw_only=True)
class Ended:
    """Everything of a finished stream was spoken."""

    stream: int


@attrs.frozen(kw_only=True)
class Failed:
    """The stream failed and lost its lane; the engine continues."""

    stream: int
    error: EngineError


Delivery = Spoken | Ended | Failed


@attrs.frozen(kw_only=True)
class Progress:
    """The thread's counters and state."""

    streams: int = 0
    """Taken lanes."""
    encodes: int = 0
    steps: int = 0
    rows: int = 0
    audio_s: float = 0.0
    load: float = 0.0
    """Share of the last second in which the thread was busy."""
    at_s: float = 0.0
    """`time.perf_counter()` of `load`."""
    profile: str = "latency"
    slowness: float = 1.0
    """Present duration of work divided by that measured at start; at least 1."""
    graphs: tuple[str, ...] = ()
    """Names of the captured shapes."""


@attrs.frozen(kw_only=True)
class Captures:
    """The graphs captured at start."""

    names: tuple[str, ...] = ()
    took_s: float = 0.0
    mib: float = 0.0
    """Device memory of the graphs."""


@attrs.frozen(kw_only=True)
class Ready:
    """The thread's report when it can serve."""

    device: str
    tempos: dict[int, Tempo]
    """Speed of each loaded model, by number."""
    captures: Captures
