"""Codecs in a container: Ogg-Opus, AAC (MP4 or ADTS), FLAC.

The muxer writes into memory, and every call returns these bytes.  The header is held back until the first
audio, so that a stream's first bytes always contain audio.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import attrs
import av
from av import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer

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
    """Seconds of audio that the muxer holds back or that players skip because of the header."""


_RECIPES: Mapping[str, _Recipe] = MappingProxyType(
    {
        # By default Ogg collects a second of audio in a page.
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


@attrs.frozen(eq=False)
class _Opened:
    container: OutputContainer
    stream: AudioStream
    resampler: Resampler


class ContainedEncoder(Encoder):
    """One codec and one muxer for one stream."""

    def __init__(self, audio_format: AudioFormat, input_rate_hz: int) -> None:
        super().__init__(audio_format)
        self._recipe = _RECIPES[audio_format.codec]
        self._input_rate_hz = input_rate_hz
        self._made_s = 0.0
        self._sink = _Sink()
        self._header_bytes = 0
        self._opened: _Opened | None = None

    @property
    def delay_samples(self) -> int:
        """Zero if the container names the skipped part."""
        return self._recipe.delay_samples

    def _encode(self, pcm: Samples) -> bytes:
        opened = self._open()
        self._mux(opened, opened.resampler.push(pcm))
        if len(self._sink._gathered) == self._header_bytes:
            return b""
        self._header_bytes = 0
        self.encoded_s = max(0.0, self._made_s - self._recipe.hidden_s)
        return self._sink.take()

    def _finish(self) -> bytes:
        opened = self._open()
        self._mux(opened, [*opened.resampler.flush(), None])
        opened.container.close()
        self._opened = None  # freed here, where it was opened
        return self._sink.take()

    def _open(self) -> _Opened:
        """Open codec and muxer at the first call, because the caller may have a thread for the cost."""
        if self._opened is not None:
            return self._opened
        recipe, rate_hz = self._recipe, self.format.sample_rate_hz
        if self.format.codec == "opus":
            high = (rate for rate in _OPUS_RATES_HZ if rate >= self._input_rate_hz)
            rate_hz = next(high, _OPUS_RATES_HZ[-1])
        container = av.open(self._sink, "w", format=recipe.muxer, options=dict(recipe.muxer_options))
        stream = container.add_stream(recipe.codec, rate=rate_hz, options=dict(recipe.codec_options))
        assert isinstance(stream, AudioStream)
        stream.layout = "mono"
        if self.format.bitrate_bps is not None:
            stream.bit_rate = self.format.bitrate_bps
        container.start_encoding()
        self._header_bytes = len(self._sink._gathered)
        codec = stream.codec_context
        resampler = Resampler(self._input_rate_hz, rate_hz, codec.format.name, codec.frame_size)
        self._opened = _Opened(container, stream, resampler)
        return self._opened

    def _mux(self, opened: _Opened, frames: list[AudioFrame] | list[AudioFrame | None]) -> None:
        codec = opened.stream.codec_context
        for frame in frames:
            packets = opened.stream.encode(frame)
            self._made_s += len(packets) * codec.frame_size / codec.sample_rate
            opened.container.mux(packets)
