"""Convert samples to FFmpeg frames with the rate, sample format and frame size that a codec needs."""

from __future__ import annotations

from fractions import Fraction

from av import AudioFrame, AudioResampler

from zelitrio.audio.encoder import Samples


class Resampler:
    """Converts one stream with FFmpeg's swr, which holds back 0.7 to 2 ms and adds no delay.

    Args:
        input_rate_hz: of the samples that are pushed.
        output_rate_hz: of the frames.
        sample_format: FFmpeg's name, such as `s16` or `fltp`.
        frame_samples: the length of every frame but the last; 0: any length.
    """

    def __init__(
        self, input_rate_hz: int, output_rate_hz: int, sample_format: str, frame_samples: int = 0
    ) -> None:
        self._input_rate_hz = input_rate_hz
        self._time_base = Fraction(1, input_rate_hz)
        self._pushed_samples = 0
        self._swr = AudioResampler(
            format=sample_format, layout="mono", rate=output_rate_hz, frame_size=frame_samples or None
        )

    def push(self, pcm: Samples) -> list[AudioFrame]:
        """Convert float32 [n]; return the complete frames."""
        frame = AudioFrame.from_ndarray(pcm[None, :], format="fltp", layout="mono")
        frame.rate = self._input_rate_hz
        frame.time_base = self._time_base
        frame.pts = self._pushed_samples
        self._pushed_samples += len(pcm)
        return self._swr.resample(frame)

    def flush(self) -> list[AudioFrame]:
        """Return the rest.  `push` must not be called afterwards."""
        if not self._pushed_samples:  # swr has no graph to flush before its first frame
            return []
        return self._swr.resample(None)
