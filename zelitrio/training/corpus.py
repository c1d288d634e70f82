"""Reads a speaker's recordings: a folder with a `metadata.csv` of `file|text`."""

from __future__ import annotations

import hashlib
from pathlib import Path

import attrs

from zelitrio.errors import LocalError
from zelitrio.training.metadata import find_file


@attrs.frozen(kw_only=True)
class Speaker:
    """A speaker of the corpus, with facts for training."""

    name: str
    """Name of the folder, and of the speaker in the model."""
    f0_floor_hz: float = 65.0
    f0_ceil_hz: float = 450.0
    band_hz: float = 12_000.0
    """The recordings have no content above this frequency; losses ignore everything there."""
    noise_cut: float = 0.0
    """Factor of the recordings' own noise that is subtracted from them.

    Without it the networks learn the room as part of the voice: a factor of 3 raised the DNSMOS OVRL of
    kathleen's voice by 0.24, and the P808 of that speaker's recordings by 0.08.
    """
    licence: str = ""
    thorough_f0: bool = False
    """Whether to measure f0 with the slow method too, which helps voices that train the vocoder."""


@attrs.frozen
class Recording:
    """One audio file and its text."""

    path: Path
    text: str
    line: int = 0
    """Line in the table, which tells equal file names apart; 0 if all file names are distinct."""

    @property
    def name(self) -> str:
        """The recording's name in features and alignments."""
        return f"{self.line:05d}_{self.path.stem}" if self.line else self.path.stem

    @property
    def held_out(self) -> bool:
        """Whether the file is kept out of training, for measurements.

        A hash of the prompt's name decides: so the split never changes, all takes of a prompt are on the same
        side, and prompts of several speakers (as in ARCTIC) are held out for all of them.
        """
        prompt = "_".join(self.path.stem.split("_")[:2])
        return hashlib.sha256(prompt.encode()).digest()[0] < 8  # 8 of 256, about 3 %


def read_recordings(folder: Path) -> list[Recording]:
    """Read a speaker's `metadata.csv`: `file|text` or LJSpeech's `file|text|normalised text`.

    Raises:
        LocalError: a line has no text, or its file does not exist; the message has the line's number.
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
