"""Parse an HTTP request for a dialogue, in ElevenLabs' format."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from zelitrio.protocol.body import TEXT, read_by, settings, string
from zelitrio.protocol.dialogue import MAX_VOICES
from zelitrio.protocol.fields import Fields, decode_object, in_body
from zelitrio.protocol.speech import SpokenRequest, read_spoken
from zelitrio.settings import VoiceSettings

MAX_DIALOGUE_INPUTS = 1000


@attrs.frozen
class DialogueInput:
    """A text and the voice that speaks it."""

    text: str
    voice_id: str


def _inputs(fields: Fields, name: str) -> tuple[DialogueInput, ...]:
    items = fields.items(name)
    if items is None:
        raise fields.error("missing", name, "a list of inputs")
    if not 1 <= len(items) <= MAX_DIALOGUE_INPUTS:
        raise fields.error("list_type", name, f"a list of 1 to {MAX_DIALOGUE_INPUTS} inputs")
    inputs = tuple(_input(item, at, fields) for at, item in enumerate(items))
    if not any(each.text.strip() for each in inputs):
        raise fields.error("string_too_short", name, "a list with at least 1 character to speak")
    if len({each.voice_id for each in inputs}) > MAX_VOICES:
        raise fields.error("list_type", name, f"a list with at most {MAX_VOICES} voices")
    return inputs


def _input(item: object, at: int, fields: Fields) -> DialogueInput:
    if not isinstance(item, dict):
        raise fields.error("dict_type", "inputs", "a list of objects with text and voice_id")
    inner = Fields(item, in_body, f"inputs.{at}.")
    text, voice_id = inner.text("text"), inner.text("voice_id")
    if text is None:
        raise inner.error("missing", "text", "a string")
    if not voice_id:
        raise inner.error("missing", "voice_id", "the id of a voice")
    return DialogueInput(text, voice_id)


@attrs.frozen(kw_only=True)
class DialogueRequest(SpokenRequest):
    """The body and query of `POST /v1/text-to-dialogue` and its variants."""

    inputs: tuple[DialogueInput, ...] = read_by(
        _inputs,
        {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"text": {"type": "string"}, "voice_id": {"type": "string"}},
                "required": ["text", "voice_id"],
            },
            "minItems": 1,
            "maxItems": MAX_DIALOGUE_INPUTS,
            "contains": {"type": "object", "properties": {"text": TEXT}, "required": ["text"]},
        },
        is_required=True,
    )
    voice_settings: VoiceSettings = settings("settings")
    previous_text: str = string("As in `SpeechRequest`, for the first input", default="")
    next_text: str = string(
        "As `next_text` in `SpeechRequest`, for the last input", name="future_text", default=""
    )


def parse_dialogue_request(body: bytes, query: Mapping[str, str]) -> DialogueRequest:
    """Read a request for a dialogue; unknown fields are ignored, numbers out of range clamped.

    Raises:
        RemoteError: a field is missing, empty or of a wrong type (a 422 code, `param` is the field).
    """
    fields = Fields(decode_object(body, in_body), in_body)
    return read_spoken(DialogueRequest, fields, query, "settings")
