"""One stream: text goes in without waiting, packets come out.  The pipeline under every entrance.

Two tasks share a lane of the engine.  The *scheduler* turns chunks into utterances and keeps the
engine a few utterances ahead of what is heard; the *encoder* turns audio blocks into packets with
the one encoder the stream has.  Text enters through plain calls (`text`, `end`, `discard`), so
whoever reads the peer never waits for the engine; what may lie here unspoken is bounded.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING

import attrs
import numpy as np
import trio

from zelitrio.audio import AudioFormat, Encoder, open_encoder
from zelitrio.errors import RemoteError
from zelitrio.protocol import Chunk, ChunkSchedule
from zelitrio.session.encoding import encode_in_turns
from zelitrio.session.packets import Packer, Packet, Samples
from zelitrio.session.service import EngineStreamLike, Service
from zelitrio.session.timing import Alignment, SegmentClock, Timing
from zelitrio.session.unspoken import first_unspoken
from zelitrio.settings import VoiceSettings
from zelitrio.text import Reading, StreamReader, Utterance

if TYPE_CHECKING:
    from zelitrio.engine import AudioBlock
    from zelitrio.voices import Voice

MAX_PENDING_CHARS = 64 * 1024
"""Text that may wait unspoken in one stream: over an hour of speech, and yet a bound."""
UTTERANCES_AHEAD = 3
"""Utterances in the engine at once: the one being heard, the next, and one for when that is a single
word.  More would be work that a barge-in throws away."""
WORDLESS_SILENCE_S = 0.1
"""Said in place of a text without a single word: clients fail a turn that has text and no audio."""
_NOTHING: Samples = np.zeros(0, np.float32)


Deliver = Callable[[Packet], Awaitable[None]]


def _nobody() -> None:
    """Is told of a stream's changes when nobody else is."""


@attrs.frozen(eq=False)
class _Waiting:
    """A released chunk: its place in the stream, and how and since when it is to be spoken."""

    chunk: Chunk
    number: int
    released_at: float
    settings: VoiceSettings


@attrs.frozen(eq=False)
class _Prepared:
    waiting: _Waiting
    utterance: Utterance


@attrs.define(eq=False)
class SpeechStream:
    """One conversation to audio.  `run` does the work; the other methods are plain calls.

    Attributes:
        settings: of the text released from now on; may be changed at any time.
        reading: how the text is read.
        on_change: called whenever `is_busy` may have changed; must not wait or raise.
    """

    service: Service
    voice: Voice
    audio_format: AudioFormat
    schedule: ChunkSchedule
    settings: VoiceSettings = attrs.field(factory=VoiceSettings)
    seed: int | None = None
    reading: Reading = attrs.field(factory=Reading)
    timing: Timing = Timing.NONE
    on_change: Callable[[], None] = _nobody

    _chunks: deque[_Waiting] = attrs.field(factory=deque, init=False)
    _in_engine: dict[int, _Prepared] = attrs.field(factory=dict, init=False)
    _first: _Prepared | None = attrs.field(default=None, init=False)
    _released: int = attrs.field(default=0, init=False)
    _flushed: int = attrs.field(default=0, init=False)
    _stop_at: int | None = attrs.field(default=None, init=False)
    _buffered_chars: int = attrs.field(default=0, init=False)
    _waiting_chars: int = attrs.field(default=0, init=False)
    _encoded_s: float = attrs.field(default=0.0, init=False)
    _speaking: int = attrs.field(default=0, init=False)
    _audio_s: float = attrs.field(default=0.0, init=False)
    _released_at: float | None = attrs.field(default=None, init=False)
    _has_text: bool = attrs.field(default=False, init=False)
    _told_skipped: bool = attrs.field(default=False, init=False)
    _ended: bool = attrs.field(default=False, init=False)
    _done: bool = attrs.field(default=False, init=False)
    _lane: EngineStreamLike | None = attrs.field(default=None, init=False)
    _read: deque[_Prepared] = attrs.field(factory=deque, init=False)
    _reader: StreamReader = attrs.field(init=False)
    _clock: SegmentClock = attrs.field(init=False)
    _encoder: Encoder = attrs.field(init=False)
    _packer: Packer = attrs.field(init=False)
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    _changed: trio.Event = attrs.field(factory=trio.Event, init=False)

    def __attrs_post_init__(self) -> None:
        front_end = self.reading.front_end or self.service.front_end
        self._reader = StreamReader(front_end, self.reading, self.voice.limit)
        rate, settings = self.service.engine.sample_rate_hz, self.service.settings
        self._encoder = open_encoder(self.audio_format, rate)
        self._packer = Packer(rate, settings.first_packet_ms, settings.max_packet_ms)
        delay_ms = round(1000 * self._encoder.delay_samples / self.audio_format.sample_rate_hz)
        self._clock = SegmentClock(self.timing, rate, delay_ms)

    @property
    def is_busy(self) -> bool:
        """Whether text that was released is still to be spoken, or the end still to be reached."""
        waiting = self._chunks or self._read or self._in_engine or self._first is not None
        return not self._done and bool(waiting or self._ended)

    @property
    def pending_chars(self) -> int:
        """Characters that were sent and not spoken yet."""
        read = [*self._read, *self._in_engine.values()]
        return self._buffered_chars + self._waiting_chars + sum(len(one.utterance.source) for one in read)

    def text(self, text: str, *, flush: bool = False, trigger: bool = False, continues: bool = False) -> None:
        """Take more text; never waits.

        Args:
            text: appended to what is buffered; best not more than a slice (`slices`) at a time.
            continues: it is a further slice of the text before, so nothing belongs between them.
            flush: speak everything buffered now.
            trigger: speak what is buffered up to the last boundary, if it is long enough.

        Raises:
            RemoteError: more than MAX_PENDING_CHARS would wait; nothing was taken.
        """
        if self._ended:
            return
        if text and self.pending_chars + len(text) > MAX_PENDING_CHARS:
            raise RemoteError(
                "string_too_long",
                f"text: more than {MAX_PENDING_CHARS} characters wait to be spoken. "
                "Send text as it is needed, not faster than it can be spoken.",
                param="text",
            )
        now = trio.current_time()
        if text:
            self._has_text = self._has_text or not text.isspace()
            self._buffered_chars += len(text)
            text = self._reader.hold_tags(text)
            self._release(self.schedule.feed(text, now, continues=continues))
        if trigger:
            self._release(self.schedule.trigger(now))
        if flush:
            self.flush()

    async def wait_for_room(self, chars: int) -> None:
        """Wait until `text` takes so many more characters, at most MAX_PENDING_CHARS; or `run` is over."""
        await trio.lowlevel.checkpoint()
        while self.pending_chars + chars > MAX_PENDING_CHARS and not self._done:
            await self._changed.wait()

    def flush(self) -> None:
        """Speak everything buffered now; never waits."""
        now = trio.current_time()
        self._release(self.schedule.feed(self._reader.release_tags(), now, continues=True))
        self._release(self.schedule.flush(now))
        self._buffered_chars = 0
        self._flushed = self._released

    def end(self) -> None:
        """No more text: speak what there is, then end.  Never waits; a second call does nothing."""
        if self._ended:
            return
        self.flush()
        self._ended = True
        self._notify()

    def discard(self) -> int:
        """Barge-in: end after what was explicitly flushed, drop and cancel everything else.

        Never waits.  Returns the number of the first chunk that is not to be heard: packets of that one
        and of later ones, delivered but not sent, are stale.
        """
        self._ended = True
        self._buffered_chars = 0
        if not self._flushed:
            self._has_text = False  # nothing was asked for, so nothing is owed
        if self._flushed < self._released:
            self._stop_at = self._flushed
            self._chunks = deque(waiting for waiting in self._chunks if waiting.number < self._flushed)
            self._waiting_chars = sum(len(waiting.chunk.text) for waiting in self._chunks)
            self._read = deque(one for one in self._read if one.waiting.number < self._flushed)
            if not self._has_before(self._flushed):
                self._scope.cancel()
        if self._lane is not None:
            self._lane.close_softly()
        self._notify()
        return self._flushed

    async def run(self, deliver: Deliver) -> None:
        """Speak until the end was reached or the stream discarded; return then.

        Takes a lane of the engine when the first chunk is ready and gives it back on every way out.

        Args:
            deliver: takes each packet, in order; may wait for the peer.

        Raises:
            CapacityError: the engine takes no further stream.
            ExceptionGroup: of EngineError or UtteranceError, or whatever `deliver` raised; or one alone.
        """
        try:
            with self._scope:
                self._first = await self._next()
                if self._first is not None:
                    self._released_at = self._first.waiting.released_at
                    await self._speak(self._first, deliver)
                elif self._has_text:
                    silence = np.zeros(round(WORDLESS_SILENCE_S * self._engine_rate_hz), np.float32)
                    await self._send(silence, deliver, release=True)
                    await self._finish(deliver)
        finally:
            self._done = True
            # Whoever runs this knows; `on_change` would come before they could act on the end.
            self._changed.set()
            # Who is told holds this stream as a rule, and an encoder is half a millisecond's work to take
            # down: at its stream's end, one at a time, not whenever garbage is collected, twenty at once.
            self.on_change = _nobody
            del self._encoder

    async def _speak(self, first: _Prepared, deliver: Deliver) -> None:
        observer = self.service.observer
        engine = self.service.engine
        async with engine.open_stream(self.voice, self.settings, seed=self.seed) as lane:
            observer.stream_opened()
            self._lane = lane
            reason = "gone"
            try:
                # Here, and not in the scheduler: starting a task takes a turn of the loop.
                self._feed(lane, first)
                self._first = None
                if self._ended and not (self._chunks or self._read):  # a scheduler would have nothing to do
                    lane.finish()
                    await self._encode(lane, deliver)
                else:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(self._keep_ahead, lane)
                        await self._encode(lane, deliver)
                        nursery.cancel_scope.cancel()
                reason = "done"
            except Exception:
                reason = "failed"
                raise
            finally:
                self._lane = None
                observer.stream_closed("discarded" if self._scope.cancel_called else reason, self._audio_s)

    async def _keep_ahead(self, lane: EngineStreamLike) -> None:
        """The scheduler: hand utterances to the engine while the earlier ones are spoken."""
        while True:
            # Reading a chunk can cost a millisecond: let the others run between two.
            await trio.lowlevel.checkpoint()
            while len(self._in_engine) >= UTTERANCES_AHEAD:
                await self._changed.wait()
            prepared = await self._next()
            if prepared is None:
                break
            self._feed(lane, prepared)
        lane.finish()

    def _feed(self, lane: EngineStreamLike, prepared: _Prepared) -> None:
        lane.feed(prepared.utterance, settings=prepared.waiting.settings)
        self._in_engine[prepared.utterance.number] = prepared

    async def _next(self) -> _Prepared | None:
        """Wait for the next utterance; None at the end of the text."""
        while True:
            if self._read:
                return self._read.popleft()
            if self._chunks:
                self._prepare(self._chunks.popleft())
                if not self._read:
                    self._notify()
                    await trio.lowlevel.checkpoint()
            elif self._ended:
                return None
            else:
                await self._wait_for_chunks()

    async def _wait_for_chunks(self) -> None:
        deadline = self.schedule.next_deadline()
        with trio.move_on_at(math.inf if deadline is None else deadline) as scope:
            await self._changed.wait()
        if scope.cancelled_caught:
            self._release(self.schedule.expire(trio.current_time()))

    def _prepare(self, waiting: _Waiting) -> None:
        chunk = waiting.chunk
        self._waiting_chars -= len(chunk.text)
        for utterance in self._reader.read(
            chunk.text, ends_sentence=chunk.ends_sentence, is_flushed=chunk.flushed
        ):
            # Tags are not spoken either, but that is no news.
            if not self._told_skipped and not self.reading.ssml and (unspoken := first_unspoken(utterance)):
                self._told_skipped = True
                self.service.observer.text_skipped(unspoken)
            if utterance.is_empty:
                self._clock.skip(utterance.source)
            else:
                self._read.append(_Prepared(waiting, utterance))

    async def _encode(self, lane: EngineStreamLike, deliver: Deliver) -> None:
        """The encoder: blocks to packets until the lane ends or a discarded stream said its last."""
        blocks = aiter(lane)
        while not self._is_past_stop():
            block: AudioBlock | None = None
            deadline = self._packer.deadline()
            # With nothing held there is none, and a scope costs as much as a block.
            with trio.move_on_at(deadline) if deadline < math.inf else nullcontext():
                block = await anext(blocks, None)
                if block is None:
                    break
            if block is None or block.word_times_ms is not None:
                # The listener would run dry, or a segment ends: no packet spans two of them.
                await self._send(_NOTHING, deliver, release=True)
            if block is None:
                continue
            if block.word_times_ms is not None:
                self._clock.begin(block.utterance, block.word_times_ms, block.length_ms)
                self._speaking = self._in_engine[block.utterance.number].waiting.number
            await self._send(block.pcm, deliver, release=block.is_last)
            if block.is_last:
                self._in_engine.pop(block.utterance.number, None)  # the end of an open sentence comes twice
                self._notify()
        await self._finish(deliver)

    async def _send(self, samples: Samples, deliver: Deliver, *, release: bool) -> None:
        packer, rate_hz = self._packer, self._engine_rate_hz
        due = packer.dry_at
        for pcm in packer.push(samples, trio.current_time(), release=release):
            audio = await encode_in_turns(self._encoder, pcm, rate_hz, self.service.turns, due)
            due += len(pcm) / rate_hz
            self._clock.advance(len(pcm))
            self._encoded_s += len(pcm) / rate_hz
            packer.codec_holds_s = self._audio_s + self._encoded_s - self._encoder.encoded_s
            if audio:
                await self._pass_on(audio, self._clock.take(), deliver)

    async def _finish(self, deliver: Deliver) -> None:
        tail = self._encoder.flush()
        alignment = self._clock.take_last()
        if tail or alignment is not None:
            await self._pass_on(tail, alignment, deliver)

    async def _pass_on(self, audio: bytes, alignment: Alignment | None, deliver: Deliver) -> None:
        packet = Packet(audio, alignment, self._encoded_s, self._speaking, self._released_at)
        self._audio_s += self._encoded_s
        self._encoded_s, self._released_at = 0.0, None
        await deliver(packet)

    @property
    def _engine_rate_hz(self) -> int:
        return self.service.engine.sample_rate_hz

    def _release(self, chunks: list[Chunk]) -> None:
        now = trio.current_time()
        for chunk in chunks:
            self._chunks.append(_Waiting(chunk, self._released, now, self.settings))
            self._released += 1
            self._waiting_chars += len(chunk.text)
            self._buffered_chars = max(0, self._buffered_chars - len(chunk.text))
        if chunks:
            self._notify()

    def _has_before(self, number: int) -> bool:
        waiting = [prepared.waiting for prepared in self._in_engine.values()]
        waiting += [prepared.waiting for prepared in self._read]
        waiting += self._chunks
        if self._first is not None:
            waiting.append(self._first.waiting)
        return any(one.number < number for one in waiting)

    def _is_past_stop(self) -> bool:
        return self._stop_at is not None and not self._has_before(self._stop_at)

    def _notify(self) -> None:
        self._changed.set()
        self._changed = trio.Event()
        self.on_change()
