"""WAV: PCM after a header, which has the true sizes if the length is known."""

from __future__ import annotations

import struct

from zelitrio.audio.formats import AudioFormat
from zelitrio.audio.pcm import PcmEncoder

_UNKNOWN_BYTES = 0xFFFFFFFF
_WAV_HEADER_BYTES = 44


def wav_header(sample_rate_hz: int, data_bytes: int | None = None) -> bytes:
    """The header of 44 bytes before mono 16-bit samples.

    Args:
        sample_rate_hz: of the samples.
        data_bytes: number of bytes that follow.  None: unknown; then both sizes are 0xFFFFFFFF, as FFmpeg
            writes to a pipe, which players read as "until the end".
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


def with_true_sizes(data: bytes, audio_format: AudioFormat) -> bytes:
    """Write the true sizes into the header of a whole WAV file.  Other formats stay as they are."""
    if audio_format.codec != "wav" or not data:
        return data
    header = wav_header(audio_format.sample_rate_hz, len(data) - _WAV_HEADER_BYTES)
    return header + data[_WAV_HEADER_BYTES:]


class WavEncoder(PcmEncoder):
    """A header without a length, then PCM.  An empty stream is also a WAV file."""

    def __init__(self, audio_format: AudioFormat, input_rate_hz: int) -> None:
        super().__init__(audio_format, input_rate_hz)
        self._header = wav_header(audio_format.sample_rate_hz)

    def _framed(self, data: bytes) -> bytes:
        # The header waits for the first sample, because clients would take a lone header for audio.
        return self._with_header(super()._framed(data))

    def _finish(self) -> bytes:
        return self._with_header(super()._finish(), at_end=True)

    def _with_header(self, data: bytes, *, at_end: bool = False) -> bytes:
        if not self._header or not (data or at_end):
            return data
        header, self._header = self._header, b""
        return header + data
