"""A stream of the engine: fed utterances without waiting, iterated for audio."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING

import attrs
import numpy as np
import trio
from numpy.typing import NDArray

from zelitrio.engine.commands import Credit, Delivery, Ended, Failed, Finish, Speak, Spoken, Yield
from zelitrio.engine.timeline import faded
from zelitrio.errors import LocalError
from zelitrio.settings import VoiceSettings
from zelitrio.text import Utterance
from zelitrio.voices import Voice

if TYPE_CHECKING:
    from zelitrio.engine.engine import Engine

_CREDITED_AT_ONCE = 0.25
"""Part of a stream's credit that is read before the thread is told."""


@attrs.frozen(kw_only=True, eq=False)
class AudioBlock:
    """Some audio of one stream."""

    pcm: NDArray[np.float32]
    """[n] samples in [-1, 1]."""
    sample_rate_hz: int
    utterance: Utterance
    """What it speaks, as it was fed."""
    word_times_ms: tuple[tuple[int, int], ...] | None
    """On an utterance's first block: start and end of each of its words, counted from the block's first
    sample."""
    length_ms: int | None = None
    """On an utterance's first block: how long the whole utterance is, the silence at its end included."""
    is_last: bool
    """Whether the utterance ends with this block.  Of a sentence that is left open when its stream is
    finished or its listener runs dry, the last 20 ms come late, in one more block that says so again."""


class EngineStream:
    """One conversation's speech, in order.  Made by `Engine.open_stream`.

    Iterate it for `AudioBlock`s: the iteration waits for audio, can be cancelled at any time
    without loss of samples, and ends after `finish` once everything fed was spoken.  One task may
    iterate.

    Raises (from the iteration):
        UtteranceError: this stream's utterance failed; other streams go on.
        EngineError: the engine is gone.
    """

    def __init__(self, engine: Engine, number: int, voice: Voice, settings: VoiceSettings) -> None:
        self._engine = engine
        self._number = number
        self._fade_ms = voice.fade_ms
        self._settings = settings
        self._fed: list[Utterance] = []
        self._is_finished = False
        self._taken_s = 0.0  # read, and not told yet
        self.is_speaking = False
        # Unbounded, and yet it cannot grow without end: the thread stops at `credit_s` unread.
        self._sender, self._receiver = trio.open_memory_channel[Delivery](float("inf"))

    def feed(self, utterance: Utterance, *, settings: VoiceSettings | None = None) -> None:
        """Speak this after what was fed before.  Never waits.

        Args:
            utterance: the next of a `StreamReader` for the voice's limit.
            settings: from here on; None keeps those of the last call.

        Raises:
            LocalError: the stream is finished.
            EngineError: the engine is gone.
        """
        if self._is_finished:
            raise LocalError("stream: expected no text after finish()")
        self._engine.check()
        if settings is not None:
            self._settings = settings
        self._give_credit()  # of what was read while there was nothing to speak
        self._engine.tell(
            Speak(
                stream=self._number,
                index=len(self._fed),
                utterance=utterance,
                settings=self._settings,
                fed_at_s=time.perf_counter(),
            )
        )
        self._fed.append(utterance)
        self.is_speaking = True

    def finish(self) -> None:
        """Say that no more text will come.  Never waits; a second call does nothing."""
        if not self._is_finished:
            self._is_finished = True
            self._engine.tell(Finish(stream=self._number))

    def close_softly(self) -> None:
        """Let open streams go first from now on: perhaps nobody is listening to this one any more."""
        self._engine.tell(Yield(stream=self._number))

    def __aiter__(self) -> AsyncIterator[AudioBlock]:
        return self

    async def __anext__(self) -> AudioBlock:
        try:
            delivery = await self._receiver.receive()
        except trio.EndOfChannel:
            self._engine.check()
            raise StopAsyncIteration from None
        match delivery:
            case Spoken():
                return self._block(delivery)
            case Failed():
                raise delivery.error
            case _:
                self._sender.close()
                raise StopAsyncIteration

    def _give_credit(self) -> None:
        """Tell the thread how much was read since it was told last."""
        taken_s, self._taken_s = self._taken_s, 0.0
        if taken_s:
            self._engine.tell(Credit(stream=self._number, audio_s=taken_s))

    def _block(self, spoken: Spoken) -> AudioBlock:
        utterance = self._fed[spoken.utterance]
        rate_hz = self._engine.sample_rate_hz
        self._taken_s += len(spoken.pcm) / rate_hz
        # Each command wakes the thread up: not for a little audio, nor while there is nothing to speak.
        if self.is_speaking and self._taken_s >= _CREDITED_AT_ONCE * self._engine.settings.credit_s:
            self._give_credit()
        times_ms = spoken.word_times_ms
        return AudioBlock(
            pcm=spoken.pcm,
            sample_rate_hz=rate_hz,
            utterance=utterance,
            word_times_ms=None if times_ms is None else faded(times_ms, utterance.words, self._fade_ms),
            length_ms=spoken.length_ms,
            is_last=spoken.is_last,
        )

    def deliver(self, delivery: Delivery) -> None:
        """Take what the thread has made; called by the engine.  Never raises."""
        if isinstance(delivery, Ended | Failed) or (
            isinstance(delivery, Spoken) and delivery.is_last and delivery.utterance == len(self._fed) - 1
        ):
            self.is_speaking = False
        # The stream may have been left while this was on its way.
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            self._sender.send_nowait(delivery)

    def leave(self) -> None:
        """Drop whatever is still to come; called by the engine."""
        self._receiver.close()

    def abandon(self) -> None:
        """Wake the reader up: the engine is gone."""
        self._sender.close()
