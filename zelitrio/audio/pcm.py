"""PCM: signed 16-bit samples without a header."""

from __future__ import annotations

import numpy as np
from av import AudioFrame
from numpy.typing import NDArray

from zelitrio.audio.encoder import Encoder, Prepared, Samples
from zelitrio.audio.formats import AudioFormat
from zelitrio.audio.resampler import Resampler


class PcmEncoder(Encoder):
    """Signed 16-bit little-endian samples; every call returns whole samples."""

    def __init__(self, audio_format: AudioFormat, input_rate_hz: int) -> None:
        super().__init__(audio_format)
        rate_hz = audio_format.sample_rate_hz
        # numpy takes a few microseconds for equal rates, FFmpeg's filter graph more.
        self._resampler = None if rate_hz == input_rate_hz else Resampler(input_rate_hz, rate_hz, "s16")
        if self._resampler is None:
            # The largest 16-bit value.  `encode` compares only the extremes with it, which is faster than
            # clipping.
            self._loudest = 32767 / 32768

    @property
    def delay_samples(self) -> int:
        """Zero."""
        return 0

    def prepare(self, pcm: Samples) -> Prepared:
        """See `Encoder`: 16-bit steps, if the rate stays."""
        return pcm if self._resampler is not None or not len(pcm) else _steps(self._checked(pcm))

    def encode_prepared(self, part: Prepared) -> bytes:
        """See `Encoder`."""
        if self._resampler is not None or self._flushed:
            return self.encode(part)  # which refuses it after a flush
        return self._framed(part.tobytes())

    def _encode(self, pcm: Samples) -> bytes:
        if self._resampler is None:
            return self._framed(_steps(pcm).tobytes())
        return self._framed(_frame_bytes(self._resampler.push(pcm)))

    def _finish(self) -> bytes:
        return b"" if self._resampler is None else self._framed(_frame_bytes(self._resampler.flush()))

    def _framed(self, data: bytes) -> bytes:
        self.encoded_s += len(data) / 2 / self.format.sample_rate_hz
        return data


def _steps(pcm: Samples) -> NDArray[np.int16]:
    # 32768 as in swr, not 32767, so that all rates are equally loud.
    # In place, because new memory costs more than the arithmetic.
    steps = pcm * np.float32(32768.0)
    np.rint(steps, out=steps)
    return steps.astype("<i2")


def _frame_bytes(frames: list[AudioFrame]) -> bytes:
    return b"".join(frame.to_ndarray().astype("<i2", copy=False).tobytes() for frame in frames)
