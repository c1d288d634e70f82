"""A stream of the engine: takes utterances without waiting, and yields audio by iteration."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import TypeAlias

import attrs
import numpy as np
import trio
from numpy.typing import NDArray

from zelitrio.engine.admission import Member
from zelitrio.engine.commands import (
    Command,
    Credit,
    Delivery,
    Failed,
    Finish,
    Speak,
    Spoken,
    Stages,
    Yield,
)
from zelitrio.engine.timeline import faded
from zelitrio.errors import LocalError, UtteranceError
from zelitrio.settings import VoiceSettings
from zelitrio.text import Utterance
from zelitrio.voices import Voice

_CREDITED_AT_ONCE = 0.5
"""The part of a stream's credit that is read before the thread gets a `Credit`."""


@attrs.frozen(kw_only=True, eq=False)
class AudioBlock:
    """Some audio of one stream."""

    pcm: NDArray[np.float32]
    """[n] samples in [-1, 1]."""
    sample_rate_hz: int
    utterance: Utterance
    word_times_ms: tuple[tuple[int, int], ...] | None
    """On an utterance's first block: start and end of each word, from its first sample."""
    length_ms: int | None = None
    """On an utterance's first block: the utterance's whole length, with the silence at its end."""
    phone_edges_ms: Callable[[], tuple[tuple[int, ...], ...]] | None = None
    """On an utterance's first block: computes each word's start and the ends of its phones."""
    is_last: bool
    """Whether the utterance ends with this block.  An utterance cut in mid-sentence can have two such blocks:
    its last 20 ms come later if no utterance continues it before an underrun or the end of the stream."""
    stages: Stages | None = None
    """On a stream's first block: the times of its stages."""
    computed_s: float = 0.0
    """Device time spent on the stream since its last block."""


_Waiting: TypeAlias = AudioBlock | Exception | None
"""An entry for the iteration: a block, an error to raise, or None for the end."""


@attrs.frozen(kw_only=True, eq=False)
class Door:
    """The engine's functions for its streams."""

    tell: Callable[[Command], None]
    """Send the thread a command.  Never waits."""
    check: Callable[[], None]
    """Raise an error if the engine cannot be used here."""
    check_run: Callable[[], None]
    """Raise an error if this is not the Trio run of the engine."""
    credit_s: float
    """Seconds of audio that a stream may have unread."""


class EngineStream:
    """One conversation's speech, in order.  Made by `Engine.open_stream`.

    Iterate it in one task for `AudioBlock`s.  The iteration waits for audio; cancelling it loses no samples.
    It ends after `finish`, when all utterances are spoken.

    Raises (from the iteration):
        UtteranceError: an utterance of this stream failed.
        EngineError: the engine has ended.
    """

    def __init__(
        self, door: Door, number: int, voice: Voice, settings: VoiceSettings, member: Member
    ) -> None:
        self._door = door
        self._number = number
        self._voice = voice
        self._settings = settings
        self._member = member
        self._fed: list[Utterance] = []
        self._is_finished = False
        self._taken_s = 0.0  # read audio without credit
        # Unbounded, but the thread stops at `credit_s` of unread audio.  Not a memory channel, because
        # opening one costs as much as a block.
        self._unread: deque[_Waiting] = deque()
        self._is_over = False
        """Whether later deliveries are dropped."""
        self._arrived: trio.Event | None = None
        """Set when the iteration can continue."""
        self._take: Callable[[AudioBlock], bool] | None = None

    @property
    def is_speaking(self) -> bool:
        """Whether there is text left to speak."""
        return self._member.is_speaking

    def feed(self, utterance: Utterance, *, settings: VoiceSettings | None = None) -> None:
        """Speak an utterance after earlier ones; never waits.

        Args:
            utterance: from a `StreamReader` with the voice's limit, in order.
            settings: used from this utterance on; None: the last settings.

        Raises:
            LocalError: the stream is finished, or belongs to another Trio run.
            EngineError: the engine has ended.
        """
        if self._is_finished:
            raise LocalError("stream: expected no text after finish()")
        self._door.check()
        if settings is not None:
            self._settings = settings
        self._give_credit()  # for audio that was read while there was no text
        self._door.tell(
            Speak(
                stream=self._number,
                index=len(self._fed),
                utterance=utterance,
                settings=self._settings,
                fed_at_s=time.perf_counter(),
            )
        )
        self._fed.append(utterance)
        if not self._member.is_speaking:
            self._member.is_speaking = self._member.was_fed = True
            self._member.has_audio = False

    def finish(self) -> None:
        """End the text; never waits; a second call does nothing."""
        if not self._is_finished:
            self._is_finished = True
            self._door.tell(Finish(stream=self._number))

    def close_softly(self, *, is_due_later: bool = True, is_abandoned: bool = False) -> None:
        """Use short steps from now on, because the client may begin another stream at any moment.

        Args:
            is_due_later: whether open streams also go first, because this one may have no listener any more.
            is_abandoned: whether the client has begun other speech.  Then a new stream may take this one's
                place, which ends the iteration early.
        """
        self._member.is_abandoned = self._member.is_abandoned or is_abandoned
        self._door.tell(Yield(stream=self._number, is_due_later=is_due_later))

    def hand_to(self, take: Callable[[AudioBlock], bool] | None) -> None:
        """Pass blocks to a function as they come, outside of any task; None ends that.

        The function is called while the iteration has nothing left to read.  The iteration gets the blocks
        for which it returns False, later blocks until such a block is read, and an error that it raises.
        """
        self._take = take

    def __aiter__(self) -> AsyncIterator[AudioBlock]:
        return self

    async def __anext__(self) -> AudioBlock:
        self._door.check_run()
        if self._unread or self._is_over:
            await trio.lowlevel.checkpoint()
        else:
            self._arrived = trio.Event()
            await self._arrived.wait()
        if not self._unread:
            self._door.check()
            raise StopAsyncIteration
        waiting = self._unread.popleft()
        if isinstance(waiting, Exception):
            raise waiting
        if waiting is None:
            self._is_over = True
            raise StopAsyncIteration
        self._was_read(waiting)
        return waiting

    def _give_credit(self) -> None:
        taken_s, self._taken_s = self._taken_s, 0.0
        if taken_s:
            self._door.tell(Credit(stream=self._number, audio_s=taken_s))

    def _was_read(self, block: AudioBlock) -> None:
        self._taken_s += len(block.pcm) / block.sample_rate_hz
        # A command wakes the thread, so none is sent for little audio or without text.
        if self.is_speaking and self._taken_s >= _CREDITED_AT_ONCE * self._door.credit_s:
            self._give_credit()

    def _block(self, spoken: Spoken) -> AudioBlock:
        utterance = self._fed[spoken.utterance]
        times_ms, edges = spoken.word_times_ms, spoken.phone_edges_ms
        return AudioBlock(
            pcm=spoken.pcm,
            sample_rate_hz=self._voice.sample_rate_hz,
            utterance=utterance,
            word_times_ms=None if times_ms is None else faded(times_ms, utterance.words, self._voice.fade_ms),
            length_ms=spoken.length_ms,
            phone_edges_ms=None if edges is None else partial(edges, utterance.words),
            is_last=spoken.is_last,
            stages=spoken.stages,
            computed_s=spoken.computed_s,
        )

    def deliver(self, delivery: Delivery) -> None:
        """Take a delivery of the thread; called by the engine; never raises."""
        member = self._member
        if not isinstance(delivery, Spoken):
            member.is_speaking = False
            self._keep(delivery.error if isinstance(delivery, Failed) else None)
            return
        if len(delivery.pcm):
            member.has_audio = True
        if delivery.is_last and delivery.utterance == len(self._fed) - 1:
            member.is_speaking = False
        try:
            block = self._block(delivery)
        except Exception as error:  # raised here it would end the whole program
            self._keep(UtteranceError(f"cannot speak: {error!r}"))
            return
        self._offer(block)

    def _offer(self, block: AudioBlock) -> None:
        if self._take is not None and not self._unread:
            try:
                is_taken = self._take(block)
            except Exception as error:
                self._take = None
                self._keep(error)
                return
            if is_taken:
                self._was_read(block)
                return
        self._keep(block)

    def _keep(self, waiting: _Waiting) -> None:
        if not self._is_over:  # the stream's block may have ended since the thread sent this
            self._unread.append(waiting)
            self._wake()

    def _wake(self) -> None:
        if self._arrived is not None:
            self._arrived.set()
            self._arrived = None

    def leave(self) -> None:
        """Drop later deliveries; called by the engine at the end of the stream's block."""
        self._unread.clear()
        self.end()

    def end(self) -> None:
        """End the iteration, because the engine ended or the stream lost its place; called by the engine."""
        self._is_over = True
        self._wake()
