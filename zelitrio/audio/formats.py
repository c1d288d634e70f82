"""The table of output formats by name: `codec_samplerate[_kbps]`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType

import attrs

from zelitrio.errors import RemoteError

_CONTENT_TYPES = {
    "mp3": "audio/mpeg",
    "pcm": "audio/pcm",
    "wav": "audio/wav",
    "ulaw": "audio/basic",
    "alaw": "audio/x-alaw-basic",
    "opus": "audio/opus",
    "m4a": "audio/mp4",
    "aac": "audio/aac",
    "flac": "audio/flac",
}
_PCM_RATES_HZ = (8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)


@attrs.frozen
class AudioFormat:
    """An output format; always mono.

    Attributes:
        name: as clients send it, such as `mp3_44100_128`.
        codec: `mp3`, `pcm`, `wav`, `ulaw`, `alaw`, `opus` (in Ogg), `m4a` (AAC in fragmented MP4),
            `aac` (ADTS) or `flac`.
        sample_rate_hz: of the decoded audio.
        bitrate_bps: of the encoded audio; None if fixed by the codec.
        content_type: of an HTTP answer.
    """

    name: str
    codec: str
    sample_rate_hz: int
    bitrate_bps: int | None
    content_type: str


def _table() -> Iterable[AudioFormat]:
    for codec, rate_hz, bitrates_kbps in (
        ("mp3", 22_050, (32,)),
        ("mp3", 24_000, (48,)),
        ("mp3", 44_100, (32, 64, 96, 128, 192)),
        ("opus", 48_000, (32, 64, 96, 128, 192)),
        ("aac", 44_100, (128,)),
    ):
        for kbps in bitrates_kbps:
            name = f"{codec}_{rate_hz}_{kbps}"
            yield AudioFormat(name, codec, rate_hz, kbps * 1000, _CONTENT_TYPES[codec])
    yield AudioFormat("m4a_aac_44100_128", "m4a", 44_100, 128_000, _CONTENT_TYPES["m4a"])
    for codec in ("pcm", "wav"):
        for rate_hz in _PCM_RATES_HZ:
            yield AudioFormat(f"{codec}_{rate_hz}", codec, rate_hz, None, _CONTENT_TYPES[codec])
    for codec in ("ulaw", "alaw"):
        yield AudioFormat(f"{codec}_8000", codec, 8_000, None, _CONTENT_TYPES[codec])
    yield AudioFormat("flac_24000", "flac", 24_000, None, _CONTENT_TYPES["flac"])


FORMATS: Mapping[str, AudioFormat] = MappingProxyType({entry.name: entry for entry in _table()})
"""All formats by name: ElevenLabs' list, `aac_44100_128` and `flac_24000`."""

DEFAULT_FORMAT: AudioFormat = FORMATS["mp3_44100_128"]
"""The default format."""

# ElevenLabs' WebSocket schema has this shorter name for its default.
_ALIASES = {"mp3_44100": "mp3_44100_128"}


def parse_format(name: str) -> AudioFormat:
    """Find a format by its name.

    Raises:
        RemoteError: `invalid_output_format`, with all valid names in the message.
    """
    found = FORMATS.get(_ALIASES.get(name, name))
    if found is not None:
        return found
    shown = name if len(name) <= 40 else name[:40] + "..."
    nearest = get_close_matches(shown, FORMATS, n=1)
    hint = f" Did you mean {nearest[0]}?" if nearest else ""
    raise RemoteError(
        "invalid_output_format",
        f"output_format: expected one of {', '.join(FORMATS)}, found {shown!r}.{hint}",
        param="output_format",
    )
