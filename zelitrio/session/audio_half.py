"""The audio half of a stream: blocks in, packets out, by the stream's one encoder."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import attrs
import numpy as np
import trio

from zelitrio.audio import Encoder, RateConverter, TempoChanger
from zelitrio.session.encoding import Turns, encode_in_turns
from zelitrio.session.packets import Packer, Packet, Samples
from zelitrio.session.pending import Speech
from zelitrio.session.timing import Alignment, SegmentClock
from zelitrio.session.traces import FirstAudio
from zelitrio.session.volume import WordVolume

if TYPE_CHECKING:
    from zelitrio.engine import AudioBlock

WORDLESS_SILENCE_S = 0.1
"""Spoken in place of a text without a word: clients fail a turn that has text and no audio."""
_NOTHING: Samples = np.zeros(0, np.float32)

Deliver = Callable[[Packet], Awaitable[None]]


@attrs.define(eq=False)
class AudioHalf:
    """Packs, encodes and times the audio of one stream.  One task calls it.

    Args:
        sample_rate_hz: of the blocks, unless `change_rate` says otherwise.
        encoder: the stream's own.
        packer: decides how much audio a packet holds.
        clock: knows when each character is heard.
        turns: shared by all streams of the process.
        deliver: takes each packet, in order; may wait for the peer.
        tell_underrun: called when audio of an utterance comes after its listener has played all it had.
        tempo: changes the tempo of all audio; None: leaves it.
    """

    _sample_rate_hz: int
    _encoder: Encoder
    _packer: Packer
    _clock: SegmentClock
    _turns: Turns
    _deliver: Deliver
    _tell_underrun: Callable[[], None]
    _tempo: TempoChanger | None = None
    audio_s: float = attrs.field(default=0.0, init=False)
    """Audio in all packets that were delivered."""
    released_at: float | None = attrs.field(default=None, init=False)
    """When the first chunk was released, until the first packet tells it."""
    first: FirstAudio | None = attrs.field(default=None, init=False)
    """Times of a stream that is traced, until its first packet."""
    computed_s: float = attrs.field(default=0.0, init=False)
    """The stream's share of the device's time."""
    _converter: RateConverter | None = attrs.field(default=None, init=False)
    """Of blocks with another rate than the encoder's."""
    _carried: str = attrs.field(default="", init=False)
    _volume: WordVolume = attrs.field(factory=WordVolume, init=False)
    _chunk: int = attrs.field(default=0, init=False)
    _encoded_s: float = attrs.field(default=0.0, init=False)
    """Audio that the encoder took since the last packet."""

    def deadline(self) -> float:
        """When `release` must be called if no block comes before; inf when nothing is held."""
        return self._packer.deadline()

    async def add(self, block: AudioBlock, speech: Speech | None) -> None:
        """Take the next block.

        Args:
            block: of the engine.
            speech: the utterance that it speaks; used for the first block of an utterance.
        """
        if block.word_times_ms is not None and speech is not None:
            await self.release()  # no packet holds parts of two utterances
            skipped, self._carried = self._carried + speech.skipped, ""
            times_ms, length_ms = block.word_times_ms, block.length_ms
            if self._tempo is not None:
                times_ms = self._tempo.times(times_ms)
                length_ms = None if length_ms is None else self._tempo.length(length_ms)
            # The tempo of OpenAI's endpoint: no client asks for phones there.
            edges = block.phone_edges_ms if self._tempo is None else None
            self._clock.begin(speech.utterance, times_ms, length_ms, skipped, edges)
            self._chunk = speech.released.number
            self._volume.begin(speech.utterance, block.word_times_ms, block.sample_rate_hz)
        elif -math.inf < self._packer.dry_at < trio.current_time():
            self._tell_underrun()  # between utterances there may just have been no text
        self.computed_s += block.computed_s
        if self.first is not None:
            self.first.made(block.stages)
        pcm = self._volume.apply(block.pcm)
        if self._converter is not None:
            pcm = self._converter.push(pcm)
        if self._tempo is not None:
            pcm = self._tempo.push(pcm)
        await self._encode(pcm, release=block.is_last)

    def carry(self, skipped: str) -> None:
        """Keep text without words at the end of a turn for the times of what comes next."""
        self._carried += skipped

    async def change_rate(self, sample_rate_hz: int) -> None:
        """Take blocks of another rate from now on."""
        if self._converter is not None:
            await self._encode(self._converter.flush(), release=True)
        is_own = sample_rate_hz == self._sample_rate_hz
        self._converter = None if is_own else RateConverter(sample_rate_hz, self._sample_rate_hz)

    async def add_silence(self, seconds: float = WORDLESS_SILENCE_S) -> None:
        """Take silence."""
        samples = round(seconds * self._sample_rate_hz)
        await self._encode(np.zeros(samples, np.float32), release=True)

    async def release(self) -> None:
        """Deliver what is held."""
        await self._encode(_NOTHING, release=True)

    async def finish(self, skipped: str) -> None:
        """Deliver the encoder's last bytes, and the times of the text without words at the end."""
        if self._tempo is not None:
            await self._encode(self._tempo.flush(), release=True)
        tail = self._encoder.flush()
        alignment = self._clock.take_last(self._carried + skipped, self._encoder.encoded_s)
        if tail or alignment is not None:
            await self._pass_on(tail, alignment, self._clock.heard_s)

    async def _encode(self, samples: Samples, *, release: bool) -> None:
        packer, rate_hz = self._packer, self._sample_rate_hz
        due = packer.dry_at
        for pcm in packer.push(samples, trio.current_time(), release=release):
            audio = await encode_in_turns(self._encoder, pcm, rate_hz, self._turns, due)
            due += len(pcm) / rate_hz
            self._clock.advance(len(pcm))
            self._encoded_s += len(pcm) / rate_hz
            packer.codec_holds_s = self.audio_s + self._encoded_s - self._encoder.encoded_s
            if audio:
                until_s = self._encoder.encoded_s
                await self._pass_on(audio, self._clock.take(until_s), until_s)

    async def _pass_on(self, audio: bytes, alignment: Alignment | None, until_s: float) -> None:
        first, self.first = self.first, None
        if first is not None:
            first.encoded()
        packet = Packet(
            audio,
            alignment,
            self._encoded_s,
            self._chunk,
            self.released_at,
            first,
            self._clock.take_begun(),
            until_s,
        )
        self.audio_s += self._encoded_s
        self._encoded_s, self.released_at = 0.0, None
        await self._deliver(packet)
