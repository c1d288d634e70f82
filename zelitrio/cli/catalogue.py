"""The voices that a command can use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zelitrio.errors import LocalError

if TYPE_CHECKING:  # the room brings torch
    from zelitrio.voices import Catalogue, Voice


def load_voices(folder: Path | None) -> Catalogue:
    """The built-in voices, and those of a voice folder after them.

    Raises:
        VoiceError: the folder does not hold what it should.
        LocalError: it holds a voice of a name that is built in.
    """
    from zelitrio.voices import Catalogue, load_builtin, load_folder

    builtin = load_builtin()
    return builtin if folder is None else Catalogue([*builtin.voices.values(), *load_folder(folder)])


def choose_voice(catalogue: Catalogue, voice_id: str | None) -> Voice:
    """The voice of that id; the default one for None.

    Raises:
        LocalError: there is none of that id.
    """
    voice = catalogue.default if voice_id is None else catalogue.find(voice_id)
    if voice is None:
        raise LocalError(f"voice: expected one of {', '.join(catalogue.voices)}, found {voice_id!r}")
    return voice
