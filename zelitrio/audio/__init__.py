"""Audio: encode samples into clients' formats, decode, resample, change the tempo.

`open_encoder(parse_format("mp3_44100_128"))` returns an encoder with methods that never wait.  Call `encode`
with samples as they are made, send the returned bytes, and call `flush` once at the end.  A stream keeps its
encoder to the end, because a new one in mid-stream would cause a click and a gap.
"""

from __future__ import annotations

from zelitrio.audio.decode import decode_file
from zelitrio.audio.encoder import Encoder, Prepared
from zelitrio.audio.formats import DEFAULT_FORMAT, FORMATS, AudioFormat, parse_format
from zelitrio.audio.opening import open_encoder
from zelitrio.audio.rate import RateConverter
from zelitrio.audio.sound import read_sound
from zelitrio.audio.tempo import (
    TempoChanger,
)
from zelitrio.audio.to_wav import to_wav
from zelitrio.audio.wav import wav_header, with_true_sizes

__all__ = [
    "DEFAULT_FORMAT",
    "FORMATS",
    "AudioFormat",
    "Encoder",
    "Prepared",
    "RateConverter",
    "TempoChanger",
    "decode_file",
    "open_encoder",
    "parse_format",
    "read_sound",
    "to_wav",
    "wav_header",
    "with_true_sizes",
]
