"""Parse an HTTP request for speech, in the vendor's format and in OpenAI's."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import attrs

from zelitrio.errors import RemoteError
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
    read_voice_settings,
)
from zelitrio.protocol.marks import read_timestamps
from zelitrio.protocol.messages import read_dictionaries
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
"""The range of OpenAI's speed; others are clamped."""


@attrs.frozen(kw_only=True)
class SpeechRequest:
    """The body and query of `POST /v1/text-to-speech/{voice_id}` and its variants."""

    text: str
    model_id: str | None = None
    output_format: str = DEFAULT_OUTPUT_FORMAT
    """A name for `zelitrio.audio.parse_format`, which refuses unknown ones."""
    unused_format: str | None = None
    """The format in the body, which the query's overrides; it must be valid, too."""
    voice_settings: VoiceSettings = attrs.field(factory=VoiceSettings)
    clamped: tuple[str, ...] = ()
    """Voice settings that were out of range, with the values that are used: "speed=1.2"."""
    seed: int | None = None
    previous_text: str = ""
    next_text: str = ""
    dictionaries: tuple[PronunciationDictionary, ...] = ()
    normalise: str = "auto"
    """`auto`, `on` or `off`."""
    language_code: str | None = None
    enable_ssml_parsing: bool = False
    timestamps: tuple[str, ...] = ()
    """Kinds of times besides those of the characters, in an answer with times: word, phone, viseme."""


@attrs.frozen(kw_only=True)
class OpenAISpeechRequest:
    """The body of OpenAI's `POST /v1/audio/speech`; `instructions` is accepted and has no effect."""

    text: str
    voice: str | None = None
    """None: the server's default voice."""
    model: str | None = None
    output_format: str = OPENAI_FORMATS["mp3"]
    voice_settings: VoiceSettings = attrs.field(factory=VoiceSettings)
    """Its speed is OpenAI's, clamped to the range of voices."""
    tempo: float = 1.0
    """The factor between that speed and OpenAI's, by which the audio's tempo is changed."""
    clamped: tuple[str, ...] = ()
    """The speed, if it was out of OpenAI's range."""
    is_event_stream: bool = False
    """Whether `stream_format` is "sse": audio in server-sent events instead of plain bytes."""
    is_streamed: bool = True
    """Not OpenAI's: with `stream` false the audio leaves whole, with its length."""


def parse_speech_request(body: bytes, query: Mapping[str, str]) -> SpeechRequest:
    """Read a request for speech.  Unknown fields are ignored; numbers out of range are clamped.

    Raises:
        RemoteError: a field is missing, empty or of a wrong type (a 422 code, `param` is the field), or a
            query parameter is invalid (`invalid_parameters`).
    """
    fields = Fields(decode_object(body, in_body), in_body)
    return SpeechRequest(
        text=fields.spoken("text"),
        model_id=fields.text("model_id"),
        output_format=query.get("output_format") or fields.text("output_format") or DEFAULT_OUTPUT_FORMAT,
        unused_format=fields.text("output_format") or None,
        voice_settings=read_voice_settings(fields, VoiceSettings()),
        clamped=clamped_settings(fields),
        seed=fields.whole("seed", 0, MAX_SEED),
        previous_text=fields.text("previous_text") or "",
        next_text=fields.text("next_text") or "",
        dictionaries=read_dictionaries(fields) or (),
        normalise=fields.choice("apply_text_normalization", NORMALISE_CHOICES) or "auto",
        language_code=fields.text("language_code"),
        enable_ssml_parsing=bool(fields.flag("enable_ssml_parsing"))
        or query_flag(query, "enable_ssml_parsing"),
        timestamps=read_timestamps(fields) or (),
    )


def parse_openai_speech_request(body: bytes) -> OpenAISpeechRequest:
    """Read a request to OpenAI's speech endpoint.

    Raises:
        RemoteError: `invalid_parameters` or `invalid_output_format` (both 400, as OpenAI answers), with the
            field in `param`.  Answer it with `openai_error_body`.
    """
    fields = Fields(decode_object(body, _in_openai_body), _in_openai_body)
    asked = fields.number("speed", *OPENAI_SPEEDS)
    speed = 1.0 if asked is None else asked
    spoken = clamp(speed, MIN_SPEED, MAX_SPEED)
    return OpenAISpeechRequest(
        text=fields.spoken("input"),
        voice=_openai_voice(fields),
        model=fields.text("model"),
        output_format=_openai_format(fields),
        voice_settings=VoiceSettings(speed=spoken),
        tempo=speed / spoken,
        clamped=clamped(fields, "speed", *OPENAI_SPEEDS),
        is_event_stream=fields.choice("stream_format", ("audio", "sse")) == "sse",
        is_streamed=fields.flag("stream") is not False,
    )


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
    return OPENAI_FORMATS[name]


def _in_openai_body(kind: str, field: str, expected: str, found: object) -> RemoteError:
    where = f"{field}: " if field else ""
    message = f"{where}expected {expected}, found {describe(found)}"
    return RemoteError("invalid_parameters", message, param=field or None)
