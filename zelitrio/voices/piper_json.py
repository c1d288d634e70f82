"""The JSON of a Piper voice, checked field by field."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from zelitrio.errors import VoiceError
from zelitrio.voices.origin import read_json

_RATES_HZ = (8_000, 48_000)
_PHONEME_TYPES = ("espeak", "text")
"""Piper's other kinds, such as pinyin, have no reader here."""
_INFERENCE = {"noise_scale": 0.667, "noise_w": 0.8, "length_scale": 1.0}
_EDGES = ("^", "_", "$")
"""Symbols that every utterance has."""


@attrs.frozen(kw_only=True)
class PiperFacts:
    """The checked content of a Piper voice's JSON."""

    sample_rate_hz: int
    quality: str
    language: str
    """A BCP 47 code."""
    symbols: Mapping[str, list[int]]
    """Numbers of each symbol."""
    phoneme_type: str
    espeak_voice: str
    inference: Mapping[str, float]
    speakers: Mapping[int, str]
    """Names of speakers by number; some may have no name."""


def read_piper_facts(path: Path) -> PiperFacts:
    """Read the file.  Blocks on the disk.

    Raises:
        VoiceError: a field is missing or invalid.
    """
    content = read_json(path)
    audio = _part(path, content, "audio")
    rate = audio.get("sample_rate")
    if not isinstance(rate, int) or not _RATES_HZ[0] <= rate <= _RATES_HZ[1]:
        raise VoiceError(
            path, "audio.sample_rate", expected=f"{_RATES_HZ[0]} to {_RATES_HZ[1]}", found=_short(rate)
        )
    kind = content.get("phoneme_type", "espeak")
    if kind not in _PHONEME_TYPES:
        raise VoiceError(path, "phoneme_type", expected=" or ".join(_PHONEME_TYPES), found=_short(kind))
    spoken = _part(path, content, "espeak", needed=kind == "espeak").get("voice", "")
    if not isinstance(spoken, str) or (kind == "espeak" and not spoken):
        raise VoiceError(path, "espeak.voice", expected="a language such as en-us", found=_short(spoken))
    code = _part(path, content, "language", needed=False).get("code") or spoken or "unknown"
    inference = _part(path, content, "inference", needed=False)
    return PiperFacts(
        sample_rate_hz=rate,
        quality=str(audio.get("quality", "unknown")),
        language=str(code).replace("_", "-"),
        symbols=_symbols(path, content),
        phoneme_type=kind,
        espeak_voice=spoken,
        inference={
            name: _scale(path, name, inference.get(name, usual)) for name, usual in _INFERENCE.items()
        },
        speakers=_speakers(path, content),
    )


def _part(path: Path, content: Mapping[str, Any], name: str, *, needed: bool = True) -> Mapping[str, Any]:
    found = content.get(name)
    if found is None and not needed:
        return {}
    if not isinstance(found, dict):
        raise VoiceError(path, name, expected="a JSON object", found=_short(found))
    return found


def _symbols(path: Path, content: Mapping[str, Any]) -> dict[str, list[int]]:
    found = _part(path, content, "phoneme_id_map")
    for symbol, numbers in found.items():
        if not isinstance(numbers, list) or not all(isinstance(one, int) and one >= 0 for one in numbers):
            raise VoiceError(
                path, f"phoneme_id_map.{symbol}", expected="whole numbers", found=_short(numbers)
            )
    for symbol in _EDGES:
        if not found.get(symbol):
            raise VoiceError(path, "phoneme_id_map", expected=f"the symbol {symbol}", found=None)
    return {symbol: list(numbers) for symbol, numbers in found.items()}


def _scale(path: Path, name: str, value: Any) -> float:
    if not isinstance(value, int | float) or not 0 <= value <= 10 or not math.isfinite(value):
        raise VoiceError(path, f"inference.{name}", expected="0 to 10", found=_short(value))
    return float(value)


def _speakers(path: Path, content: Mapping[str, Any]) -> dict[int, str]:
    found = _part(path, content, "speaker_id_map", needed=False)
    for name, number in found.items():
        if not isinstance(number, int):
            raise VoiceError(path, f"speaker_id_map.{name}", expected="a whole number", found=_short(number))
    return {number: name for name, number in found.items()}


def _short(value: Any) -> str:
    return repr(value)[:60]
