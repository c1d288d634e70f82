"""Find the voice that a peer of Wyoming or a telephone platform names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zelitrio.errors import LocalError, RemoteError
from zelitrio.session import speak_language
from zelitrio.text import primary_code

if TYPE_CHECKING:
    from zelitrio.voices import Catalogue, Voice


def find_voice(catalogue: Catalogue, name: str | None, language: str | None) -> Voice:
    """Return the voice that a peer names by id, name or language, or the default voice.

    A language together with a name is ignored if the voice does not speak it, because these peers fill in the
    field themselves.

    Raises:
        RemoteError: `voice_not_found`, or `unsupported_language`: the language's reader is not installed.
    """
    if name is None and language is None:
        return speak_language(catalogue.default, None)
    if name is not None:
        found = catalogue.find(name)
        found = found or next((voice for voice in catalogue if voice.name.lower() == name.lower()), None)
    else:
        assert language is not None
        wanted = language.replace("_", "-").lower()
        spoken = [(language_of(voice).replace("_", "-").lower(), voice) for voice in catalogue]
        same = [voice for code, voice in spoken if code == wanted]
        close = [voice for code, voice in spoken if primary_code(code) == primary_code(wanted)]
        able = [voice for voice in catalogue if _speaks(voice, wanted)]
        found = next(iter([*same, *close, *able]), None)
    if found is None:
        what = f"name {name[:64]!r}" if name is not None else f"language {str(language)[:64]!r}"
        raise RemoteError("voice_not_found", f"A voice with the {what} was not found.", param="voice")
    if language is not None and _speaks(found, language):
        return speak_language(found, language)
    return speak_language(found, None)


def _speaks(voice: Voice, code: str) -> bool:
    try:
        voice.in_language(code)
    except LocalError:
        return False
    return True


def language_of(voice: Voice) -> str:
    """The language of a voice in Home Assistant's form: `en`, `en_US`."""
    code, _, region = voice.labels.get("language", "en").replace("_", "-").partition("-")
    return f"{code}_{region.upper()}" if region else code
