"""Codecs in a container: Ogg-Opus, AAC (MP4 or ADTS), FLAC.

The muxer writes into memory, and every call returns the bytes that it wrote.  The header is held back until
the first audio, so that the first bytes of a stream always contain audio.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import attrs
import av
from av import AudioFrame
from av.audio.stream import AudioStream

from zelitrio.audio.encoder import Encoder, Samples
from zelitrio.audio.formats import AudioFormat
from zelitrio.audio.resampler import Resampler

# The rates that libopus accepts.  Decoders always produce 48 kHz, so encoding at the voice's own rate saves
# the resampling and the wait of 20 ms for a 48 kHz frame.
_OPUS_RATES_HZ = (8_000, 12_000, 16_000, 24_000, 48_000)


@attrs.frozen
class _Recipe:
    """FFmpeg's options for one codec."""

    muxer: str
    codec: str
    muxer_options: Mapping[str, str] = attrs.field(factory=dict)
    codec_options: Mapping[str, str] = attrs.field(factory=dict)
    delay_samples: int = 0
    hidden_s: float = 0.0
    """Seconds of audio that the muxer holds back, or that players skip because the header names it."""


_RECIPES: Mapping[str, _Recipe] = MappingProxyType(
    {
        # By default Ogg collects a second of sound in a page.
        "opus": _Recipe(
            "ogg",
            "libopus",
            {"page_duration": "20000", "flush_packets": "1"},
            {"frame_duration": "20", "application": "audio"},
            hidden_s=0.020 + 312 / 48_000,
        ),
        # A fragment per frame; `delay_moov` lets the header say how much padding to skip.
        "m4a": _Recipe(
            "mp4",
            "aac",
            {"movflags": "frag_every_frame+empty_moov+default_base_moof+delay_moov", "flush_packets": "1"},
            hidden_s=2 * 1024 / 44_100,
        ),
        # ADTS has no field for the padding of the first frame.
        "aac": _Recipe("adts", "aac", {"flush_packets": "1"}, delay_samples=1024),
        "flac": _Recipe("flac", "flac", {"flush_packets": "1"}),
    }
)


class _Sink:
    """The muxer's output: it cannot seek or read."""

    def __init__(self) -> None:
        self._gathered = bytearray()

    def write(self, data: bytes) -> int:
        self._gathered += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._gathered)
        self._gathered.clear()
        return taken


class ContainedEncoder(Encoder):
    """One codec and one muxer for one stream."""

    def __init__(self, audio_format: AudioFormat, input_rate_hz: int) -> None:
        super().__init__(audio_format)
        recipe = _RECIPES[audio_format.codec]
        rate_hz = audio_format.sample_rate_hz
        if audio_format.codec == "opus":
            rate_hz = next((rate for rate in _OPUS_RATES_HZ if rate >= input_rate_hz), _OPUS_RATES_HZ[-1])
        self._delay_samples = recipe.delay_samples
        self._hidden_s = recipe.hidden_s
        self._made_s = 0.0
        self._sink = _Sink()
        self._container = av.open(self._sink, "w", format=recipe.muxer, options=dict(recipe.muxer_options))
        stream = self._container.add_stream(recipe.codec, rate=rate_hz, options=dict(recipe.codec_options))
        assert isinstance(stream, AudioStream)
        stream.layout = "mono"
        if audio_format.bitrate_bps is not None:
            stream.bit_rate = audio_format.bitrate_bps
        self._container.start_encoding()
        self._stream = stream
        self._header_bytes = len(self._sink._gathered)
        self._resampler = Resampler(
            input_rate_hz, rate_hz, stream.codec_context.format.name, stream.codec_context.frame_size
        )

    @property
    def delay_samples(self) -> int:
        """Zero where the container says what to skip."""
        return self._delay_samples

    def _encode(self, pcm: Samples) -> bytes:
        self._mux(self._resampler.push(pcm))
        if len(self._sink._gathered) == self._header_bytes:
            return b""
        self._header_bytes = 0
        self.encoded_s = max(0.0, self._made_s - self._hidden_s)
        return self._sink.take()

    def _finish(self) -> bytes:
        self._mux([*self._resampler.flush(), None])
        self._container.close()
        return self._sink.take()

    def _mux(self, frames: list[AudioFrame] | list[AudioFrame | None]) -> None:
        codec = self._stream.codec_context
        for frame in frames:
            packets = self._stream.encode(frame)
            self._made_s += len(packets) * codec.frame_size / codec.sample_rate
            self._container.mux(packets)
