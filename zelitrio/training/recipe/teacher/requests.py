"""Requests to the teacher: texts with their voice, speed, phones and the teacher's own ids.

They are made once and kept in a file, so that a machine with a GPU needs no front end.
"""

from __future__ import annotations

import lzma
import random
from collections.abc import Collection, Sequence
from pathlib import Path

import attrs
import orjson

from zelitrio.text import Break, Utterance, Word, load_front_end
from zelitrio.training.recipe.teacher.texts import draw_texts, in_turns
from zelitrio.voices import kokoro_ids

VOICES = ("af_heart", "am_michael", "af_bella", "am_fenrir")
_SPEEDS, _SPEED_WEIGHTS = (1.0, 0.9, 1.1, 0.8, 1.2), (0.64, 0.13, 0.13, 0.05, 0.05)
_MOST_WORDS = 60


@attrs.frozen(kw_only=True)
class Request:
    """One utterance to make."""

    utterance: Utterance
    kind: str
    held_out: bool
    voice: int
    speed: float
    ids: tuple[int, ...]


def make_requests(prose: Path, count: int, *, seed: int = 1, left_out: Collection[str] = ()) -> list[Request]:
    """Read the texts and choose voices and speeds; all voices say the held-out texts, at speed 1."""
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


def save_requests(path: Path, requests: Sequence[Request]) -> None:
    """Write requests as compressed JSON lines."""
    lines = [
        orjson.dumps(
            {
                "text": one.utterance.source,
                "words": [
                    [word.spoken, word.span, word.phones, word.after.value] for word in one.utterance.words
                ],
                "kind": one.kind,
                "held_out": one.held_out,
                "voice": one.voice,
                "speed": one.speed,
                "ids": one.ids,
            }
        )
        for one in requests
    ]
    path.write_bytes(lzma.compress(b"\n".join(lines)))


def read_requests(path: Path) -> list[Request]:
    """What `save_requests` wrote."""
    made = []
    for line in lzma.decompress(path.read_bytes()).splitlines():
        row = orjson.loads(line)
        words = tuple(
            Word(spoken, tuple(span), tuple(phones), Break(after))
            for spoken, span, phones, after in row["words"]
        )
        made.append(
            Request(
                utterance=Utterance(row["text"], words),
                kind=row["kind"],
                held_out=row["held_out"],
                voice=row["voice"],
                speed=row["speed"],
                ids=tuple(row["ids"]),
            )
        )
    return made
