"""The voices that a command can use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zelitrio.errors import LocalError

if TYPE_CHECKING:  # the room brings torch
    from zelitrio.voices import Catalogue, Voice


def load_voices(folder: Path | None) -> Catalogue:
    """The built-in voices, and those of a voice folder, or of the voice folders in a folder, after them.

    Raises:
        VoiceError: the folder does not hold what it should.
        LocalError: it holds a voice of a name that is built in.
    """
    from zelitrio.voices import Catalogue, load_builtin, load_folder

    builtin = load_builtin()
    if folder is None:
        return builtin
    inside = [] if (folder / "voice.json").exists() else sorted(folder.glob("*/voice.json"))
    folders = [description.parent for description in inside] or [folder]
    return Catalogue([*builtin.voices.values(), *(voice for one in folders for voice in load_folder(one))])


def choose_voice(catalogue: Catalogue, voice_id: str | None) -> Voice:
    """The voice of that id; the default one for None.

    Raises:
        LocalError: there is none of that id.
    """
    voice = catalogue.default if voice_id is None else catalogue.find(voice_id)
    if voice is None:
        raise LocalError(f"voice: expected one of {', '.join(catalogue.voices)}, found {voice_id!r}")
    return voice
