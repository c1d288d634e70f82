"""MP3 as frames without tags, so that a stream can be cut and joined at any frame."""

from __future__ import annotations

from av import AudioCodecContext, AudioFrame, CodecContext

from zelitrio.audio.encoder import Encoder, Samples
from zelitrio.audio.formats import AudioFormat
from zelitrio.audio.resampler import Resampler

# LAME's delay of 576 samples plus 529 of every MP3 decoder, at any sample rate.  With a LAME tag players
# would skip them, but only a finished file can have one.
_DELAY_SAMPLES = 576 + 529


class Mp3Encoder(Encoder):
    """Constant bit rate, no ID3, no Xing tag, no bit reservoir.

    Without the reservoir every frame can be decoded by itself, and the first is ready after 60 ms of audio
    instead of 80 ms.  There is no muxer, because it would only add tags.
    """

    def __init__(self, audio_format: AudioFormat, input_rate_hz: int) -> None:
        super().__init__(audio_format)
        self._input_rate_hz = input_rate_hz
        self._opened: tuple[AudioCodecContext, Resampler] | None = None

    def _open(self) -> tuple[AudioCodecContext, Resampler]:
        context = CodecContext.create("libmp3lame", "w")
        assert isinstance(context, AudioCodecContext)
        rate_hz = self.format.sample_rate_hz
        context.rate, context.layout, context.format = rate_hz, "mono", "fltp"
        context.bit_rate = self.format.bitrate_bps
        # LAME's quality 7 takes a third less time than its default 5, and speech at these bit rates sounds
        # the same.
        context.options = {"reservoir": "0", "compression_level": "7"}
        context.open()
        return context, Resampler(self._input_rate_hz, rate_hz, "fltp", context.frame_size)

    @property
    def delay_samples(self) -> int:
        """The codec's look-ahead and the decoder's overlap, which no tag tells players to skip."""
        return _DELAY_SAMPLES

    def _encode(self, pcm: Samples) -> bytes:
        if self._opened is None:
            self._opened = self._open()  # here, because the caller may have a thread for it
        codec, resampler = self._opened
        return self._packets(codec, resampler.push(pcm))

    def _finish(self) -> bytes:
        if self._opened is None:
            return b""
        # Freed here, because that costs 0.15 ms and the caller may have a thread for it.
        (codec, resampler), self._opened = self._opened, None
        return self._packets(codec, [*resampler.flush(), None])

    def _packets(self, codec: AudioCodecContext, frames: list[AudioFrame | None] | list[AudioFrame]) -> bytes:
        packets = [bytes(packet) for frame in frames for packet in codec.encode(frame)]
        self.encoded_s += len(packets) * codec.frame_size / self.format.sample_rate_hz
        return b"".join(packets)
