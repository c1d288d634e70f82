"""The voices that a command can use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zelitrio.errors import LocalError

if TYPE_CHECKING:  # the room imports torch
    from zelitrio.voices import Catalogue, Voice


def load_voices(folder: Path | None) -> Catalogue:
    """Load the built-in voices, then those of a voice folder or of a folder of voice folders.

    Raises:
        VoiceError: the folder is not a valid voice folder.
        LocalError: a voice in it has the name of a built-in one.
    """
    from zelitrio.voices import Catalogue, load_builtin, load_folder

    builtin = load_builtin()
    if folder is None:
        return builtin
    inside = [] if (folder / "voice.json").exists() else sorted(folder.glob("*/voice.json"))
    folders = [description.parent for description in inside] or [folder]
    return Catalogue([*builtin.voices.values(), *(voice for one in folders for voice in load_folder(one))])


def choose_voice(catalogue: Catalogue, voice_id: str | None) -> Voice:
    """Return the voice with that id; None stands for the default one.

    Raises:
        LocalError: no voice has that id.
    """
    voice = catalogue.default if voice_id is None else catalogue.find(voice_id)
    if voice is None:
        raise LocalError(f"voice: expected one of {', '.join(catalogue.voices)}, found {voice_id!r}")
    return voice
