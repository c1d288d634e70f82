"""The JSON of a Piper voice, checked field by field."""

from __future__ import annotations

import re
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
_LENGTH_SCALE = (0.1, 10.0)
_EDGES = ("^", "_", "$")
"""Symbols that every utterance has."""
_MOST_NUMBERS = 8
"""Numbers of one symbol.  Published voices have one; thousands would leave no room for a text."""
_ESPEAK_VOICE = re.compile(r"[a-z]{2,4}(-[A-Za-z0-9_-]{1,20})?")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*")
_SPEAKER = re.compile(r"[^/\\+()#\x00-\x1f\x7f]{1,64}")
_QUALITY = re.compile(r"[a-z_]{1,20}")


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
    if not isinstance(spoken, str) or (kind == "espeak" and not _ESPEAK_VOICE.fullmatch(spoken)):
        raise VoiceError(path, "espeak.voice", expected="a language such as en-us", found=_short(spoken))
    code = _part(path, content, "language", needed=False).get("code") or spoken or "unknown"
    if not isinstance(code, str) or not _LANGUAGE.fullmatch(code):
        raise VoiceError(path, "language.code", expected="a language such as en_US", found=_short(code))
    quality = audio.get("quality", "unknown")
    if not isinstance(quality, str) or not _QUALITY.fullmatch(quality):
        raise VoiceError(path, "audio.quality", expected="a word such as medium", found=_short(quality))
    inference = _part(path, content, "inference", needed=False)
    return PiperFacts(
        sample_rate_hz=rate,
        quality=quality,
        language=code.replace("_", "-"),
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
        if not isinstance(numbers, list) or len(numbers) > _MOST_NUMBERS or not all(map(_is_number, numbers)):
            expected = f"up to {_MOST_NUMBERS} whole numbers"
            raise VoiceError(
                path, f"phoneme_id_map.{_short(symbol)}", expected=expected, found=_short(numbers)
            )
    for symbol in _EDGES:
        if not found.get(symbol):
            raise VoiceError(path, "phoneme_id_map", expected=f"the symbol {symbol}", found=None)
    return {symbol: list(numbers) for symbol, numbers in found.items()}


def _scale(path: Path, name: str, value: Any) -> float:
    low, high = _LENGTH_SCALE if name == "length_scale" else (0, 10)
    if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
        raise VoiceError(path, f"inference.{name}", expected=f"{low:g} to {high:g}", found=_short(value))
    return float(value)


def _speakers(path: Path, content: Mapping[str, Any]) -> dict[int, str]:
    found = _part(path, content, "speaker_id_map", needed=False)
    for name, number in found.items():
        if not _SPEAKER.fullmatch(name):
            raise VoiceError(path, "speaker_id_map", expected="names without / + ( ) #", found=_short(name))
        if not _is_number(number):
            raise VoiceError(path, f"speaker_id_map.{name}", expected="a whole number", found=_short(number))
    names = {number: name for name, number in found.items()}
    if len(names) < len(found):
        raise VoiceError(
            path, "speaker_id_map", expected="a number of its own for each name", found=_short(found)
        )
    return names


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _short(value: Any) -> str:
    return repr(value)[:60]
