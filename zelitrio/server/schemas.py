"""The JSON shapes of the HTTP interface, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from zelitrio.protocol import OPENAI_FORMATS

_TEXT: dict[str, Any] = {"type": "string"}
_FLAG: dict[str, Any] = {"type": "boolean"}
_NUMBER: dict[str, Any] = {"type": "number"}
_WHOLE: dict[str, Any] = {"type": "integer"}
_TEXT_OR_NULL: dict[str, Any] = {"type": ["string", "null"]}


def ref(name: str) -> dict[str, Any]:
    """A reference to one of SCHEMAS."""
    return {"$ref": f"#/components/schemas/{name}"}


def array(items: dict[str, Any]) -> dict[str, Any]:
    """A list of such items."""
    return {"type": "array", "items": items}


def _object(properties: dict[str, Any], required: tuple[str, ...] | None = None) -> dict[str, Any]:
    names = list(properties) if required is None else list(required)
    return {"type": "object", "properties": properties, "required": names}


def _range(low: float, high: float, default: float) -> dict[str, Any]:
    return {"type": "number", "minimum": low, "maximum": high, "default": default}


_SETTINGS = {
    "stability": _range(0, 1, 0.5),
    "similarity_boost": _range(0, 1, 0.75),
    "style": _range(0, 1, 0.0),
    "use_speaker_boost": {"type": "boolean", "default": True},
    "speed": _range(0.7, 1.2, 1.0),
}
_ALIGNMENT = _object(
    {
        "characters": array(_TEXT),
        "character_start_times_seconds": array(_NUMBER),
        "character_end_times_seconds": array(_NUMBER),
    }
)
_SUBSCRIPTION = _object(
    {
        "tier": _TEXT,
        "character_count": _WHOLE,
        "character_limit": _WHOLE,
        "max_credit_limit_extension": {"type": ["integer", "string"]},
        "can_extend_character_limit": _FLAG,
        "allowed_to_extend_character_limit": _FLAG,
        "voice_slots_used": _WHOLE,
        "professional_voice_slots_used": _WHOLE,
        "professional_voice_slots_used_in_workspace": _WHOLE,
        "voice_limit": _WHOLE,
        "voice_add_edit_counter": _WHOLE,
        "professional_voice_limit": _WHOLE,
        "can_extend_voice_limit": _FLAG,
        "can_use_instant_voice_cloning": _FLAG,
        "can_use_professional_voice_cloning": _FLAG,
        "current_overage": _object({"amount": _TEXT, "currency": _TEXT}),
        "status": _TEXT,
        "open_invoices": array({"type": "object"}),
        "has_open_invoices": _FLAG,
    }
)
_LOCATOR = _object(
    {"pronunciation_dictionary_id": _TEXT, "version_id": _TEXT_OR_NULL}, ("pronunciation_dictionary_id",)
)
_DICTIONARY: dict[str, Any] = {
    "id": _TEXT,
    "latest_version_id": {**_TEXT, "description": "Changes with the content"},
    "latest_version_rules_num": _WHOLE,
    "name": _TEXT,
    "permission_on_resource": _TEXT,
    "created_by": _TEXT,
    "creation_time_unix": _WHOLE,
    "archived_time_unix": {"type": ["integer", "null"]},
    "description": _TEXT_OR_NULL,
}
_RULE = _object(
    {
        "type": {"enum": ["phoneme"]},
        "string_to_replace": _TEXT,
        "phoneme": _TEXT,
        "alphabet": _TEXT,
        "case_sensitive": _FLAG,
        "word_boundaries": _FLAG,
    }
)

SCHEMAS: dict[str, Any] = {
    "SpeechRequest": _object(
        {
            "text": {"type": "string", "minLength": 1},
            "model_id": {**_TEXT_OR_NULL, "description": "Any; there is one model"},
            "language_code": _TEXT_OR_NULL,
            "voice_settings": {"anyOf": [ref("VoiceSettings"), {"type": "null"}]},
            "seed": {"type": ["integer", "null"], "minimum": 0, "maximum": 4294967295},
            "previous_text": {
                **_TEXT_OR_NULL,
                "description": "If its last sentence is still open, the speech goes on in its melody",
            },
            "next_text": {
                **_TEXT_OR_NULL,
                "description": "If there is any, a text without a mark at its end is not rounded off",
            },
            "apply_text_normalization": {"enum": ["auto", "on", "off"]},
            "enable_ssml_parsing": _FLAG,
            "pronunciation_dictionary_locators": {
                "type": ["array", "null"],
                "items": _LOCATOR,
                "maxItems": 10,
            },
        },
        ("text",),
    ),
    "OpenAISpeechRequest": _object(
        {
            "input": {"type": "string", "minLength": 1},
            "voice": {
                "description": "One of ours by id or name, or one of OpenAI's",
                "anyOf": [
                    {"type": "string", "minLength": 1},
                    _object({"id": {"type": "string", "minLength": 1}}),
                ],
            },
            "model": {**_TEXT, "description": "Any; there is one model"},
            "response_format": {"enum": list(OPENAI_FORMATS), "default": "mp3"},
            "speed": {"type": "number", "description": "Clamped to 0.7..1.2", "default": 1.0},
            "stream_format": {"enum": ["audio", "sse"], "default": "audio"},
            "instructions": {**_TEXT, "description": "Accepted, without effect"},
        },
        ("input", "voice"),
    ),
    "VoiceSettings": _object(_SETTINGS, ()),
    "Voice": _object(
        {
            "voice_id": _TEXT,
            "name": _TEXT,
            "category": _TEXT,
            "description": _TEXT,
            "labels": {"type": "object", "additionalProperties": _TEXT},
            "preview_url": _TEXT_OR_NULL,
            "settings": ref("VoiceSettings"),
        }
    ),
    "Voices": _object({"voices": array(ref("Voice"))}),
    "VoicePage": _object(
        {
            "voices": array(ref("Voice")),
            "has_more": _FLAG,
            "total_count": _WHOLE,
            "next_page_token": _TEXT_OR_NULL,
        }
    ),
    "Model": _object(
        {
            "model_id": _TEXT,
            "name": _TEXT,
            "can_do_text_to_speech": _FLAG,
            "languages": array(_object({"language_id": _TEXT, "name": _TEXT})),
        }
    ),
    "User": _object(
        {
            "user_id": _TEXT,
            "workspace_id": _TEXT,
            "subscription": ref("Subscription"),
            "is_new_user": _FLAG,
            "can_use_delayed_payment_methods": _FLAG,
            "is_onboarding_completed": _FLAG,
            "is_onboarding_checklist_completed": _FLAG,
            "created_at": _WHOLE,
            "seat_type": _TEXT,
        }
    ),
    "Subscription": _SUBSCRIPTION,
    "Token": _object({"token": _TEXT}),
    "Dictionary": _object(_DICTIONARY),
    "Dictionaries": _object(
        {
            "pronunciation_dictionaries": array(ref("Dictionary")),
            "next_cursor": _TEXT_OR_NULL,
            "has_more": _FLAG,
        }
    ),
    "Rules": _object({**_DICTIONARY, "rules": array(_RULE)}),
    "Alignment": {"anyOf": [_ALIGNMENT, {"type": "null"}]},
    "TimedAudio": _object(
        {"audio_base64": _TEXT, "alignment": ref("Alignment"), "normalized_alignment": ref("Alignment")}
    ),
    "Error": _object(
        {
            "detail": _object(
                {
                    "type": _TEXT,
                    "code": _TEXT,
                    "message": _TEXT,
                    "status": _TEXT,
                    "request_id": _TEXT,
                    "param": _TEXT,
                },
                ("type", "code", "message", "status", "request_id"),
            )
        }
    ),
    "FieldErrors": _object(
        {"detail": array(_object({"type": _TEXT, "loc": array(_TEXT), "msg": _TEXT}, ("type", "loc", "msg")))}
    ),
    "OpenAIError": _object(
        {"error": _object({"message": _TEXT, "type": _TEXT, "param": _TEXT_OR_NULL, "code": _TEXT_OR_NULL})}
    ),
}
