"""Samples to bytes a client can play: the formats, and one encoder per stream.

`open_encoder(parse_format("mp3_44100_128"))` gives a plain synchronous object: `encode` samples as
they are made, send what comes back, `flush` once at the end.  One encoder lives as long as its
stream; a new one in mid-stream would click and leave a gap.
"""

from __future__ import annotations

from zelitrio.audio.decode import decode_file
from zelitrio.audio.encoder import Encoder
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
