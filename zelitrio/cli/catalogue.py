"""The voices of a command."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zelitrio.errors import LocalError

if TYPE_CHECKING:  # the room imports torch
    from zelitrio.voices import Catalogue, Voice


def load_voices(folders: Sequence[Path] | None = None, *, preload: bool = False) -> Catalogue:
    """Load the built-in voices, those of `zelitrio voices add`, and those in more folders.

    Args:
        folders: voice folders, or folders of them.
        preload: whether to load all weights when the engine opens.

    Raises:
        VoiceError: a folder is not a valid voice folder.
        LocalError: two voices have the same id.
    """
    from zelitrio.voices import Catalogue, load_builtin, load_folder, voice_folders, voice_home

    found = list(load_builtin())
    places = [*voice_folders(voice_home())]
    for folder in folders or ():
        places += voice_folders(folder) or [folder]
    owners = {voice.voice_id: "the built-in voices" for voice in found}
    for place in dict.fromkeys(path.resolve() for path in places):
        for voice in load_folder(place, is_lazy=not preload):
            if (owner := owners.setdefault(voice.voice_id, str(place))) != str(place):
                raise LocalError(
                    f"voice {voice.voice_id!r}: expected one voice with this id, found two: "
                    f"in {owner} and in {place}"
                )
            found.append(voice)
    return Catalogue(found)


def choose_voice(catalogue: Catalogue, voice_id: str | None, language: str | None = None) -> Voice:
    """Return the voice of an id (None: the default one) in a language (None: its own).

    Raises:
        LocalError: the id is unknown, or the voice cannot read the language.
    """
    voice = catalogue.default if voice_id is None else catalogue.find(voice_id)
    if voice is None:
        raise LocalError(f"voice: expected one of {', '.join(catalogue.voices)}, found {voice_id!r}")
    return voice.in_language(language)


def unread_voices(catalogue: Catalogue) -> list[str]:
    """Return a line for each language that cannot be read on this machine, with its voices."""
    voices: dict[str, list[str]] = {}
    for voice in catalogue:
        if missing := voice.languages[0].missing:
            voices.setdefault(missing, []).append(voice.voice_id)
    return [f"{', '.join(names)} cannot speak: {missing}" for missing, names in voices.items()]
