"""The encoder for each format."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from zelitrio.audio.contained import ContainedEncoder
from zelitrio.audio.encoder import Encoder
from zelitrio.audio.formats import AudioFormat
from zelitrio.audio.g711 import G711Encoder
from zelitrio.audio.mp3 import Mp3Encoder
from zelitrio.audio.pcm import PcmEncoder
from zelitrio.audio.wav import WavEncoder
from zelitrio.errors import LocalError

_LOWEST_RATE_HZ, _HIGHEST_RATE_HZ = 8_000, 192_000

_ENCODERS: Mapping[str, Callable[[AudioFormat, int], Encoder]] = {
    "mp3": Mp3Encoder,
    "pcm": PcmEncoder,
    "wav": WavEncoder,
    "ulaw": G711Encoder,
    "alaw": G711Encoder,
    "opus": ContainedEncoder,
    "m4a": ContainedEncoder,
    "aac": ContainedEncoder,
    "flac": ContainedEncoder,
}


def open_encoder(audio_format: AudioFormat, input_rate_hz: int = 24_000) -> Encoder:
    """Return the encoder of one stream.  Its codec is opened by the first samples; it needs no closing.

    Args:
        audio_format: the output format, from `FORMATS` or `parse_format`.
        input_rate_hz: sample rate of the input.

    Raises:
        LocalError: the rate is out of range.
    """
    if not _LOWEST_RATE_HZ <= input_rate_hz <= _HIGHEST_RATE_HZ:
        raise LocalError(
            f"input_rate_hz: expected {_LOWEST_RATE_HZ} to {_HIGHEST_RATE_HZ}, found {input_rate_hz!r}"
        )
    return _ENCODERS[audio_format.codec](audio_format, input_rate_hz)
