"""Read client messages of both text-to-speech dialects.

A message is a JSON object without a type field; its keys say what it asks for.  `read_message` turns it into
a `ClientMessage`, and `law.moves_of` turns that into moves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from zelitrio.errors import RemoteError
from zelitrio.protocol.events import PronunciationDictionary
from zelitrio.protocol.fields import (
    Fields,
    decode_object,
    on_socket,
    read_chunk_schedule,
    read_voice_settings,
)
from zelitrio.protocol.halves import decode_with_halves
from zelitrio.protocol.marks import read_timestamps
from zelitrio.protocol.target import Dialect, bare_credential
from zelitrio.settings import VoiceSettings

MAX_CONTEXT_ID_CHARS = 256
CREDENTIALS = ("authorization", "xi_api_key", "xi-api-key")
MAX_DICTIONARIES = 10
MAX_PLAYED_MS = 24 * 3600 * 1000


@attrs.frozen(kw_only=True)
class ClientMessage:
    """The fields of one message; None for an absent field."""

    context_id: str | None = None
    text: str | None = None
    flush: bool = False
    trigger: bool = False
    close_context: bool = False
    close_socket: bool = False
    cancel: bool = False
    """Whether to end the context at once."""
    report: bool = False
    """Whether the final frame must contain a report."""
    played_ms: int | None = None
    flush_id: str | None = None
    timestamps: tuple[str, ...] | None = None
    credential: str | None = attrs.field(default=None, repr=False)
    settings_fields: Fields | None = attrs.field(default=None, repr=False, eq=False)
    """The whole message if it has voice settings for its context."""
    chunk_schedule: tuple[float, ...] | None = None
    dictionaries: tuple[PronunciationDictionary, ...] | None = None

    @property
    def has_settings(self) -> bool:
        """Whether the message has settings, which open a context even without text."""
        return not (
            self.settings_fields is None and self.chunk_schedule is None and self.dictionaries is None
        )

    def voice_settings_over(self, base: VoiceSettings) -> VoiceSettings:
        """The message's voice settings, completed by those of `base`; never raises."""
        return base if self.settings_fields is None else read_voice_settings(self.settings_fields, base)


class ContextMessageError(RemoteError):
    """An error in a message for one context; the id is None if the message has no valid id."""

    def __init__(self, context_id: str | None, error: RemoteError) -> None:
        super().__init__(error.code, error.message, param=error.param)
        self.context_id = context_id


def read_message(message: str | bytes, dialect: Dialect) -> ClientMessage:
    """Read one WebSocket message of a client.

    Raises:
        ContextMessageError: a field is wrong in a message of `multi-stream-input`.
        RemoteError: `invalid_input_message` for everything else: binary, not JSON, not an object, or a wrong
            field on `stream-input`.
    """
    fields = Fields(decode_message(message), on_socket)
    if dialect is Dialect.SINGLE:
        return _read_fields(fields)
    context_id: str | None = None
    try:
        # ElevenLabs' documents have both spellings; clients send the first.
        context_id = fields.text("context_id", max_chars=MAX_CONTEXT_ID_CHARS)
        if context_id is None:
            context_id = fields.text("contextId", max_chars=MAX_CONTEXT_ID_CHARS)
        close_context, close_socket = fields.flag("close_context"), fields.flag("close_socket")
        return _read_fields(fields, context_id, bool(close_context), bool(close_socket))
    except RemoteError as error:
        raise ContextMessageError(context_id, error) from None


def decode_message(message: str | bytes) -> dict[str, Any]:
    """Decode a WebSocket message.

    Raises:
        RemoteError: `invalid_input_message`: binary, not JSON, or not an object.
    """
    if isinstance(message, bytes | bytearray | memoryview):
        raise on_socket("json_invalid", "", "a text frame with a JSON object", "a binary frame")
    try:
        return decode_object(message, on_socket)
    except RemoteError:
        found = decode_with_halves(message)
        if found is None:
            raise
        return found


def _read_fields(
    fields: Fields, context_id: str | None = None, close_context: bool = False, close_socket: bool = False
) -> ClientMessage:
    # Most messages have one or two of these fields, and looking for each of them would cost more.
    readers = [_READERS[name] for name in fields if name in _READERS]
    read = {attribute: reader(fields) for attribute, reader in readers}
    return ClientMessage(
        context_id=context_id, close_context=close_context, close_socket=close_socket, **read
    )


def _settings_fields(fields: Fields) -> Fields:
    # Read now so that an invalid type is refused; the values are used later, with the context's own.
    read_voice_settings(fields, VoiceSettings())
    return fields


def read_played_ms(fields: Fields) -> int | None:
    """Read `played_ms`, the audio of a context that the client played, if present."""
    played_ms = fields.number("played_ms", 0, MAX_PLAYED_MS)
    return None if played_ms is None else round(played_ms)


def read_credential(fields: Fields) -> str | None:
    """The API key in a message, without "Bearer ", if present."""
    for name in CREDENTIALS:
        value = fields.text(name)
        if value is not None and (bare := bare_credential(value)):
            return bare
    return None


def read_dictionaries(fields: Fields) -> tuple[PronunciationDictionary, ...] | None:
    """Read `pronunciation_dictionary_locators`, the requested dictionaries in order, if present."""
    name = "pronunciation_dictionary_locators"
    items = fields.items(name)
    if items is None:
        return None
    if len(items) > MAX_DICTIONARIES:
        raise fields.error("list_type", name, f"a list of at most {MAX_DICTIONARIES} locators")
    found = []
    for item in items:
        locator = item if isinstance(item, dict) else {}
        dictionary_id, version_id = locator.get("pronunciation_dictionary_id"), locator.get("version_id")
        if not isinstance(dictionary_id, str) or not isinstance(version_id, str | None):
            raise fields.error("dict_type", name, "objects with a pronunciation_dictionary_id")
        found.append(PronunciationDictionary(dictionary_id, version_id))
    return tuple(found)


_READERS: dict[str, tuple[str, Callable[[Fields], Any]]] = {
    "text": ("text", lambda fields: fields.text("text")),
    "flush": ("flush", lambda fields: fields.flag("flush")),
    "try_trigger_generation": ("trigger", lambda fields: fields.flag("try_trigger_generation")),
    "cancel": ("cancel", lambda fields: fields.flag("cancel")),
    "report": ("report", lambda fields: fields.flag("report")),
    "played_ms": ("played_ms", read_played_ms),
    "flush_id": ("flush_id", lambda fields: fields.text("flush_id", max_chars=MAX_CONTEXT_ID_CHARS)),
    "timestamps": ("timestamps", read_timestamps),
    "voice_settings": ("settings_fields", _settings_fields),
    "generation_config": ("chunk_schedule", read_chunk_schedule),
    "generator_config": ("chunk_schedule", read_chunk_schedule),
    "pronunciation_dictionary_locators": ("dictionaries", read_dictionaries),
    **dict.fromkeys(CREDENTIALS, ("credential", read_credential)),
}
"""For each field of a message: the attribute of `ClientMessage`, and the reader."""
