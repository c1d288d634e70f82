"""The audio half of a stream: blocks in, packets out, by the stream's one encoder."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import attrs
import numpy as np
import trio

from zelitrio.audio import Encoder, RateConverter, TempoChanger
from zelitrio.session.encoding import Turns, encode_in_turns, flush_in_turns, is_cheap
from zelitrio.session.packets import Packer, Packet, Samples
from zelitrio.session.pending import Speech
from zelitrio.session.timing import Alignment, SegmentClock
from zelitrio.session.traces import FirstAudio
from zelitrio.session.volume import WordVolume

if TYPE_CHECKING:
    from zelitrio.engine import AudioBlock

WORDLESS_SILENCE_S = 0.1
"""Silence for a text without words, because clients report an error for a turn with text and no audio."""
WordTimes = tuple[tuple[int, int], ...]
_NOTHING: Samples = np.zeros(0, np.float32)

Deliver = Callable[[Packet], Awaitable[None]]


class DirectSink(Protocol):
    """Takes packets outside of any task."""

    @property
    def has_room(self) -> bool:
        """Whether `put_nowait` may be called now."""

    def put_nowait(self, packets: Sequence[Packet]) -> None:
        """Take packets of one chunk; never waits."""


@attrs.define(eq=False)
class AudioHalf:
    """Packs, encodes and times the audio of one stream.

    One task calls its methods.  The engine calls `add_nowait` while that task waits for a block.

    Args:
    Args:
        sample_rate_hz: input rate of the encoder, and of the blocks until `change_rate` is called.
        encoder: used by this stream only.
        packer: decides the size of packets.
        clock: computes the alignment.
        turns: shared by all streams of the process.
        deliver: takes each packet, in order; may wait for the peer.
        tell_underrun: called after an underrun in mid-utterance.
        tempo: changes the tempo of all audio; None: the tempo stays.
        direct: takes the packets of `add_nowait`; None: `add_nowait` is never called.
    """

    _sample_rate_hz: int
    _encoder: Encoder
    _packer: Packer
    _clock: SegmentClock
    _turns: Turns
    _deliver: Deliver
    _tell_underrun: Callable[[], None]
    _tempo: TempoChanger | None = None
    _direct: DirectSink | None = None
    audio_s: float = attrs.field(default=0.0, init=False)
    """Seconds of delivered audio."""
    released_at: float | None = attrs.field(default=None, init=False)
    """Trio's time of the first chunk's release, until the first packet takes it."""
    first: FirstAudio | None = attrs.field(default=None, init=False)
    """Reports first audio to a trace, until the first packet takes it; None: not traced."""
    computed_s: float = attrs.field(default=0.0, init=False)
    """Device time spent on the stream."""
    _converter: RateConverter | None = attrs.field(default=None, init=False)
    """Converts blocks with another rate than the encoder's."""
    _is_cheap: bool = attrs.field(init=False)
    _carried: str = attrs.field(default="", init=False)
    """Text without words since the last utterance."""
    _volume: WordVolume = attrs.field(factory=WordVolume, init=False)
    _chunk: int = attrs.field(default=0, init=False)
    _encoded_s: float = attrs.field(default=0.0, init=False)
    """Seconds of audio in the encoder since the last packet."""

    @_is_cheap.default
    def _default_is_cheap(self) -> bool:
        return is_cheap(self._encoder)

    def deadline(self) -> float:
        """Time at which `release` must be called unless a block comes first; inf if no audio is held."""
        return self._packer.deadline()

    @property
    def takes_nowait(self) -> bool:
        """Whether `add_nowait` can be called: the codec is cheap, and packets leave at once."""
        return self._is_cheap and self._direct is not None and self._direct.has_room

    def add_nowait(self, block: AudioBlock, speech: Speech | None) -> None:
        """Do the same as `add` without waiting."""
        if _begins(block, speech) and self._packer.is_holding:
            self._encode_nowait(_NOTHING, release=True)
        self._encode_nowait(self._sound_of(block, speech), release=block.is_last)
        if self._packer.is_holding and self.deadline() <= trio.current_time():
            self._encode_nowait(_NOTHING, release=True)  # a packet holds one utterance only

    async def add(self, block: AudioBlock, speech: Speech | None) -> None:
        """Take the next block.

        Args:
            block: from the engine.
            speech: the block's utterance; needed only for its first block.
        """
        if _begins(block, speech):
            await self.release()  # a packet holds one utterance only
        await self._encode(self._sound_of(block, speech), release=block.is_last)

    def _sound_of(self, block: AudioBlock, speech: Speech | None) -> Samples:
        """Return a block's samples with the stream's volume, rate and tempo; begin an utterance's times."""
        if block.word_times_ms is not None and speech is not None:
            self._begin(block, block.word_times_ms, speech)
        elif -math.inf < self._packer.dry_at < trio.current_time():
            self._tell_underrun()  # before a first block there may have been no text
        self.computed_s += block.computed_s
        if self.first is not None:
            self.first.made(block.stages)
        pcm = self._volume.apply(block.pcm)
        if self._converter is not None:
            pcm = self._converter.push(pcm)
        if self._tempo is not None:
            pcm = self._tempo.push(pcm)
        return pcm

    def _begin(self, block: AudioBlock, times_ms: WordTimes, speech: Speech) -> None:
        skipped, self._carried = self._carried + speech.skipped, ""
        self._volume.begin(speech.utterance, times_ms, block.sample_rate_hz)
        length_ms, edges = block.length_ms, block.phone_edges_ms
        if self._tempo is not None:
            times_ms = self._tempo.times(times_ms)
            length_ms = None if length_ms is None else self._tempo.length(length_ms)
            edges = None  # only OpenAI's endpoint changes the tempo, and it offers no phone times
        self._clock.begin(speech.utterance, times_ms, length_ms, skipped, edges)
        self._chunk = speech.released.number

    def carry(self, skipped: str) -> None:
        """Keep text without words from the end of a turn: the next utterance's times include it."""
        self._carried += skipped

    async def change_rate(self, sample_rate_hz: int) -> None:
        """Take blocks of another rate from now on."""
        if self._converter is not None:
            await self._encode(self._converter.flush(), release=True)
        is_own = sample_rate_hz == self._sample_rate_hz
        self._converter = None if is_own else RateConverter(sample_rate_hz, self._sample_rate_hz)

    async def add_silence(self, seconds: float = WORDLESS_SILENCE_S) -> None:
        """Encode and deliver silence."""
        samples = round(seconds * self._sample_rate_hz)
        await self._encode(np.zeros(samples, np.float32), release=True)

    async def release(self) -> None:
        """Deliver the audio that is held."""
        await self._encode(_NOTHING, release=True)

    async def finish(self, skipped: str) -> None:
        """Deliver the encoder's last bytes, with the times of the text without words at the end."""
        if self._tempo is not None:
            await self._encode(self._tempo.flush(), release=True)
        tail = await flush_in_turns(self._encoder, self._turns)
        alignment = self._clock.take_last(self._carried + skipped, self._encoder.encoded_s)
        if tail or alignment is not None:
            await self._deliver(self._packet(tail, alignment, self._clock.heard_s))

    async def _encode(self, samples: Samples, *, release: bool) -> None:
        rate_hz, due = self._sample_rate_hz, self._packer.dry_at
        for pcm in self._packer.push(samples, trio.current_time(), release=release):
            audio = await encode_in_turns(self._encoder, pcm, rate_hz, self._turns, due)
            due += len(pcm) / rate_hz
            self._count(pcm, self._encoder.encoded_s)
            if audio:
                await self._deliver(self._next_packet(audio, self._encoder.encoded_s))

    def _encode_nowait(self, samples: Samples, *, release: bool) -> None:
        packets = []
        for pcm in self._packer.push(samples, trio.current_time(), release=release):
            audio = self._encoder.encode(pcm)
            self._count(pcm, self._encoder.encoded_s)
            if audio:
                packets.append(self._next_packet(audio, self._encoder.encoded_s))
        if packets and self._direct is not None:
            self._direct.put_nowait(packets)

    def _count(self, pcm: Samples, until_s: float) -> None:
        """Count samples that the encoder took; `until_s` is the length of its output."""
        self._clock.advance(len(pcm))
        self._encoded_s += len(pcm) / self._sample_rate_hz
        self._packer.codec_holds_s = self.audio_s + self._encoded_s - until_s

    def _next_packet(self, audio: bytes, until_s: float) -> Packet:
        return self._packet(audio, self._clock.take(until_s), until_s)

    def _packet(self, audio: bytes, alignment: Alignment | None, until_s: float) -> Packet:
        first, self.first = self.first, None
        if first is not None:
            first.encoded()
        begun = self._clock.take_begun()
        packet = Packet(
            audio, alignment, self._encoded_s, self._chunk, self.released_at, first, begun, until_s
        )
        self.audio_s += self._encoded_s
        self._encoded_s, self.released_at = 0.0, None
        return packet


def _begins(block: AudioBlock, speech: Speech | None) -> bool:
    return block.word_times_ms is not None and speech is not None
