"""The user's own voices: converted folders in the platform's data directory."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import orjson
from platformdirs import user_data_path

from zelitrio.errors import LocalError, VoiceError
from zelitrio.voices.folder import load_builtin, load_folder
from zelitrio.voices.home_lock import REMOVING, changing
from zelitrio.voices.kokoro import KokoroSpeaker
from zelitrio.voices.mixing import parse_mix
from zelitrio.voices.public_folder import CARD, DESCRIPTION, STYLES, is_voice_name, write_json
from zelitrio.voices.weights import read_tensors, write_tensors

DAMAGED = "damaged"
"""The family of a folder with an unreadable description."""


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
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def voice_home() -> Path:
    """The default folder for voices."""
    return user_data_path("zelitrio") / "voices"


def voice_folders(home: Path) -> list[Path]:
    """The voice folders in a folder, or the folder itself."""
    if (home / DESCRIPTION).exists():
        return [home]
    # A hidden folder is a voice that is being added or removed.
    return [
        path.parent for path in sorted(home.glob(f"*/{DESCRIPTION}")) if not path.parent.name.startswith(".")
    ]


def installed(home: Path) -> Iterator[Installed]:
    """List the folders of voices; a damaged one has no voices.  Blocks on the disk."""
    for folder in voice_folders(home):
        try:
            description = _read_description(folder)
            voices = tuple(str(entry["voice_id"]) for entry in description["voices"])
            family = str(description.get("family", "zeli"))
        except (VoiceError, KeyError, TypeError):
            voices, family = (), DAMAGED
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        yield Installed(folder=folder, family=family, voices=voices, size=size)


def find_installed(home: Path, voice_id: str) -> Installed:
    """Find the folder with this name, or with a voice of this id.

    Raises:
        LocalError: no folder matches.
    """
    found = list(installed(home))
    for one in found:
        if voice_id == one.folder.name or voice_id in one.voices:
            return one
    known = ", ".join(one.folder.name for one in found) or "none"
    raise LocalError(f"voice {voice_id!r}: expected one in {home}, which holds {known}")


def check_new(home: Path, title: str, voices: Sequence[str]) -> None:
    """Check that a folder and its voices are new, because equal ids keep a server from starting.

    Raises:
        LocalError: the folder exists, or another voice has one of the ids.
    """
    if (home / title).exists():
        raise LocalError(
            f"{home / title}: expected no such folder; remove it first: zelitrio voices remove {title}"
        )
    taken = {voice: one.folder.name for one in installed(home) for voice in one.voices}
    for voice in voices:
        if voice in load_builtin().voices:
            raise LocalError(f"voice {voice!r}: expected a new id, found a built-in voice that has it")
        if voice in taken:
            raise LocalError(
                f"voice {voice!r}: expected a new id, found one in {home / taken[voice]}; "
                f"remove it first: zelitrio voices remove {taken[voice]}"
            )


def remove_installed(home: Path, voice_id: str) -> Installed:
    """Delete the folder of a voice, with its other voices.

    Raises:
        LocalError: no folder matches.
        OSError: the folder cannot be written.
    """
    one = find_installed(home, voice_id)
    with changing(one.folder.parent):
        # Renamed first: a server that starts meanwhile must not see half of a voice.
        gone = one.folder.with_name(f"{REMOVING}{one.folder.name}")
        one.folder.rename(gone)
        if gone.is_symlink():
            gone.unlink()
        else:
            shutil.rmtree(gone)
    return one


def save_mix(home: Path, name: str, mix: str) -> None:
    """Store a mix of Kokoro's voices as a named voice.

    Raises:
        LocalError: the mix names an unknown voice, or the name is taken or not allowed.
        VoiceError: a file of the voices is damaged, or the disk is full.
    """
    if not is_voice_name(name):
        raise LocalError(
            "name: expected up to 64 characters without spaces and / \\ + ( ) #, "
            f"and no full stop at the beginning, found {name!r}"
        )
    parts = parse_mix(mix)
    one = find_installed(home, next(iter(parts)))
    if one.family != "kokoro":
        raise LocalError(f"{mix}: expected voices of kokoro, found {one.family}")
    try:
        with changing(one.folder.parent):
            _add_mix(home, one, name, mix, parts)
    except OSError as error:
        raise VoiceError(home, f"cannot be written ({error.strerror or error})") from error


def _add_mix(home: Path, one: Installed, name: str, mix: str, parts: Mapping[str, float]) -> None:
    check_new(home, name, [name])
    speakers = {voice.voice_id: voice.speaker for voice in load_folder(one.folder)}
    for part in parts:
        if not isinstance(speakers.get(part), KokoroSpeaker):
            known = ", ".join(speakers)
            raise LocalError(
                f"{mix}: expected voices of {one.folder.name}, which holds {known}; found {part!r}"
            )
    tables = read_tensors(one.folder / STYLES)
    total = sum(parts.values())
    description = _read_description(one.folder)
    entries = {entry["voice_id"]: entry for entry in description["voices"]}
    first = entries[next(iter(parts))]
    mixed = sum(tables[entries[part]["style"]] * (weight / total) for part, weight in parts.items())
    tables[name] = mixed  # type: ignore[assignment]
    entry = {**first, "voice_id": name, "name": name, "style": name, "description": f"A mix: {mix}."}
    description["voices"].append(entry)
    # Tables first, so that a description never names a missing one.
    write_tensors(tables, one.folder / STYLES)
    write_json(one.folder / DESCRIPTION, description)


def _read_description(folder: Path) -> dict[str, Any]:
    path = folder / DESCRIPTION
    try:
        found = orjson.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise VoiceError(path, "is damaged", expected="a voice description", found=repr(error)) from error
    if not isinstance(found, dict):
        raise VoiceError(path, "is damaged", expected="a JSON object", found=type(found).__name__)
    return found
