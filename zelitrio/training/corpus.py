"""Recordings of a speaker on disk: a folder with a `metadata.csv` of `file|text`."""

from __future__ import annotations

import hashlib
from pathlib import Path

import attrs

from zelitrio.errors import LocalError
from zelitrio.training.metadata import find_file


@attrs.frozen(kw_only=True)
class Speaker:
    """One person in the corpus and the facts of their recordings that training depends on."""

    name: str
    """The folder's name; also the label inside the model."""
    f0_floor_hz: float = 65.0
    f0_ceil_hz: float = 450.0
    band_hz: float = 12_000.0
    """Above this the recordings hold nothing, and no loss may ask the model to be as silent."""
    noise_cut: float = 0.0
    """How many times the recordings' own noise is subtracted from them.

    Without it the networks learn the room as part of the voice: 3 raised DNSMOS OVRL of kathleen's voice by
    0.24, and P808 of that speaker's recordings by 0.08.
    """
    licence: str = ""
    thorough_f0: bool = False
    """Search f0 by the slow method as well; worth it for voices that train the vocoder."""


@attrs.frozen
class Recording:
    """One file and what is said in it."""

    path: Path
    text: str
    line: int = 0
    """Its line in the table; 0 in a corpus with distinct file names."""

    @property
    def name(self) -> str:
        """Its name in features and alignments."""
        return f"{self.line:05d}_{self.path.stem}" if self.line else self.path.stem

    @property
    def held_out(self) -> bool:
        """Whether the file is kept out of training, to measure on.

        By a hash of the prompt's own name, so that the split never moves, several takes of a prompt fall
        on the same side, and the prompts all ARCTIC-like speakers share are held out for all of them.
        """
        prompt = "_".join(self.path.stem.split("_")[:2])
        return hashlib.sha256(prompt.encode()).digest()[0] < 8  # 8 of 256, about 3 %


def read_recordings(folder: Path) -> list[Recording]:
    """Read a speaker's `metadata.csv`: `file|text` or LJSpeech's `file|text|normalised text`.

    Raises:
        LocalError: a line has no text or names a file that is not there; the message names the line.
    """
    table = folder / "metadata.csv"
    recordings: list[Recording] = []
    for number, line in enumerate(table.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        fields = line.split("|")
        if len(fields) < 2 or not fields[1].strip():
            raise LocalError(f"{table}:{number}: expected file|text, found {line!r}")
        path = find_file(folder, fields[0])
        if path is None:
            raise LocalError(f"{table}:{number}: expected a recording, found no file {fields[0]!r}")
        recordings.append(Recording(path, fields[-1].strip()))
    return recordings
