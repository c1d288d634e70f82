"""Read `<prosody>` and `<emphasis>`: the rate, pitch and volume of words."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import attrs

from zelitrio.text.types import Prosody

_RATES = {"x-slow": 0.6, "slow": 0.8, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.5}
_PITCHES = {"x-low": -4.0, "low": -2.0, "medium": 0.0, "default": 0.0, "high": 2.0, "x-high": 4.0}
"""In semitones."""
_VOLUMES = {
    "silent": -60.0,
    "x-soft": -12.0,
    "soft": -6.0,
    "medium": 0.0,
    "default": 0.0,
    "loud": 4.0,
    "x-loud": 8.0,
}
"""In decibels; the names are those of https://www.w3.org/TR/speech-synthesis11/, section 3.2.4."""
_EMPHASES = {
    "strong": Prosody(0.88, 0.10),
    "moderate": Prosody(0.94, 0.06),
    "reduced": Prosody(1.08, -0.05),
    "none": Prosody(),
}
_LEAST_RATE, _MOST_RATE = 0.5, 2.0
_MOST_PITCH = 0.35
"""In ln f0: six semitones."""
_LEAST_VOLUME_DB, _MOST_VOLUME_DB = -60.0, 12.0
_DECIBELS = re.compile(r"([+-]\d{1,3}(?:\.\d{1,4})?)db")
_PERCENT = re.compile(r"([+-]?\d{1,4}(?:\.\d{1,4})?)%")
_SEMITONES = re.compile(r"([+-]?\d{1,3}(?:\.\d{1,4})?)st")
_HERTZ = re.compile(r"([+-]\d{1,4}(?:\.\d{1,4})?)hz")
_FACTOR = re.compile(r"\d{1,2}(?:\.\d{1,4})?")
_USUAL_HERTZ = 160.0
_ELEMENTS = ("prosody", "emphasis")


def is_prosody(name: str) -> bool:
    """Whether an element sets rate, pitch or volume."""
    return name in _ELEMENTS


def asked_prosody(name: str, attributes: Mapping[str, str]) -> Prosody:
    """Read the request of an element's start tag; invalid parts have no effect."""
    if name == "emphasis":
        return _EMPHASES.get(attributes.get("level", "moderate").lower(), Prosody())
    rate, pitch, volume = (attributes.get(part, "").lower() for part in ("rate", "pitch", "volume"))
    return Prosody(_rate(rate), _pitch(pitch), _volume_db(volume))


def combined(stack: Sequence[Prosody]) -> Prosody | None:
    """The combined effect of all open elements; None if they change nothing."""
    rate = math.prod(one.rate for one in stack)
    pitch = sum(one.pitch for one in stack)
    volume_db = sum(one.volume_db for one in stack)
    if rate == 1.0 and pitch == 0.0 and volume_db == 0.0:
        return None
    return Prosody(
        min(max(rate, _LEAST_RATE), _MOST_RATE),
        min(max(pitch, -_MOST_PITCH), _MOST_PITCH),
        min(max(volume_db, _LEAST_VOLUME_DB), _MOST_VOLUME_DB),
    )


@attrs.frozen
class Stretch:
    """A part of a text and its prosody."""

    start: int
    end: int
    prosody: Prosody


def _rate(written: str) -> float:
    if written in _RATES:
        return _RATES[written]
    percent = _PERCENT.fullmatch(written)
    if percent is not None:
        change = float(percent[1]) / 100
        return max(1 + change if written[0] in "+-" else change, 0.1)
    return max(float(written), 0.1) if _FACTOR.fullmatch(written) else 1.0


def _volume_db(written: str) -> float:
    found = _DECIBELS.fullmatch(written)
    return float(found[1]) if found is not None else _VOLUMES.get(written, 0.0)


def _pitch(written: str) -> float:
    semitones = _PITCHES.get(written)
    found = _SEMITONES.fullmatch(written)
    if found is not None:
        semitones = float(found[1])
    if semitones is not None:
        return semitones * math.log(2) / 12
    percent, hertz = _PERCENT.fullmatch(written), _HERTZ.fullmatch(written)
    if percent is not None:
        change = float(percent[1]) / 100
        return math.log(max(1 + change if written[0] in "+-" else change, 0.5))
    if hertz is not None:
        return math.log(max(1 + float(hertz[1]) / _USUAL_HERTZ, 0.5))
    return 0.0
