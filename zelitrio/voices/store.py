"""The user's own voices: converted folders in the platform's data directory."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import attrs
from platformdirs import user_data_path
from safetensors.torch import save_file

from zelitrio.errors import LocalError, VoiceError
from zelitrio.voices.folder import load_folder
from zelitrio.voices.kokoro import KokoroSpeaker
from zelitrio.voices.mixing import parse_mix
from zelitrio.voices.public_folder import CARD, DESCRIPTION, STYLES
from zelitrio.voices.weights import read_tensors


@attrs.frozen(kw_only=True)
class Installed:
    """One folder of voices."""

    folder: Path
    family: str
    voices: tuple[str, ...]
    size: int
    """Bytes on disk, about as many as in memory."""

    @property
    def card(self) -> str:
        """The text of its model card."""
        path = self.folder / CARD
        return path.read_text(encoding="utf-8") if path.exists() else ""


def voice_home() -> Path:
    """The folder where voices are kept unless another one is named."""
    return user_data_path("zelitrio") / "voices"


def voice_folders(home: Path) -> list[Path]:
    """The voice folders in a folder, or the folder itself if it is one."""
    if (home / DESCRIPTION).exists():
        return [home]
    return [path.parent for path in sorted(home.glob(f"*/{DESCRIPTION}"))]


def installed(home: Path) -> Iterator[Installed]:
    """List the voices of a folder.  Blocks on the disk.

    Raises:
        VoiceError: a description is damaged.
    """
    for folder in voice_folders(home):
        path = folder / DESCRIPTION
        try:
            description = json.loads(path.read_text(encoding="utf-8"))
            voices = tuple(str(entry["voice_id"]) for entry in description["voices"])
            family = str(description.get("family", "zeli"))
        except (ValueError, KeyError, TypeError) as error:
            raise VoiceError(path, "is damaged", expected="a voice description", found=repr(error)) from error
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        yield Installed(folder=folder, family=family, voices=voices, size=size)


def find_installed(home: Path, voice_id: str) -> Installed:
    """Find the folder that has a voice of this id, or that has this name.

    Raises:
        LocalError: there is none.
    """
    found = list(installed(home))
    for one in found:
        if voice_id == one.folder.name or voice_id in one.voices:
            return one
    known = ", ".join(one.folder.name for one in found) or "none"
    raise LocalError(f"voice {voice_id!r}: expected one in {home}, which holds {known}")


def remove_installed(home: Path, voice_id: str) -> Installed:
    """Delete the folder that has a voice, with all its other voices.

    Raises:
        LocalError: there is none.
    """
    one = find_installed(home, voice_id)
    shutil.rmtree(one.folder)
    return one


def save_mix(home: Path, name: str, mix: str) -> None:
    """Store a mix of Kokoro's voices as a voice with a name.

    Raises:
        LocalError: the mix names a voice that does not exist, or the name is taken.
    """
    parts = parse_mix(mix)
    one = find_installed(home, next(iter(parts)))
    if one.family != "kokoro":
        raise LocalError(f"{mix}: expected voices of kokoro, found {one.family}")
    if name in one.voices:
        raise LocalError(f"{name}: expected a new name, found a voice that has it")
    speakers = {voice.voice_id: voice.speaker for voice in load_folder(one.folder)}
    for part in parts:
        if not isinstance(speakers.get(part), KokoroSpeaker):
            raise LocalError(f"{mix}: expected voices of one folder, found {part}")
    tables = read_tensors(one.folder / STYLES)
    total = sum(parts.values())
    description = json.loads((one.folder / DESCRIPTION).read_text(encoding="utf-8"))
    entries = {entry["voice_id"]: entry for entry in description["voices"]}
    first = entries[next(iter(parts))]
    mixed = sum(tables[entries[part]["style"]] * (weight / total) for part, weight in parts.items())
    tables[name] = mixed  # type: ignore[assignment]
    entry = {**first, "voice_id": name, "name": name, "style": name, "description": f"A mix: {mix}."}
    description["voices"].append(entry)
    save_file(tables, one.folder / STYLES)
    text = json.dumps(description, indent=1, ensure_ascii=False) + "\n"
    (one.folder / DESCRIPTION).write_text(text, encoding="utf-8")
