"""One realtime socket from the client's side: calls become messages, frames become events.

It reads frames of this server and of ElevenLabs.
"""

from __future__ import annotations

import binascii
from typing import Any, TypeAlias

import attrs
import orjson
import pybase64

from zelitrio.errors import LocalError, RemoteError
from zelitrio.protocol.char_times import CharTimes
from zelitrio.protocol.fields import Fields, decode_object, describe
from zelitrio.protocol.outcomes import OUTCOMES
from zelitrio.protocol.target import Dialect, SocketRequest
from zelitrio.settings import VoiceSettings


@attrs.frozen
class AudioFrame:
    """Encoded audio: the next bytes of the context's continuous stream."""

    audio: bytes
    alignment: CharTimes | None = None
    normalized_alignment: CharTimes | None = None
    context_id: str | None = None


@attrs.frozen
class FinalFrame:
    """A context has ended and all its audio was sent; on `stream-input` the socket closes next."""

    context_id: str | None = None


@attrs.frozen
class ErrorFrame:
    """An error of the named context; without a context the socket closes next."""

    error: RemoteError
    context_id: str | None = None


ServerEvent: TypeAlias = AudioFrame | FinalFrame | ErrorFrame


class ClientConnection:
    """The state of one realtime socket at the client.  Never waits; not thread-safe.

    Calls in the wrong order (text for a context that is not open) raise LocalError.  Any frame of a server
    gives events or a RemoteError.
    """

    def __init__(self, request: SocketRequest) -> None:
        self._request = request
        self._multi = request.dialect is Dialect.MULTI
        self._open_contexts: set[str | None] = set()
        self._is_final = False
        self._is_over = False
        self._error: RemoteError | None = None

    @property
    def is_final(self) -> bool:
        """Whether the server has sent its last frame on `stream-input`."""
        return self._is_final

    # Calls to messages.

    def open_message(
        self,
        context_id: str | None = None,
        *,
        voice_settings: VoiceSettings | None = None,
        chunk_schedule: tuple[float, ...] | None = None,
    ) -> str:
        """The message that opens the stream or a context, with the request's credential if any.

        Raises:
            LocalError: the context is open already, or the stream has ended.
        """
        if context_id in self._open_contexts or self._is_over:
            raise LocalError(f"open: expected a context that is not open, found {context_id!r}")
        fields: dict[str, Any] = {"text": " "}
        if voice_settings is not None:
            fields["voice_settings"] = attrs.asdict(voice_settings)
        if chunk_schedule is not None:
            fields["generation_config"] = {"chunk_length_schedule": list(chunk_schedule)}
        if self._request.credential is not None:
            fields["xi_api_key"] = self._request.credential
        self._open_contexts.add(context_id)
        return self._write(fields, context_id)

    def text_message(self, text: str, context_id: str | None = None, *, flush: bool = False) -> str:
        """The message for a piece of text.

        Raises:
            LocalError: the text is empty, which would end the stream, or the context is not open.
        """
        if not text:
            raise LocalError("text: expected at least one character, found none")
        self._expect_open(context_id)
        return self._write({"text": text, "flush": True} if flush else {"text": text}, context_id)

    def flush_message(self, context_id: str | None = None) -> str:
        """The message that asks to speak everything sent."""
        self._expect_open(context_id)
        return self._write({"flush": True}, context_id)

    def end_message(self, context_id: str | None = None) -> str:
        """The message that ends a context; on `multi-stream-input` unflushed text is dropped."""
        self._expect_open(context_id)
        self._open_contexts.discard(context_id)
        self._is_over = not self._multi
        return self._write({"close_context": True} if self._multi else {"text": ""}, context_id)

    def end_socket_message(self) -> str:
        """The message that ends a `multi-stream-input` socket: the server speaks flushed text, then closes.

        Raises:
            LocalError: it is a `stream-input` socket.
        """
        if not self._multi:
            raise LocalError(f"end socket: expected {Dialect.MULTI.value}, found {Dialect.SINGLE.value}")
        self._open_contexts.clear()
        self._is_over = True
        return orjson.dumps({"close_socket": True}).decode()

    # Frames to events.

    def receive(self, message: str | bytes) -> list[ServerEvent]:
        """Read one frame of the server; a frame with unknown keys only gives no event.

        Raises:
            RemoteError: `invalid_server_message`.
        """
        fields = Fields(decode_object(message, _from_server), _from_server)
        name = "contextId" if "contextId" in fields else "context_id"
        context_id = fields.text(name) if self._multi else None
        if "error" in fields or ("message" in fields and "audio" not in fields):
            code = fields.text("error") or "something_went_wrong"
            error = RemoteError(code, fields.text("message") or code)
            if context_id is None:
                self._error = error
            return [ErrorFrame(error, context_id)]
        events: list[ServerEvent] = []
        if audio := fields.text("audio"):
            events.append(
                AudioFrame(
                    _bytes(audio),
                    _alignment(fields, "alignment"),
                    _alignment(fields, "normalizedAlignment"),
                    context_id,
                )
            )
        if fields.flag("isFinal"):
            self._open_contexts.discard(context_id)
            self._is_final = not self._multi
            events.append(FinalFrame(context_id))
        return events

    def closed(self, code: int, reason: str | None) -> RemoteError | None:
        """The error that the server's close means; None if everything was sent."""
        if self._error is not None:
            return self._error
        if self._is_final or (self._multi and code == 1000):
            return None
        message = f"The server closed the socket before the end: code {code}, reason {reason or 'none'}"
        return RemoteError("connection_closed", message)

    def _expect_open(self, context_id: str | None) -> None:
        if context_id not in self._open_contexts:
            raise LocalError(f"context: expected one that is open, found {context_id!r}")

    def _write(self, fields: dict[str, Any], context_id: str | None) -> str:
        if context_id is not None:
            fields["context_id"] = context_id
        return orjson.dumps(fields).decode()


def read_error_body(status: int, body: bytes) -> RemoteError:
    """The error in an HTTP answer, in any of ElevenLabs' shapes; never raises."""
    fallback = RemoteError("connection_failed", f"The server refused the request: HTTP status {status}")
    try:
        detail = decode_object(body, _from_server).get("detail")
    except RemoteError:
        return fallback
    if isinstance(detail, list):
        first = detail[0] if detail else None
        if not isinstance(first, dict) or not isinstance(first.get("type"), str):
            return fallback
        loc = first.get("loc")
        where = ".".join(map(str, loc)) if isinstance(loc, list) else "request"
        return RemoteError(first["type"], f"{where}: {first.get('msg')}")
    if not isinstance(detail, dict):
        return fallback
    # For keys the older `status` is more precise than `code`: "invalid_api_key", not "unauthorized".
    names = [name for name in (detail.get("status"), detail.get("code")) if isinstance(name, str)]
    code = next((name for name in names if name in OUTCOMES), names[0] if names else fallback.code)
    return RemoteError(code, str(detail.get("message") or fallback.message))


def _from_server(kind: str, field: str, expected: str, found: object) -> RemoteError:
    where = f"{field}: " if field else ""
    message = f"Server message: {where}expected {expected}, found {describe(found)}"
    return RemoteError("invalid_server_message", message)


def _bytes(text: str) -> bytes:
    try:
        return pybase64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _from_server("string_type", "audio", "base64", text) from None


def _alignment(fields: Fields, name: str) -> CharTimes | None:
    inner = fields.inner(name)
    if inner is None:
        return None
    # ElevenLabs' sockets send the first spelling; its specification of 2025 has the second.
    durations = "charDurationsMs" if "charDurationsMs" in inner else "charsDurationsMs"
    columns = [inner.items(key) or [] for key in ("chars", "charStartTimesMs", durations)]
    chars, starts, lengths = columns
    if not len(chars) == len(starts) == len(lengths) or not all(
        isinstance(value, int) for value in (*starts, *lengths)
    ):
        raise fields.error("dict_type", name, "three lists of one length, two of them whole milliseconds")
    return CharTimes(tuple(map(str, chars)), tuple(starts), tuple(lengths)) if chars else None
