"""G.711: u-law and A-law."""

from __future__ import annotations

from av import AudioCodecContext, AudioFrame, CodecContext

from zelitrio.audio.encoder import Encoder, Samples
from zelitrio.audio.formats import AudioFormat
from zelitrio.audio.resampler import Resampler


class G711Encoder(Encoder):
    """u-law or A-law bytes, one per sample, as telephone networks carry them."""

    def __init__(self, audio_format: AudioFormat, input_rate_hz: int) -> None:
        super().__init__(audio_format)
        rate_hz = audio_format.sample_rate_hz
        context = CodecContext.create(f"pcm_{'mulaw' if audio_format.codec == 'ulaw' else 'alaw'}", "w")
        assert isinstance(context, AudioCodecContext)
        context.rate, context.layout, context.format = rate_hz, "mono", "s16"
        self._codec = context
        self._resampler = Resampler(input_rate_hz, rate_hz, "s16")

    @property
    def delay_samples(self) -> int:
        """Zero."""
        return 0

    def _encode(self, pcm: Samples) -> bytes:
        return self._packets(self._resampler.push(pcm))

    def _finish(self) -> bytes:
        return self._packets(self._resampler.flush())

    def _packets(self, frames: list[AudioFrame]) -> bytes:
        data = b"".join(bytes(packet) for frame in frames for packet in self._codec.encode(frame))
        self.encoded_s += len(data) / self.format.sample_rate_hz
        return data
