"""Parse an HTTP request for speech, in ElevenLabs' format and in OpenAI's."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeVar

import attrs

from zelitrio.errors import RemoteError
from zelitrio.protocol.body import boolean, one_of, read_body, read_by, settings, spoken, string, whole
from zelitrio.protocol.events import PronunciationDictionary
from zelitrio.protocol.fields import (
    MAX_SPEED,
    MIN_SPEED,
    Fields,
    clamp,
    clamped,
    clamped_settings,
    decode_object,
    describe,
    in_body,
)
from zelitrio.protocol.marks import MARK_KINDS, read_timestamps
from zelitrio.protocol.messages import MAX_DICTIONARIES, read_dictionaries
from zelitrio.protocol.target import DEFAULT_OUTPUT_FORMAT, NORMALISE_CHOICES, query_flag
from zelitrio.settings import MAX_SEED, VoiceSettings

OPENAI_FORMATS: Mapping[str, str] = MappingProxyType(
    {
        "mp3": "mp3_44100_128",
        "opus": "opus_48000_64",
        "aac": "aac_44100_128",
        "flac": "flac_24000",
        "wav": "wav_24000",
        # OpenAI's pcm has no header and is always 24 kHz, signed, 16 bit.
        "pcm": "pcm_24000",
    }
)
"""OpenAI's `response_format`, and our name for each."""
OPENAI_SPEEDS = (0.25, 4.0)
"""Range of OpenAI's speed; others are clamped."""


_MODEL = "Any name; the voice chooses the model"
_LOCATOR = {
    "type": "object",
    "properties": {
        "pronunciation_dictionary_id": {"type": "string"},
        "version_id": {"type": ["string", "null"]},
    },
    "required": ["pronunciation_dictionary_id"],
}


@attrs.frozen(kw_only=True)
class SpokenRequest:
    """The fields that the bodies for speech and for dialogue share."""

    model_id: str | None = string(_MODEL)
    output_format: str = string("As in the query; the query has priority", default=DEFAULT_OUTPUT_FORMAT)
    """A name for `zelitrio.audio.parse_format`, which refuses unknown ones."""
    unused_format: str | None = None
    """The format in the body if the query has another one; it must be valid too."""
    clamped: tuple[str, ...] = ()
    """Voice settings out of range with their used values: "speed=1.2"."""
    seed: int | None = whole(0, MAX_SEED)
    dictionaries: tuple[PronunciationDictionary, ...] = read_by(
        lambda fields, _: read_dictionaries(fields),
        {"type": "array", "items": _LOCATOR, "maxItems": MAX_DICTIONARIES},
        name="pronunciation_dictionary_locators",
        default=(),
    )
    normalise: str = one_of(NORMALISE_CHOICES, name="apply_text_normalization")
    language_code: str | None = string(
        "Language of the text; the voice's own by default. Another region, such as de-AT, is read as the "
        "language. A voice that does not speak it refuses the request"
    )
    timestamps: tuple[str, ...] = read_by(
        lambda fields, _: read_timestamps(fields),
        {"type": "array", "items": {"enum": [*MARK_KINDS]}},
        "More kinds of times, in answers with timestamps",
        default=(),
    )


@attrs.frozen(kw_only=True)
class SpeechRequest(SpokenRequest):
    """The body and query of `POST /v1/text-to-speech/{voice_id}` and its variants."""

    text: str = spoken()
    voice_settings: VoiceSettings = settings("voice_settings")
    previous_text: str = string(
        "If its last sentence is unfinished, the speech continues the melody", default=""
    )
    next_text: str = string(
        "If not empty, the pitch does not fall at the end of a text without an end mark", default=""
    )
    enable_ssml_parsing: bool = boolean()


@attrs.frozen(kw_only=True)
class OpenAISpeechRequest:
    """The body of OpenAI's `POST /v1/audio/speech`."""

    text: str = spoken(name="input")
    voice: str | None = read_by(
        lambda fields, _: _openai_voice(fields),
        {},
        "A voice of this server by id or name, or one of OpenAI's names; else its first",
    )
    model: str | None = string(_MODEL)
    response_format: str = read_by(
        lambda fields, _: _openai_format(fields), {"enum": [*OPENAI_FORMATS]}, default="mp3"
    )
    speed: float = read_by(
        lambda fields, name: fields.number(name, *OPENAI_SPEEDS),
        {"type": "number"},
        "Clamped to {} to {}".format(*OPENAI_SPEEDS),
        default=1.0,
    )
    stream_format: str = one_of(("audio", "sse"))
    """sse: audio in server-sent events instead of plain bytes."""
    is_streamed: bool = boolean(
        "Not in OpenAI's API. False: one body with its length", name="stream", default=True
    )
    instructions: None = read_by(lambda fields, name: None, {}, "Accepted, without effect")
    clamped: tuple[str, ...] = ()
    """The speed, if out of OpenAI's range."""

    @property
    def output_format(self) -> str:
        """Our name for the format."""
        return OPENAI_FORMATS[self.response_format]

    @property
    def voice_settings(self) -> VoiceSettings:
        """The part of the speed within the voice's range."""
        return VoiceSettings(speed=clamp(self.speed, MIN_SPEED, MAX_SPEED))

    @property
    def tempo(self) -> float:
        """The rest of the speed, applied to the finished audio."""
        return self.speed / self.voice_settings.speed


Spoken = TypeVar("Spoken", bound=SpokenRequest)


def read_spoken(request: type[Spoken], fields: Fields, query: Mapping[str, str], settings: str) -> Spoken:
    """Read a body for speech or dialogue; the query's format has precedence over the body's.

    Args:
        settings: name of the voice settings in the body.
    """
    wanted = read_body(request, fields, clamped=clamped_settings(fields, settings))
    output_format = query.get("output_format") or wanted.output_format
    return attrs.evolve(
        wanted, output_format=output_format, unused_format=fields.text("output_format") or None
    )


def parse_speech_request(body: bytes, query: Mapping[str, str]) -> SpeechRequest:
    """Read a synthesis request; unknown fields are ignored, numbers out of range clamped.

    Raises:
        RemoteError: a field is missing, empty or of a wrong type (a 422 code, `param` is the field), or a
            query parameter is wrong (`invalid_parameters`).
    """
    fields = Fields(decode_object(body, in_body), in_body)
    wanted = read_spoken(SpeechRequest, fields, query, "voice_settings")
    has_tags = wanted.enable_ssml_parsing or query_flag(query, "enable_ssml_parsing")
    return attrs.evolve(wanted, enable_ssml_parsing=has_tags)


def parse_openai_speech_request(body: bytes) -> OpenAISpeechRequest:
    """Read a request to OpenAI's speech endpoint.

    Raises:
        RemoteError: `invalid_parameters` or `invalid_output_format` (both 400, as OpenAI answers), with the
            field in `param`.  Show it with `openai_error_body`.
    """
    fields = Fields(decode_object(body, _in_openai_body), _in_openai_body)
    return read_body(OpenAISpeechRequest, fields, clamped=clamped(fields, "speed", *OPENAI_SPEEDS))


def _openai_voice(fields: Fields) -> str | None:
    if fields.is_object("voice"):
        inner = fields.inner("voice")
        assert inner is not None  # it is an object
        if not (voice := inner.text("id")):
            raise fields.error("missing", "voice", "the id of a voice")
        return voice
    return fields.text("voice") or None


def _openai_format(fields: Fields) -> str:
    name = fields.text("response_format") or "mp3"
    if name not in OPENAI_FORMATS:
        valid = ", ".join(OPENAI_FORMATS)
        message = f"response_format: expected one of {valid}, found {describe(name)}"
        raise RemoteError("invalid_output_format", message, param="response_format")
    return name


def _in_openai_body(kind: str, field: str, expected: str, found: object) -> RemoteError:
    where = f"{field}: " if field else ""
    message = f"{where}expected {expected}, found {describe(found)}"
    return RemoteError("invalid_parameters", message, param=field or None)
