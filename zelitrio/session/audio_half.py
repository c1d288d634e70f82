"""The audio half of a stream: blocks in, packets out, by the stream's one encoder."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import attrs
import numpy as np
import trio

from zelitrio.audio import Encoder, Prepared
from zelitrio.session.encoding import Turns, encode_in_turns, flush_in_turns, is_cheap
from zelitrio.session.packet_maker import PacketMaker
from zelitrio.session.packets import NO_SAMPLES, Packer, Packet, Samples
from zelitrio.session.pending import Speech
from zelitrio.session.sound_changes import SoundChanges

if TYPE_CHECKING:
    from zelitrio.engine import AudioBlock

WORDLESS_SILENCE_S = 0.1
"""Silence sent for a text without words: clients report an error for a turn with text and no audio."""

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
        encoder: used by this stream only.
        sound: changes the samples before the encoder takes them.
        packer: decides how much audio a packet holds.
        packets: makes the packets.
        turns: shared by all streams of the process.
        deliver: takes each packet, in order; may wait for the peer.
        tell_underrun: called when a block in mid-utterance comes after the listener has played all it had.
        direct: takes the packets of `add_nowait`; None: `add_nowait` is never called.
    """

    _encoder: Encoder
    _sound: SoundChanges
    _packer: Packer
    packets: PacketMaker
    _turns: Turns
    _deliver: Deliver
    _tell_underrun: Callable[[], None]
    _direct: DirectSink | None = None
    computed_s: float = attrs.field(default=0.0, init=False)
    """Seconds of the device that were spent on the stream."""

    def __attrs_post_init__(self) -> None:
        if not is_cheap(self._encoder):
            self._direct = None  # its packets are encoded in turns

    def deadline(self) -> float:
        """Time at which `release` must be called unless a block comes first; inf if no audio is held."""
        return self._packer.deadline()

    @property
    def takes_nowait(self) -> bool:
        """Whether `add_nowait` may be called now: the codec costs little, and no packet would wait."""
        return self._direct is not None and self._direct.has_room

    def add_nowait(self, block: AudioBlock, speech: Speech | None) -> float:
        """Do what `add` does, and never wait; return the new `deadline`."""
        packer, now = self._packer, trio.current_time()
        if speech is not None and packer.is_holding:
            self._encode_nowait(NO_SAMPLES, now, release=True)
        self._encode_nowait(self._sound_of(block, speech, now), now, release=block.is_last)
        deadline = packer.deadline()
        if deadline <= now:
            self._encode_nowait(NO_SAMPLES, now, release=True)  # the listener would run dry
            return math.inf
        return deadline

    async def add(self, block: AudioBlock, speech: Speech | None) -> None:
        """Take the next block.

        Args:
            block: from the engine.
            speech: the utterance that begins with the block; None: it began before.
        """
        if speech is not None:
            await self.release()  # no packet holds parts of two utterances
        await self._encode(self._sound_of(block, speech, trio.current_time()), release=block.is_last)

    def _sound_of(self, block: AudioBlock, speech: Speech | None, now: float) -> Samples:
        """Return a block's samples for the encoder; begin an utterance's times."""
        if speech is not None and block.word_times_ms is not None:
            self.packets.begin(speech, self._sound.begin(block, block.word_times_ms, speech.utterance))
        elif -math.inf < self._packer.dry_at < now:
            self._tell_underrun()  # not on a first block: before an utterance there may have been no text
        self.computed_s += block.computed_s
        if self.packets.first is not None:
            self.packets.first.made(block.stages)
        return self._sound.apply(block.pcm)

    async def change_rate(self, sample_rate_hz: int) -> None:
        """Take blocks of another rate from now on."""
        await self._encode(self._sound.change_rate(sample_rate_hz), release=True)

    async def add_silence(self, seconds: float = WORDLESS_SILENCE_S) -> None:
        """Encode and deliver silence."""
        samples = round(seconds * self._sound.sample_rate_hz)
        await self._encode(np.zeros(samples, np.float32), release=True)

    async def release(self) -> None:
        """Deliver the audio that is held."""
        await self._encode(NO_SAMPLES, release=True)

    async def finish(self, skipped: str) -> None:
        """Deliver the encoder's last bytes, with the times of the text without words at the end."""
        await self._encode(self._sound.flush(), release=True)
        tail = await flush_in_turns(self._encoder, self._turns)
        packet = self.packets.make_last(tail, skipped, self._encoder.encoded_s)
        if packet is not None:
            await self._deliver(packet)

    async def _encode(self, samples: Samples, *, release: bool) -> None:
        """Encode in the stream's task; streams take turns."""
        rate_hz, due = self._sound.sample_rate_hz, self._packer.dry_at
        for pcm in self._packer.push(self._encoder.prepare(samples), trio.current_time(), release=release):
            audio = await encode_in_turns(self._encoder, pcm, rate_hz, self._turns, due)
            due += len(pcm) / rate_hz
            if packet := self._packet(pcm, audio):
                await self._deliver(packet)

    def _encode_nowait(self, samples: Samples, now: float, *, release: bool) -> None:
        """Encode at once; all packets leave together."""
        packets = []
        for pcm in self._packer.push(self._encoder.prepare(samples), now, release=release):
            if packet := self._packet(pcm, self._encoder.encode_prepared(pcm)):
                packets.append(packet)
        if packets and self._direct is not None:
            self._direct.put_nowait(packets)

    def _packet(self, pcm: Prepared, audio: bytes) -> Packet | None:
        """Count samples that went into the encoder; make a packet of the bytes that came out, if any did."""
        until_s = self._encoder.encoded_s
        self._packer.codec_holds_s = self.packets.count(len(pcm)) - until_s
        return self.packets.make(audio, until_s) if audio else None
