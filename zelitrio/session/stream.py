"""One stream: text goes in without waiting, packets come out.

    reader -> TextHalf -> scheduler -> engine -> encoder -> AudioHalf -> deliver()

The *reader* calls `text`, `end` and `discard`, which return at once, so it is always receiving.  The
*scheduler* feeds the engine a few utterances ahead.  The *encoder* turns the engine's blocks into packets.
Scheduler and encoder share a lane of the engine.
"""

from __future__ import annotations

import contextvars
import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias

import trio

from zelitrio.errors import CapacityError
from zelitrio.protocol import ChunkSchedule
from zelitrio.session.audio_half import AudioHalf, Deliver, DirectSink
from zelitrio.session.notices import Notices
from zelitrio.session.options import StreamOptions, make_audio_half
from zelitrio.session.pending import Speech
from zelitrio.session.service import EngineStreamLike, Service
from zelitrio.session.signals import Signal
from zelitrio.session.text_half import MAX_PENDING_CHARS, Flush, TextHalf
from zelitrio.session.traces import FirstAudio
from zelitrio.settings import VoiceSettings
from zelitrio.text import SkippedParts, StreamReader

if TYPE_CHECKING:
    from zelitrio.engine import AudioBlock
    from zelitrio.voices import Voice

UTTERANCES_AHEAD = 3
"""Utterances in the engine: the present one, the next, and one more because the next may be a single word.
A barge-in throws the others away."""


TellFlushes: TypeAlias = "Callable[[Sequence[Flush]], None]"
"""Called with flushes after all their audio was delivered; must not wait or raise."""


def _ignore() -> None:
    """Default callback."""


def ignore_flushes(flushes: Sequence[Flush]) -> None:
    """Default callback: does nothing."""


class SpeechStream:
    """One conversation from text to audio.  `run` does the work; the other methods return at once.

    Args:
        service: shared by all streams.
        options: how to read, speak and encode.
        schedule: releases chunks.
        tell_flushes: called with spoken flushes, possibly several in one call.
        notices: shared by the turns of a dialogue; None: the stream has its own.

    Attributes:
        text_half: the text that is not spoken yet.
        on_change: called when `is_busy` may have changed; must not wait or raise.
    """

    def __init__(
        self,
        service: Service,
        options: StreamOptions,
        schedule: ChunkSchedule,
        tell_flushes: TellFlushes = ignore_flushes,
        notices: Notices | None = None,
    ) -> None:
        reading = options.reading
        skips = service.settings
        skipped = SkippedParts(code=skips.code_blocks == "skip", reasoning=skips.reasoning_blocks == "skip")
        front_end = options.voice.front_end(reading.front_end or service.front_end)
        reader = StreamReader(front_end, reading, options.voice.limit, skipped)
        self.notices = notices or Notices(service.observer)
        note = self.notices.of(options.voice.language, ssml=reading.ssml)
        self.text_half = TextHalf(schedule, options.settings, reader, note)
        self.on_change: Callable[[], None] = _ignore
        self._report_flushes = tell_flushes
        self._service = service
        self._options = options
        self._lane: EngineStreamLike | None = None
        self._scope = trio.CancelScope()
        self._block_wait: trio.CancelScope | None = None
        """The encoder's wait for a block; None: it does not wait, or nothing more is to be spoken."""
        self._changed = Signal()
        self._wakes_at = -math.inf
        """When the scheduler wakes without new text; -inf while it does not wait."""
        self._is_done = False
        self._is_abandoned = False
        self._gives_way = False
        self._read_at = 0.0
        """Trio's time at which the scheduler last began to read a chunk."""

    @property
    def voice(self) -> Voice:
        """The voice that speaks."""
        return self._options.voice

    @property
    def is_ended(self) -> bool:
        """Whether no more text is taken."""
        return self.text_half.is_ended

    @property
    def gave_way(self) -> bool:
        """Whether it was abandoned and lost its lane before everything was spoken."""
        return self._is_abandoned and self._is_done and bool(self.text_half.pending)

    @property
    def is_busy(self) -> bool:
        """Whether released text waits, or `end` was called and `run` has not returned."""
        return not self._is_done and (bool(self.text_half.pending) or self.text_half.is_ended)

    def text(self, text: str, *, flush: bool = False, trigger: bool = False, continues: bool = False) -> None:
        """Take more text; see `TextHalf.text`."""
        text_half, now = self.text_half, trio.current_time()
        released = text_half.text(text, now, flush=flush, trigger=trigger, continues=continues)
        if released or (text_half.deadline() < self._wakes_at):
            self._notify()

    def update(self, settings: VoiceSettings, chunk_schedule: Sequence[float]) -> None:
        """Set settings and schedule of text that is released from now on."""
        self.text_half.settings = settings
        self.text_half.schedule.reschedule(chunk_schedule)

    def flush(self, flush_id: str | None = None) -> None:
        """Speak everything buffered now; `flush_id` names the flush."""
        self.text_half.flush(trio.current_time(), flush_id)
        self._tell_flushes()
        self._notify()

    def end(self) -> None:
        """Take no more text: speak the rest, then end.  A second call does nothing."""
        self.text_half.end(trio.current_time())
        self._notify()

    def discard(self) -> int:
        """Barge-in: speak only flushed text, then end; drop and cancel everything else.

        Returns:
            The number of the first stale chunk.  The caller drops delivered but unsent packets from this
            chunk on.
        """
        first_stale = self.text_half.discard()
        if self.text_half.is_silenced:
            self._block_wait = None
            self._scope.cancel()
        if self._lane is not None:
            self._lane.close_softly()
        self._notify()
        return first_stale

    def give_way(self) -> None:
        """Let the client's other speech go first: it may begin at any moment."""
        self._gives_way = True
        if self._lane is not None:
            self._lane.close_softly(is_due_later=False)

    def abandon(self) -> None:
        """Let the client's other speech go first: it has begun.  The rest of this stream may be dropped."""
        self._is_abandoned = True
        if self._lane is not None:
            self._lane.close_softly(is_abandoned=True)

    async def wait_for_room(self, chars: int) -> None:
        """Wait until `text` can take `chars` more (at most MAX_PENDING_CHARS), or `run` is over."""
        await trio.lowlevel.checkpoint()
        while self.text_half.chars + chars > MAX_PENDING_CHARS and not self._is_done:
            await self._changed.wait()

    async def run(self, deliver: Deliver, direct: DirectSink | None = None) -> None:
        """Speak until the end, or until the stream is discarded.

        It opens a lane of the engine when the first utterance is ready, and always frees it.

        Args:
            deliver: takes each packet, in order; may wait for the peer.
            direct: takes packets outside of any task while the peer accepts them at once; None: not used.

        Raises:
            CapacityError: the engine takes no further stream.
            EngineError, UtteranceError: the engine failed; may be in an ExceptionGroup.
            Exception: raised by `deliver`; may be in an ExceptionGroup.
        """
        try:
            with self._scope:
                audio = make_audio_half(self._service, self._options, deliver, direct)
                if await self._speak_all(audio):
                    await audio.finish(self.text_half.skipped)
        finally:
            self._is_done = True
            self._changed.notify()
            # The callbacks usually refer to this stream, and the cycle would keep it until the next garbage
            # collection.
            self.on_change, self._report_flushes = _ignore, ignore_flushes

    async def speak_on(self, audio: AudioHalf) -> bool:
        """Speak like `run` into an audio half that several streams share, and leave it open.

        Returns:
            Whether any audio was added.
        """
        spoke = False
        try:
            with self._scope:
                spoke = await self._speak_all(audio)
        finally:
            self._is_done = True
        return spoke

    async def _speak_all(self, audio: AudioHalf) -> bool:
        first = await self._next()
        if first is not None:
            try:
                await self._speak(first, audio)
            except CapacityError:
                if not self._is_abandoned:
                    raise
            return True
        if self.text_half.owes_audio:
            await audio.add_silence()
            self._tell_flushes()
            return True
        return False

    async def _speak(self, first: Speech, audio: AudioHalf) -> None:
        async with self._open_lane(audio) as lane:
            # The first utterance is fed here: starting the scheduler first would cost a turn of the loop.
            audio.packets.released_at = first.released.released_at
            if audio.packets.first is not None:
                audio.packets.first.read(self._read_at)
            lane.feed(first.utterance, settings=first.released.settings)
            if self.text_half.is_ended and not self.text_half.pending.is_unread:
                lane.finish()
                await self._encode(lane, audio)
                return
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._schedule, lane)
                await self._encode(lane, audio)
                nursery.cancel_scope.cancel()

    async def _schedule(self, lane: EngineStreamLike) -> None:
        """The scheduler: feed utterances to the engine while earlier ones are spoken."""
        while True:
            # Reading a chunk can take a millisecond, so other tasks run in between.
            await trio.lowlevel.checkpoint()
            while self.text_half.pending.in_engine >= UTTERANCES_AHEAD:
                await self._changed.wait()
            speech = await self._next()
            if speech is None:
                break
            lane.feed(speech.utterance, settings=speech.released.settings)
        lane.finish()

    async def _encode(self, lane: EngineStreamLike, audio: AudioHalf) -> None:
        """The encoder: turn blocks into packets until the lane ends or a barge-in leaves nothing to speak.

        Most blocks do not reach this task, because the engine's call gives them to `_encode_nowait`.
        """
        # The engine calls from outside of the task; log lines need the task's request id.
        context = contextvars.copy_context()
        lane.hand_to(lambda block: context.run(self._encode_nowait, audio, block))
        blocks = aiter(lane)
        try:
            while not self.text_half.is_silenced:
                block: AudioBlock | None = None
                with trio.CancelScope(deadline=audio.deadline()) as self._block_wait:
                    block = await anext(blocks, None)
                    if block is None:
                        break
                self._block_wait = None
                if block is not None:
                    await audio.add(block, self._begun_by(block))
                    self._note_encoded(block)
                elif audio.deadline() <= trio.current_time():
                    await audio.release()  # the listener would run dry
        finally:
            self._block_wait = None
            lane.hand_to(None)
        self._tell_flushes()

    def _encode_nowait(self, audio: AudioHalf, block: AudioBlock) -> bool:
        """Encode a block in the engine's call, without a turn of the loop.

        Returns:
            Whether it was encoded; otherwise the encoder's task does it.
        """
        wait = self._block_wait
        if wait is None or not audio.takes_nowait:
            return False
        deadline = audio.add_nowait(block, self._begun_by(block))
        if block.is_last or block.stages is not None:  # other blocks change nothing here
            self._note_encoded(block)
            if self.text_half.is_silenced:
                self._block_wait = None
                wait.cancel()
        if deadline < math.inf and deadline < wait.deadline:
            wait.deadline = deadline
        return True

    def _begun_by(self, block: AudioBlock) -> Speech | None:
        """The utterance that begins with a block; None if it began before, or was dropped."""
        return None if block.word_times_ms is None else self.text_half.pending.find(block.utterance)

    def _note_encoded(self, block: AudioBlock) -> None:
        pending = self.text_half.pending
        if block.stages is not None:
            self._service.observer.queued(block.stages.encode_begin_s - block.stages.fed_s)
        if block.is_last:
            pending.spoken(block.utterance)
            self._notify()
            if pending or not self.text_half.is_ended:
                self._tell_flushes()

    async def _next(self) -> Speech | None:
        text = self.text_half
        while True:
            had_chunks = text.pending.is_unread
            self._read_at = trio.current_time()
            if (speech := text.take()) is not None:
                return speech
            if had_chunks:
                self._notify()  # a chunk without words needs no speaking
                if self._lane is not None:  # without a lane a text without words still needs its silence
                    self._tell_flushes()
                await trio.lowlevel.checkpoint()
            elif text.is_ended:
                return None
            else:
                self._wakes_at = text.deadline()
                with trio.move_on_at(self._wakes_at) as scope:
                    await self._changed.wait()
                self._wakes_at = -math.inf
                if scope.cancelled_caught:
                    text.expire(trio.current_time())
                    self._notify()

    @asynccontextmanager
    async def _open_lane(self, audio: AudioHalf) -> AsyncIterator[EngineStreamLike]:
        """Open a lane, and report its begin and end to the observer and the trace."""
        engine, observer, options = self._service.engine, self._service.observer, self._options
        voice_id = options.voice.voice_id
        trace = self._service.open_trace(voice_id, self._read_at)
        audio.packets.first = None if trace is None else FirstAudio(trace)
        computed_s, audio_s = audio.computed_s, audio.packets.audio_s
        async with engine.open_stream(options.voice, self.text_half.settings, seed=options.seed) as lane:
            observer.stream_opened()
            self._lane = lane
            if self._is_abandoned:
                self.abandon()
            elif self._gives_way:
                self.give_way()
            reason = "gone"
            try:
                yield lane
                reason = "done"
            except Exception:
                reason = "failed"
                raise
            finally:
                self._lane = None
                is_cut = self._is_abandoned and bool(self.text_half.pending)
                outcome = "discarded" if self._scope.cancel_called or is_cut else reason
                observer.stream_closed(outcome, audio.packets.audio_s)
                observer.computed(voice_id, audio.computed_s - computed_s, audio.packets.audio_s - audio_s)
                if trace is not None:
                    trace.end(outcome, audio.packets.audio_s)

    def _tell_flushes(self) -> None:
        if self.text_half.flush_is_spoken:
            self._report_flushes(self.text_half.take_spoken_flushes())

    def _notify(self) -> None:
        self._changed.notify()
        self.on_change()
