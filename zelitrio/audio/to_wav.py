"""Convert encoded audio of any of the formats to a WAV file."""

from __future__ import annotations

import io

import av
from av.audio.resampler import AudioResampler

from zelitrio.audio.formats import AudioFormat
from zelitrio.audio.wav import wav_header, with_true_sizes

_RAW = {"ulaw": "mulaw", "alaw": "alaw"}
"""Codecs without a container, as FFmpeg names them."""


def to_wav(data: bytes, audio_format: AudioFormat) -> bytes:
    """Convert audio of this server to a WAV file, at the rate of its format.

    Blocks; a program with an event loop should call it in a worker thread.
    """
    rate_hz = audio_format.sample_rate_hz
    if audio_format.codec == "wav":
        return with_true_sizes(data, audio_format)
    if audio_format.codec == "pcm":
        return wav_header(rate_hz, len(data)) + data
    raw = _RAW.get(audio_format.codec)
    options = {} if raw is None else {"sample_rate": str(rate_hz)}
    pieces: list[bytes] = []
    with av.open(io.BytesIO(data), "r", format=raw, options=options) as container:
        resampler = AudioResampler(format="s16", layout="mono", rate=rate_hz)
        for frame in (*container.decode(audio=0), None):
            pieces += [piece.to_ndarray().tobytes() for piece in resampler.resample(frame)]
    pcm = b"".join(pieces)
    return wav_header(rate_hz, len(pcm)) + pcm
