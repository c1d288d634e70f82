"""Stores one speaker's features in a few concatenated arrays, which training maps into memory.

A shard is a folder: `pcm.npy` int16 [samples], `mel.npy` float16 [frames, 80], `f0.npy` float32 [frames],
`pulses.npy` float32 [frames, 2] (see `zelitrio.training.pulse_times`) and `index.json`, a list of utterances
in order.  `speaker.json` has the facts about a speaker outside of the recipe's table.
"""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt
import orjson

from zelitrio.training.corpus import Speaker
from zelitrio.training.features import HOP_SAMPLES

GUIDED = "guided.npy"
"""File of predicted frames: float16 [frames, mels], nan for missing ones."""
_FACTS = "speaker.json"
_INDEX = "index.json"
_PULSES = "pulses.npy"


@attrs.frozen
class Entry:
    """The place of one utterance in its shard."""

    name: str
    text: str
    first_frame: int
    frames: int
    held_out: bool


@attrs.frozen(eq=False)
class Shard:
    """One speaker's features, memory-mapped."""

    speaker: str
    facts: Speaker
    entries: tuple[Entry, ...]
    pcm_int16: npt.NDArray[np.int16]
    mel: npt.NDArray[np.float16]
    f0: npt.NDArray[np.float32]
    pulses: npt.NDArray[np.float32]
    guided: npt.NDArray[np.float16] | None = None
    """Predicted mel frames of `recipe.guided`, nan for missing ones."""

    def pcm(self, first_frame: int, frames: int) -> npt.NDArray[np.float32]:
        """Read the samples of a range of the shard's frames, float32 in [-1, 1]."""
        piece = self.pcm_int16[first_frame * HOP_SAMPLES : (first_frame + frames) * HOP_SAMPLES]
        return piece.astype(np.float32) / 32768.0


def is_whole(folder: Path) -> bool:
    """Whether a folder has a complete shard in the present format."""
    return (folder / _INDEX).is_file() and (folder / _PULSES).is_file()


def write_shard(
    folder: Path,
    entries: list[Entry],
    pcm: list[npt.NDArray[np.int16]],
    mel: list[npt.NDArray[np.float16]],
    f0: list[npt.NDArray[np.float32]],
    pulses: list[npt.NDArray[np.float32]],
    facts: Speaker | None = None,
) -> None:
    """Write a shard.  The index is written last, so a shard with an index is complete."""
    folder.mkdir(parents=True, exist_ok=True)
    if facts is not None:
        (folder / _FACTS).write_bytes(orjson.dumps(attrs.asdict(facts)))
    np.save(folder / "pcm.npy", np.concatenate(pcm))
    np.save(folder / "mel.npy", np.concatenate(mel))
    np.save(folder / "f0.npy", np.concatenate(f0))
    np.save(folder / _PULSES, np.concatenate(pulses))
    (folder / _INDEX).write_bytes(orjson.dumps([attrs.asdict(entry) for entry in entries]))


def open_shard(folder: Path) -> Shard:
    """Map a shard into memory; its arrays are read on use."""
    return Shard(
        folder.name,
        _facts(folder),
        tuple(Entry(**row) for row in orjson.loads((folder / _INDEX).read_bytes())),
        np.load(folder / "pcm.npy", mmap_mode="r"),
        np.load(folder / "mel.npy", mmap_mode="r"),
        np.load(folder / "f0.npy", mmap_mode="r"),
        np.load(folder / _PULSES, mmap_mode="r"),
        np.load(folder / GUIDED, mmap_mode="r") if (folder / GUIDED).is_file() else None,
    )


def _facts(folder: Path) -> Speaker:
    measured = folder / _FACTS
    if measured.is_file():
        return Speaker(**orjson.loads(measured.read_bytes()))
    return Speaker(name=folder.name)
