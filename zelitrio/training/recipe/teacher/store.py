"""Stores speech and alignments on disk, in chunks.

A chunk is two files: `speech_N.npz` for the vocoder, and later `items_N.npz` for the acoustic model.  Readers
see only complete files.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from zelitrio.training.recipe.teacher.items import Item
from zelitrio.training.recipe.teacher.speech import MeasuredSpeech

Arrays = dict[str, npt.NDArray[Any]]
_FRAMES = ("mel", "ln_f0", "turns", "voiced", "inside")
_TOKENS = ("phones", "stresses", "features", "durations", "pitch", "voicing", "energy")


@attrs.frozen(kw_only=True)
class SpokenRequest:
    """The request that an utterance answers."""

    request: int
    voice: int
    speed: float
    held_out: bool


def _save(path: Path, arrays: Arrays) -> None:
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    partial.replace(path)


def speech_path(folder: Path, chunk: int) -> Path:
    """Path of a chunk's speech."""
    return folder / f"speech_{chunk:05}.npz"


def items_path(folder: Path, chunk: int) -> Path:
    """Path of a chunk's items."""
    return folder / f"items_{chunk:05}.npz"


def save_speech(
    folder: Path, chunk: int, said: Sequence[SpokenRequest], measured: Sequence[MeasuredSpeech]
) -> None:
    """Write a chunk's speech."""
    arrays: Arrays = {name: np.concatenate([getattr(one, name) for one in measured]) for name in _FRAMES}
    arrays["pcm"] = np.concatenate([one.pcm for one in measured])
    arrays["frames"] = np.array([one.frames for one in measured])
    for field in ("request", "voice", "speed", "held_out"):
        arrays[field] = np.array([getattr(one, field) for one in said])
    _save(speech_path(folder, chunk), arrays)


def save_items(folder: Path, chunk: int, items: Sequence[tuple[int, Item]]) -> None:
    """Write a chunk's items, each with its utterance's number in the chunk."""
    names = (*_TOKENS, "token", "positions")
    arrays: Arrays = {
        name: np.concatenate([getattr(item, name) for _, item in items]) for name in names if items
    }
    arrays["utterance"] = np.array([number for number, _ in items], np.int64)
    arrays["begin"] = np.array([item.begin for _, item in items], np.int64)
    arrays["tokens"] = np.array([len(item.phones) for _, item in items], np.int64)
    arrays["length"] = np.array([len(item.token) for _, item in items], np.int64)
    arrays["is_piece"] = np.array([item.is_piece for _, item in items], bool)
    _save(items_path(folder, chunk), arrays)


def chunks_with(folder: Path, kind: str) -> list[int]:
    """Numbers of the chunks that have this file; `kind` is `speech` or `items`."""
    return sorted(int(path.stem.rpartition("_")[2]) for path in folder.glob(f"{kind}_*.npz"))


def load(path: Path) -> Arrays:
    """Read a chunk's arrays."""
    with path.open("rb") as file, np.load(file) as arrays:
        return {name: arrays[name] for name in arrays.files}
