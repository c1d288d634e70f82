"""The commands and reports that pass between Trio and the engine's thread.

Frozen values only: commands in, deliveries out.  Neither side ever touches the other's objects.
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
    from zelitrio.engine.loading import Loaded


FindPhoneEdges: TypeAlias = "Callable[[Sequence[Word]], tuple[tuple[int, ...], ...]]"
"""Computes, for each word, when it begins and when each of its phones ends, in ms."""


@attrs.frozen(kw_only=True)
class Open:
    """Give a stream a lane."""

    stream: int
    model: int
    speaker: object = attrs.field(eq=False)
    seed: int


@attrs.frozen(kw_only=True, eq=False)
class Speak:
    """Speak one utterance after those fed before."""

    stream: int
    index: int
    """Number of utterances fed before."""
    utterance: Utterance
    settings: VoiceSettings
    fed_at_s: float
    """`time.perf_counter()` when it was fed; the wait for first audio counts from here."""


@attrs.frozen(kw_only=True)
class Finish:
    """No more utterances will come."""

    stream: int


@attrs.frozen(kw_only=True)
class Credit:
    """The reader has taken `audio_s` of audio: the thread may make as much again."""

    stream: int
    audio_s: float


@attrs.frozen(kw_only=True)
class Yield:
    """Take short steps for this stream from now on: its client may begin another at any moment."""

    stream: int
    is_due_later: bool = True
    """Whether open streams also go first."""


@attrs.frozen(kw_only=True)
class Close:
    """The stream's block was left: free its lane."""

    stream: int


@attrs.frozen(kw_only=True, eq=False)
class Load:
    """Add a model that another thread has loaded onto the device."""

    model: int
    loaded: Loaded


@attrs.frozen(kw_only=True)
class Unload:
    """Drop a model that no stream uses, so that its memory is freed."""

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
    """Load of the engine at the end of the window."""

    @property
    def waited_s(self) -> float:
        """From text to audio."""
        return self.window_end_s - self.fed_s


@attrs.frozen(kw_only=True, eq=False)
class Spoken:
    """Audio of one stream from one step."""

    stream: int
    utterance: int
    """`Speak.index` of the utterance."""
    pcm: NDArray[np.float32]
    """[n] samples in [-1, 1], in memory of its own."""
    word_times_ms: tuple[tuple[int, int], ...] | None = None
    """On an utterance's first audio: start and end of each word, from the utterance's first sample."""
    length_ms: int | None = None
    """On an utterance's first audio: length of the whole utterance."""
    phone_edges_ms: FindPhoneEdges | None = None
    """On an utterance's first audio: computes the edges of the phones of its words."""
    is_last: bool
    """Whether the utterance ends with this audio."""
    stages: Stages | None = None
    """On a stream's first audio."""
    computed_s: float = 0.0
    """Seconds of the device spent on the stream since its audio before."""


@attrs.frozen(kw_only=True)
class Ended:
    """The stream is finished and everything was spoken."""

    stream: int


@attrs.frozen(kw_only=True)
class Failed:
    """The stream failed and lost its lane; the engine goes on."""

    stream: int
    error: EngineError


Delivery = Spoken | Ended | Failed


@attrs.frozen(kw_only=True)
class Progress:
    """The thread's counts since it began, and its state."""

    streams: int = 0
    """Lanes that are taken."""
    encodes: int = 0
    steps: int = 0
    rows: int = 0
    audio_s: float = 0.0
    load: float = 0.0
    """The part of the last second that the thread was busy, 0 to 1."""
    at_s: float = 0.0
    """When `load` was computed, by `time.perf_counter`."""
    profile: str = "latency"
    slowness: float = 1.0
    """Time that work takes now divided by the time measured at start; at least 1."""
    graphs: tuple[str, ...] = ()
    """Names of the captured shapes."""


@attrs.frozen(kw_only=True)
class Captures:
    """The graphs that were captured at start."""

    names: tuple[str, ...] = ()
    took_s: float = 0.0
    mib: float = 0.0
    """Memory of the device that they use."""


@attrs.frozen(kw_only=True)
class Ready:
    """The thread's report when it can serve."""

    device: str
    tempos: dict[int, Tempo]
    """Speed of each loaded model, by the model's number."""
    captures: Captures
