"""What goes through the two doors between Trio and the engine's thread.

Frozen values only: commands in, deliveries out.  Neither side ever touches the other's objects.
"""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from zelitrio.errors import EngineError
from zelitrio.settings import VoiceSettings
from zelitrio.text import Utterance


@attrs.frozen(kw_only=True)
class Open:
    """Give a stream a lane."""

    stream: int
    model: int
    speaker: int
    seed: int


@attrs.frozen(kw_only=True, eq=False)
class Speak:
    """Speak one utterance after what was fed before."""

    stream: int
    index: int
    utterance: Utterance
    settings: VoiceSettings
    fed_at_s: float
    """`time.perf_counter()` when it was fed: first audio is counted from here."""


@attrs.frozen(kw_only=True)
class Finish:
    """No more utterances will come."""

    stream: int


@attrs.frozen(kw_only=True)
class Credit:
    """The reader has taken audio and has room for as much again."""

    stream: int
    audio_s: float


@attrs.frozen(kw_only=True)
class Yield:
    """Let open streams go first from now on."""

    stream: int


@attrs.frozen(kw_only=True)
class Close:
    """The stream was left: forget it."""

    stream: int


@attrs.frozen
class Stop:
    """End the thread."""


Command = Open | Speak | Finish | Credit | Yield | Close | Stop


@attrs.frozen(kw_only=True, eq=False)
class Spoken:
    """Audio of one stream from one step."""

    stream: int
    utterance: int
    pcm: NDArray[np.float32]
    """[n] samples in [-1, 1], its own memory."""
    word_times_ms: tuple[tuple[int, int], ...] | None = None
    """On an utterance's first audio: start and end of each word, from the utterance's first sample."""
    length_ms: int | None = None
    """On an utterance's first audio: how long all of it will be."""
    is_last: bool
    """Whether the utterance ends with it."""


@attrs.frozen(kw_only=True)
class Ended:
    """Everything was spoken."""

    stream: int


@attrs.frozen(kw_only=True)
class Failed:
    """The stream has come to a bad end; the engine goes on."""

    stream: int
    error: EngineError


Delivery = Spoken | Ended | Failed
