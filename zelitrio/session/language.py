"""The voices and the language of a request."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from zelitrio.errors import LocalError, RemoteError

if TYPE_CHECKING:
    from zelitrio.voices import Catalogue, Voice


def find_voices(catalogue: Catalogue, voice_ids: Iterable[str], language: str | None) -> dict[str, Voice]:
    """Find voices by id and set their language.

    Raises:
        RemoteError: `voice_id_does_not_exist`, or an error of `speak_language`.
    """
    found: dict[str, Voice] = {}
    for voice_id in voice_ids:
        voice = catalogue.find(voice_id)
        if voice is None:
            message = f"A voice with voice_id {voice_id} does not exist."
            raise RemoteError("voice_id_does_not_exist", message, param="voice_id")
        found[voice_id] = speak_language(voice, language)
    return found


def speak_language(voice: Voice, code: str | None) -> Voice:
    """Set a voice's language, with an error for the client.

    Raises:
        RemoteError: `unsupported_language`.
    """
    try:
        return voice.in_language(code)
    except LocalError as error:
        message = f"voice {voice.voice_id}: {error}"
        raise RemoteError("unsupported_language", message, param="language_code") from error
