"""Makes the requests to the teacher: texts with voice, speed, phones, and the ids of the teacher's phones."""

from __future__ import annotations

import random
from collections.abc import Collection
from pathlib import Path

import attrs

from zelitrio.text import Utterance, load_front_end
from zelitrio.training.recipe.teacher.texts import draw_texts, in_turns
from zelitrio.voices import kokoro_ids

VOICES = ("af_heart", "am_michael", "af_bella", "am_fenrir")
_SPEEDS, _SPEED_WEIGHTS = (1.0, 0.9, 1.1, 0.8, 1.2), (0.64, 0.13, 0.13, 0.05, 0.05)
_MOST_WORDS = 60


@attrs.frozen(kw_only=True)
class Request:
    """One utterance for the teacher to speak."""

    utterance: Utterance
    kind: str
    held_out: bool
    voice: int
    speed: float
    ids: tuple[int, ...]


def make_requests(prose: Path, count: int, *, seed: int = 1, left_out: Collection[str] = ()) -> list[Request]:
    """Choose texts, voices and speeds.  All voices say the held-out texts, at speed 1."""
    front_end, rng = load_front_end(), random.Random(seed)
    made = []
    for text, voice in in_turns(draw_texts(prose, count, seed=seed, left_out=left_out), len(VOICES)):
        utterance = front_end.utterance(text.text)
        speed = 1.0 if text.held_out else rng.choices(_SPEEDS, _SPEED_WEIGHTS)[0]
        if not 0 < len(utterance.words) <= _MOST_WORDS:
            continue
        ids, _ = kokoro_ids(utterance.words)
        made.append(
            Request(
                utterance=utterance,
                kind=text.kind,
                held_out=text.held_out,
                voice=voice,
                speed=speed,
                ids=tuple(ids),
            )
        )
    return made
