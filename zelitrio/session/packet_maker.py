"""Make a stream's packets from encoded bytes: add times, length, and reports to the first packet."""

from __future__ import annotations

import attrs

from zelitrio.session.packets import Packet
from zelitrio.session.pending import Speech
from zelitrio.session.sound_changes import HeardTimes
from zelitrio.session.timing import Alignment, SegmentClock
from zelitrio.session.traces import FirstAudio


@attrs.define(eq=False)
class PacketMaker:
    """Makes the packets of one stream, in order.

    Args:
        clock: computes when each character is heard.
        sample_rate_hz: of the samples that the encoder takes.
    """

    _clock: SegmentClock
    _sample_rate_hz: int
    audio_s: float = attrs.field(default=0.0, init=False)
    """Seconds of audio in all packets."""
    released_at: float | None = attrs.field(default=None, init=False)
    """When the first chunk was released, on Trio's clock.  None after the first packet."""
    first: FirstAudio | None = attrs.field(default=None, init=False)
    """Reports the first audio to a trace.  The first packet takes it; None: the stream is not traced."""
    _chunk: int = attrs.field(default=0, init=False)
    _carried: str = attrs.field(default="", init=False)
    """Text without words since the last utterance."""
    _encoded_s: float = attrs.field(default=0.0, init=False)
    """Seconds of audio that the encoder took since the last packet."""

    def begin(self, speech: Speech, times: HeardTimes) -> None:
        """Begin an utterance: the next sample is its first."""
        skipped, self._carried = self._carried + speech.skipped, ""
        self._clock.begin(speech.utterance, times.words_ms, times.length_ms, skipped, times.phone_edges_ms)
        self._chunk = speech.released.number

    def carry(self, skipped: str) -> None:
        """Keep text without words from the end of a turn: the next utterance's times include it."""
        self._carried += skipped

    def count(self, samples: int) -> float:
        """Count samples that the encoder took; return the seconds that it took in all."""
        self._clock.advance(samples)
        self._encoded_s += samples / self._sample_rate_hz
        return self.audio_s + self._encoded_s

    def make(self, audio: bytes, until_s: float) -> Packet:
        """The next packet; `until_s` is the length of the stream's audio up to its end."""
        return self._packet(audio, self._clock.take(until_s), until_s)

    def make_last(self, tail: bytes, skipped: str, encoded_s: float) -> Packet | None:
        """The stream's last packet; None if there is nothing to send.

        Args:
            tail: the encoder's last bytes.
            skipped: text without words at the end.
            encoded_s: end of the encoder's last frame.
        """
        alignment = self._clock.take_last(self._carried + skipped, encoded_s)
        return self._packet(tail, alignment, self._clock.heard_s) if tail or alignment is not None else None

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
