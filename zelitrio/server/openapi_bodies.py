"""Schemas of request bodies, for the OpenAPI document.

A field that is null counts as absent, so all fields but the required ones may be null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from zelitrio.audio import FORMATS
from zelitrio.protocol import (
    DOWNLOAD_FORMATS,
    MARK_KINDS,
    MAX_DIALOGUE_INPUTS,
    MAX_DICTIONARIES,
    MAX_DOWNLOADS,
    MAX_RULES,
    NORMALISE_CHOICES,
    OPENAI_FORMATS,
    OPENAI_SPEEDS,
    RULE_ALPHABETS,
)
from zelitrio.server.openai_speech import OPENAI_VOICES
from zelitrio.server.openapi_schemas import Schema, nullable
from zelitrio.server.telephony import telephony_bodies
from zelitrio.settings import MAX_SEED, VoiceSettings

if TYPE_CHECKING:
    from zelitrio.voices import Catalogue

_TEXT: Schema = {"type": "string", "pattern": r"\S"}


def bodies(catalogue: Catalogue) -> dict[str, Schema]:
    """The request bodies by name."""
    return {
        "SpeechRequest": _speech(catalogue),
        "DialogueRequest": _dialogue(catalogue),
        "OpenAISpeechRequest": _openai(catalogue),
        **_dictionaries(),
        "DownloadRequest": _download(),
        **telephony_bodies(),
    }


def _speech(catalogue: Catalogue) -> Schema:
    fields = {
        "text": _TEXT,
        **_common(catalogue),
        "voice_settings": _settings(),
        "previous_text": nullable(
            "string", description="If its last sentence is open, the speech continues its melody"
        ),
        "next_text": nullable(
            "string", description="If there is any, a text without an end mark keeps its melody up"
        ),
        "enable_ssml_parsing": nullable("boolean"),
    }
    return _object(fields, ["text"])


def _dialogue(catalogue: Catalogue) -> Schema:
    said = _object(
        {"text": {"type": "string"}, "voice_id": {"enum": list(catalogue.voices)}}, ["text", "voice_id"]
    )
    inputs = {
        "type": "array",
        "items": said,
        "minItems": 1,
        "maxItems": MAX_DIALOGUE_INPUTS,
        "contains": {"type": "object", "properties": {"text": _TEXT}, "required": ["text"]},
    }
    fields = {
        "inputs": inputs,
        **_common(catalogue),
        "settings": _settings(),
        "previous_text": nullable("string", description="As in `SpeechRequest`, for the first input"),
        "future_text": nullable(
            "string", description="As `next_text` in `SpeechRequest`, for the last input"
        ),
    }
    return _object(fields, ["inputs"])


def _dictionaries() -> dict[str, Schema]:
    word = {**_TEXT, "maxLength": 200}
    said = {**_TEXT, "maxLength": 1000}
    flags = {name: nullable("boolean") for name in ("case_sensitive", "word_boundaries")}
    alias = {"type": {"const": "alias"}, "string_to_replace": word, "alias": said, **flags}
    phoneme = {
        "type": {"const": "phoneme"},
        "string_to_replace": word,
        "phoneme": {**said, "description": "Sounds of the alphabet, such as təˈmeɪtoʊ or T AH0 M EY1 T OW0"},
        "alphabet": {"enum": [*RULE_ALPHABETS, None], "default": "ipa"},
        **flags,
    }
    rule = {
        "anyOf": [
            _object(alias, ["type", "string_to_replace", "alias"]),
            _object(phoneme, ["type", "string_to_replace", "phoneme"]),
        ]
    }
    rules = {"type": "array", "items": rule, "minItems": 1, "maxItems": MAX_RULES}
    strings = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MAX_RULES}
    described = nullable("string", maxLength=1000)
    file = {"type": "string", "format": "binary", "description": "PLS, or a table as --lexicon takes it"}
    return {
        "NewDictionary": _object({"name": word, "description": described, "rules": rules}, ["name", "rules"]),
        "DictionaryFile": _object({"name": word, "description": described, "file": file}, ["name", "file"]),
        "RulesRequest": _object({"rules": rules}, ["rules"]),
        "RuleStrings": _object({"rule_strings": strings}, ["rule_strings"]),
        "DictionaryUpdate": _object(
            {"name": nullable("string", pattern=r"\S", maxLength=200), "archived": nullable("boolean")}, []
        ),
    }


def _download() -> Schema:
    ids = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MAX_DOWNLOADS}
    fields = {"history_item_ids": ids, "output_format": {"enum": [*DOWNLOAD_FORMATS, None]}}
    return _object(fields, ["history_item_ids"])


def _openai(catalogue: Catalogue) -> Schema:
    voices = [*catalogue.voices, *(voice.name for voice in catalogue.voices.values()), *OPENAI_VOICES]
    named = {"enum": list(dict.fromkeys(voices))}
    low, high = OPENAI_SPEEDS
    fields = {
        "input": _TEXT,
        "voice": {
            "description": "A voice of this server by id or name, or one of OpenAI's names; else its first",
            "anyOf": [named, _object({"id": named}, ["id"]), {"type": "null"}],
        },
        "model": nullable("string", description="Any; the voice says which model speaks"),
        "response_format": {"enum": [*OPENAI_FORMATS, None], "default": "mp3"},
        "speed": nullable("number", description=f"Clamped to {low} to {high}", default=1.0),
        "stream_format": {"enum": ["audio", "sse", None], "default": "audio"},
        "stream": nullable("boolean", description="False: one body with its length", default=True),
        "instructions": {"description": "Accepted, without effect"},
    }
    return _object(fields, ["input"])


def _common(catalogue: Catalogue) -> dict[str, Schema]:
    """Fields of speech and dialogue."""
    locator = _object(
        {"pronunciation_dictionary_id": {"type": "string"}, "version_id": nullable("string")},
        ["pronunciation_dictionary_id"],
    )
    return {
        "model_id": nullable("string", description="Any; the voice says which model speaks"),
        "output_format": {
            "enum": [*sorted(FORMATS), "", None],
            "description": "As in the query, which goes first",
        },
        "timestamps": nullable(
            "array",
            description="Times beside those of characters, in answers with timestamps",
            items={"enum": list(MARK_KINDS)},
        ),
        "language_code": {
            "enum": [*_languages(catalogue), "", None],
            "description": "Language of the text; the voice's own by default. Another region, such as de-AT, "
            "is read as the language. A voice that does not speak it refuses the request",
        },
        "seed": nullable("integer", minimum=0, maximum=MAX_SEED),
        "apply_text_normalization": {"enum": [*NORMALISE_CHOICES, None]},
        "pronunciation_dictionary_locators": nullable("array", items=locator, maxItems=MAX_DICTIONARIES),
    }


def _languages(catalogue: Catalogue) -> list[str]:
    """Codes of the languages that at least one voice can read on this server."""
    spoken = (one for voice in catalogue.voices.values() for one in voice.languages)
    return sorted({one.code for one in spoken if not one.missing})


def _settings() -> Schema:
    """Ranges are in the descriptions only, because numbers out of range are clamped, not refused."""
    properties = {
        field.name: nullable(
            "boolean" if isinstance(field.default, bool) else "number",
            description=field.metadata["help"],
            default=field.default,
        )
        for field in attrs.fields(VoiceSettings)
    }
    return nullable("object", properties=properties)


def _object(properties: dict[str, Any], required: list[str]) -> Schema:
    return {"type": "object", "properties": properties, "required": required}
