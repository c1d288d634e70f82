"""Parse an HTTP request for a dialogue, in the vendor's format."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from zelitrio.protocol.dialogue import MAX_VOICES
from zelitrio.protocol.events import PronunciationDictionary
from zelitrio.protocol.fields import Fields, clamped_settings, decode_object, in_body, read_voice_settings
from zelitrio.protocol.marks import read_timestamps
from zelitrio.protocol.messages import read_dictionaries
from zelitrio.protocol.target import DEFAULT_OUTPUT_FORMAT, NORMALISE_CHOICES
from zelitrio.settings import MAX_SEED, VoiceSettings

MAX_DIALOGUE_INPUTS = 1000


@attrs.frozen
class DialogueInput:
    """A text and the voice that speaks it."""

    text: str
    voice_id: str


@attrs.frozen(kw_only=True)
class DialogueRequest:
    """The body and query of `POST /v1/text-to-dialogue` and its variants."""

    inputs: tuple[DialogueInput, ...]
    model_id: str | None = None
    output_format: str = DEFAULT_OUTPUT_FORMAT
    unused_format: str | None = None
    """The format in the body, which the query's overrides; it must be valid, too."""
    voice_settings: VoiceSettings = attrs.field(factory=VoiceSettings)
    clamped: tuple[str, ...] = ()
    """Voice settings that were out of range, with the values that are used: "speed=1.2"."""
    seed: int | None = None
    dictionaries: tuple[PronunciationDictionary, ...] = ()
    normalise: str = "auto"
    previous_text: str = ""
    next_text: str = ""
    """The vendor's `future_text`."""
    language_code: str | None = None
    timestamps: tuple[str, ...] = ()
    """Kinds of times besides those of the characters, in an answer with times: word, phone, viseme."""


def parse_dialogue_request(body: bytes, query: Mapping[str, str]) -> DialogueRequest:
    """Read a request for a dialogue.  Unknown fields are ignored; numbers out of range are clamped.

    Raises:
        RemoteError: a field is missing, empty or of a wrong type (a 422 code, `param` is the field).
    """
    fields = Fields(decode_object(body, in_body), in_body)
    items = fields.items("inputs")
    if items is None:
        raise fields.error("missing", "inputs", "a list of inputs")
    if not 1 <= len(items) <= MAX_DIALOGUE_INPUTS:
        raise fields.error("list_type", "inputs", f"a list of 1 to {MAX_DIALOGUE_INPUTS} inputs")
    inputs = tuple(_input(item, at, fields) for at, item in enumerate(items))
    if not any(each.text.strip() for each in inputs):
        raise fields.error("string_too_short", "inputs", "a list with at least 1 character to speak")
    if len({each.voice_id for each in inputs}) > MAX_VOICES:
        raise fields.error("list_type", "inputs", f"a list with at most {MAX_VOICES} voices")
    return DialogueRequest(
        inputs=inputs,
        model_id=fields.text("model_id"),
        output_format=query.get("output_format") or fields.text("output_format") or DEFAULT_OUTPUT_FORMAT,
        unused_format=fields.text("output_format") or None,
        voice_settings=read_voice_settings(fields, VoiceSettings(), "settings"),
        clamped=clamped_settings(fields, "settings"),
        seed=fields.whole("seed", 0, MAX_SEED),
        dictionaries=read_dictionaries(fields) or (),
        normalise=fields.choice("apply_text_normalization", NORMALISE_CHOICES) or "auto",
        previous_text=fields.text("previous_text") or "",
        next_text=fields.text("future_text") or "",
        language_code=fields.text("language_code"),
        timestamps=read_timestamps(fields) or (),
    )


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
