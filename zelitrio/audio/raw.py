"""Formats without frames: 16-bit PCM, the same behind a WAV header, and G.711."""

from __future__ import annotations

import struct

import numpy as np
from av import AudioCodecContext, AudioFrame, CodecContext

from zelitrio.audio.encoder import Encoder, Samples
from zelitrio.audio.formats import AudioFormat
from zelitrio.audio.resampler import Resampler

_UNKNOWN_BYTES = 0xFFFFFFFF
_WAV_HEADER_BYTES = 44


def wav_header(sample_rate_hz: int, data_bytes: int | None = None) -> bytes:
    """Return the 44 bytes in front of mono 16-bit samples.

    Args:
        sample_rate_hz: of the samples.
        data_bytes: how many bytes follow.  None while that is not known: both lengths are then
            0xFFFFFFFF, which players take as "until the end", as they do from FFmpeg writing to a pipe.
    """
    known = data_bytes is not None and data_bytes + _WAV_HEADER_BYTES - 8 <= _UNKNOWN_BYTES
    data = data_bytes if known and data_bytes is not None else _UNKNOWN_BYTES
    riff = data + _WAV_HEADER_BYTES - 8 if known else _UNKNOWN_BYTES
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", riff, b"WAVE"),
        *(b"fmt ", 16, 1, 1, sample_rate_hz, sample_rate_hz * 2, 2, 16),
        *(b"data", data),
    )


class PcmEncoder(Encoder):
    """Signed 16-bit little-endian samples; every return is whole samples."""

    def __init__(self, audio_format: AudioFormat, input_rate_hz: int) -> None:
        super().__init__(audio_format)
        rate_hz = audio_format.sample_rate_hz
        # Equal rates need no FFmpeg: a few microseconds of numpy instead of a filter graph.
        self._resampler = None if rate_hz == input_rate_hz else Resampler(input_rate_hz, rate_hz, "s16")
        if self._resampler is None:
            # The loudest there is a number for.  Sound seldom is as loud, and to look is what the law of
            # use does anyway: it is cheaper than to hold every sample against it once more.
            self._loudest = 32767 / 32768

    @property
    def delay_samples(self) -> int:
        """Nothing is delayed."""
        return 0

    def _encode(self, pcm: Samples) -> bytes:
        if self._resampler is None:
            # 32768, not 32767: what swr does, so that all rates are equally loud.
            # In place: fresh memory costs more than the arithmetic.
            steps = pcm * np.float32(32768.0)
            np.rint(steps, out=steps)
            return self._counted(steps.astype("<i2").tobytes())
        return self._counted(_frame_bytes(self._resampler.push(pcm)))

    def _finish(self) -> bytes:
        return b"" if self._resampler is None else self._counted(_frame_bytes(self._resampler.flush()))

    def _counted(self, data: bytes) -> bytes:
        self.encoded_s += len(data) / 2 / self.format.sample_rate_hz
        return data


class WavEncoder(PcmEncoder):
    """PCM behind a header that does not yet know its length; an empty stream is still a WAV file."""

    def __init__(self, audio_format: AudioFormat, input_rate_hz: int) -> None:
        super().__init__(audio_format, input_rate_hz)
        self._header = wav_header(audio_format.sample_rate_hz)

    def _encode(self, pcm: Samples) -> bytes:
        # The header waits for the first sample: a packet of header alone would look like sound.
        return self._with_header(super()._encode(pcm))

    def _finish(self) -> bytes:
        return self._with_header(super()._finish(), at_end=True)

    def _with_header(self, data: bytes, *, at_end: bool = False) -> bytes:
        if not self._header or not (data or at_end):
            return data
        header, self._header = self._header, b""
        return header + data


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
        """Nothing is delayed."""
        return 0

    def _encode(self, pcm: Samples) -> bytes:
        return self._packets(self._resampler.push(pcm))

    def _finish(self) -> bytes:
        return self._packets(self._resampler.flush())

    def _packets(self, frames: list[AudioFrame]) -> bytes:
        data = b"".join(bytes(packet) for frame in frames for packet in self._codec.encode(frame))
        self.encoded_s += len(data) / self.format.sample_rate_hz
        return data


def _frame_bytes(frames: list[AudioFrame]) -> bytes:
    return b"".join(frame.to_ndarray().astype("<i2", copy=False).tobytes() for frame in frames)
