"""Schemas of request bodies for OpenAPI: as the protocol reads them, with this server's names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zelitrio.audio import FORMATS
from zelitrio.protocol import body_schemas
from zelitrio.server.openai_speech import OPENAI_VOICES
from zelitrio.server.openapi_schemas import Schema

if TYPE_CHECKING:
    from zelitrio.voices import Catalogue


def bodies(catalogue: Catalogue) -> dict[str, Schema]:
    """The request bodies by name.

    Args:
        catalogue: the voices and languages that they may name.
    """
    found = body_schemas()
    for name in ("SpeechRequest", "DialogueRequest"):
        _allow(found[name], "output_format", sorted(FORMATS))
        _allow(found[name], "language_code", _languages(catalogue))
    said = found["DialogueRequest"]["properties"]["inputs"]["items"]["properties"]
    said["voice_id"] = {"enum": list(catalogue.voices)}
    voices = [*catalogue.voices, *(voice.name for voice in catalogue.voices.values()), *OPENAI_VOICES]
    named = {"enum": list(dict.fromkeys(voices))}
    inner = {"type": "object", "properties": {"id": named}, "required": ["id"]}
    found["OpenAISpeechRequest"]["properties"]["voice"]["anyOf"] = [named, inner, {"type": "null"}]
    return found


def _allow(body: Schema, name: str, values: list[str]) -> None:
    field = body["properties"][name]
    field["enum"] = [*values, "", None]
    del field["type"]


def _languages(catalogue: Catalogue) -> list[str]:
    spoken = (one for voice in catalogue.voices.values() for one in voice.languages)
    return sorted({one.code for one in spoken if not one.missing})
