"""Mixes of voices by name: `af_heart+af_bella`, or with weights `af_heart(2)+af_bella(1)`."""

from __future__ import annotations

import re

from zelitrio.errors import LocalError

_PART = re.compile(r"([^()+]+)(?:\((\d+(?:\.\d+)?)\))?")


def is_mix(voice_id: str) -> bool:
    """Whether an id could name a mix."""
    return "+" in voice_id


def parse_mix(mix: str) -> dict[str, float]:
    """The voices of a mix and their weights; 1 if none is given.  Only the weights' ratio matters.

    Raises:
        LocalError: it is not a valid mix, or all weights are 0.
    """
    parts: dict[str, float] = {}
    for piece in mix.split("+"):
        match = _PART.fullmatch(piece.strip())
        if match is None:
            raise LocalError(f"mix: expected VOICE(WEIGHT)+VOICE(WEIGHT), found {mix!r}")
        name, weight = match.groups()
        parts[name.strip()] = parts.get(name.strip(), 0.0) + float(weight or 1)
    if not sum(parts.values()):
        raise LocalError(f"mix: expected a weight above 0, found {mix!r}")
    return parts
