"""The requests of telephone platforms: Vapi's custom voice and jambonz' custom speech.

https://docs.vapi.ai/customization/custom-voices/custom-tts
https://docs.jambonz.org/guides/features/custom-tts-providers
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

import attrs
import orjson

from zelitrio.errors import RemoteError
from zelitrio.protocol.body import TEXT, Schema, one_of, read_body, spoken, string
from zelitrio.protocol.fields import Fields, decode_object, describe, in_body, on_socket
from zelitrio.protocol.replies import BeginReply, EndReply, RefuseReply, ReplyEvent, ReplyText
from zelitrio.protocol.target import credential_of

DEFAULT_RATE_HZ = 24_000
MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 48_000
JAMBONZ_SOCKET = "/v1/jambonz/stream"
MAX_AGE_S = 300.0
"""An older signed request is refused, so that a recorded one cannot be replayed."""
_SIGNATURES = ("x-signature", "x-vapi-signature")
_TIMESTAMPS = ("x-timestamp", "x-vapi-timestamp")


@attrs.frozen(kw_only=True)
class PhoneRequest:
    """A text for a telephone call.

    Attributes:
        text: the text to speak.
        voice: id or name of a voice, if named.
        language: code of the language for choosing a voice without a name.
        is_ssml: whether the text has SSML tags.
        sample_rate_hz: of the audio; None: the platform accepts several.
    """

    text: str
    voice: str | None = None
    language: str | None = None
    is_ssml: bool = False
    sample_rate_hz: int | None = None


@attrs.frozen(kw_only=True)
class JambonzRequest:
    """The body of jambonz' request for a whole text."""

    text: str = spoken()
    type: str = one_of(("text", "ssml"))
    voice: str | None = string()
    language: str | None = string()


def vapi_schema() -> Schema:
    """The schema of Vapi's `voice-request`."""
    voice = {"type": ["object", "null"], "properties": {"voiceId": {"type": ["string", "null"]}}}
    rate = {"type": ["integer", "null"], "minimum": MIN_RATE_HZ, "maximum": MAX_RATE_HZ}
    message = {
        "type": "object",
        "properties": {
            "type": {"const": "voice-request"},
            "text": TEXT,
            "sampleRate": rate,
            "assistant": {"type": ["object", "null"], "properties": {"voice": voice}},
        },
        "required": ["type", "text"],
    }
    return {"type": "object", "properties": {"message": message}, "required": ["message"]}


def parse_vapi_request(body: bytes, query: Mapping[str, str]) -> PhoneRequest:
    """Read Vapi's `voice-request`.

    Raises:
        RemoteError: a field is missing or of a wrong type; `param` is the field.
    """
    outer = Fields(decode_object(body, in_body), in_body)
    # Vapi's older documents have this spelling.
    name = "messsage" if "messsage" in outer and "message" not in outer else "message"
    message = outer.inner(name)
    if message is None:
        raise outer.error("missing", "message", "an object")
    kind = message.text("type")
    if kind != "voice-request":
        raise message.error("missing" if kind is None else "enum", "type", "'voice-request'")
    assistant = message.inner("assistant")
    voice = assistant.inner("voice") if assistant is not None else None
    return PhoneRequest(
        text=message.spoken("text"),
        voice=query.get("voice") or (voice.text("voiceId") if voice is not None else None) or None,
        sample_rate_hz=message.whole("sampleRate", MIN_RATE_HZ, MAX_RATE_HZ) or DEFAULT_RATE_HZ,
    )


def parse_jambonz_request(body: bytes) -> PhoneRequest:
    """Read jambonz' HTTP request, which has a whole text.

    Raises:
        RemoteError: a field is missing or of a wrong type; `param` is the field.
    """
    wanted = read_body(JambonzRequest, Fields(decode_object(body, in_body), in_body))
    return PhoneRequest(
        text=wanted.text, voice=wanted.voice, language=wanted.language, is_ssml=wanted.type == "ssml"
    )


def is_signed(headers: Mapping[str, str]) -> bool:
    """Whether a request has a signature; header names must be in lower case."""
    return any(name in headers for name in _SIGNATURES)


def check_signature(headers: Mapping[str, str], body: bytes, secret: str, now_s: float) -> None:
    """Check a request that Vapi signed: the HMAC-SHA256 of `timestamp.body`, or of the body alone.

    Args:
        headers: with names in lower case.
        body: of the request.
        secret: shared with Vapi.
        now_s: seconds since 1970.

    Raises:
        RemoteError: `invalid_api_key`: the signature is wrong or old.
    """
    given = next(headers[name] for name in _SIGNATURES if name in headers)
    timestamp = next((headers[name] for name in _TIMESTAMPS if name in headers), None)
    signed = body if timestamp is None else timestamp.encode() + b"." + body
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    found = given.strip().lower().removeprefix("sha256=")
    if not hmac.compare_digest(expected.encode(), found.encode()):
        raise RemoteError("invalid_api_key", "Invalid signature")
    if timestamp is not None and abs(now_s - _seconds(timestamp)) > MAX_AGE_S:
        raise RemoteError("invalid_api_key", f"Signature: expected one of the last {MAX_AGE_S:g} s.")


def _seconds(timestamp: str) -> float:
    try:
        if timestamp.isdecimal():
            number = float(timestamp)
            return number / 1000 if number > 1e11 else number
        return datetime.fromisoformat(timestamp).timestamp()
    except ValueError:
        found = describe(timestamp)
        raise RemoteError("invalid_api_key", f"Signature: expected a time, found {found}.") from None


@attrs.frozen(kw_only=True)
class JambonzTarget:
    """The request for jambonz' streaming socket.

    Attributes:
        voice: id or name of a voice, if named.
        language: code of the language for choosing a voice without a name.
        sample_rate_hz: of the audio.
        credential: the API key, if any.
    """

    voice: str | None
    language: str | None
    sample_rate_hz: int
    credential: str | None


def parse_jambonz_target(target: str, headers: Iterable[tuple[str, str]]) -> JambonzTarget | None:
    """Read the target of a request line and its headers; None for other paths.

    Raises:
        RemoteError: `invalid_parameters`: the sample rate is out of range.
    """
    path, _, query_text = target.partition("?")
    if path.rstrip("/") != JAMBONZ_SOCKET:
        return None
    query = dict(parse_qsl(query_text.partition("#")[0], errors="replace"))
    rate = query.get("sampleRate", str(DEFAULT_RATE_HZ))
    if not (rate.isascii() and rate.isdecimal() and len(rate) < 7):
        raise _wrong_rate(rate)
    if not MIN_RATE_HZ <= int(rate) <= MAX_RATE_HZ:
        raise _wrong_rate(rate)
    return JambonzTarget(
        voice=query.get("voice"),
        language=query.get("language"),
        sample_rate_hz=int(rate),
        credential=credential_of(headers, query.get("authorization")),
    )


def _wrong_rate(found: str) -> RemoteError:
    message = f"sampleRate: expected {MIN_RATE_HZ} to {MAX_RATE_HZ}, found {describe(found)}"
    return RemoteError("invalid_parameters", message, param="sampleRate")


class JambonzConnection:
    """The peer's side of jambonz' streaming socket: messages in, events out.

    A reply begins with its first text and ends with `flush`.
    """

    def __init__(self) -> None:
        self._is_in_reply = False
        self.is_stopped = False
        """Whether jambonz has sent `stop` at the end of the call."""

    def receive(self, message: str | bytes) -> list[ReplyEvent]:
        """Take one message; unknown types are ignored."""
        try:
            return list(self._understand(message))
        except RemoteError as error:
            return [RefuseReply(error)]

    def _understand(self, message: str | bytes) -> Iterator[ReplyEvent]:
        if isinstance(message, bytes):
            raise on_socket("", "", "text", "a binary message")
        fields = Fields(decode_object(message, on_socket), on_socket)
        kind = fields.text("type")
        if kind is None:
            raise fields.error("missing", "type", "the name of a message")
        match kind:
            case "stream":
                text = fields.text("text")
                if text is None:
                    raise fields.error("missing", "text", "a string")
                if text and not self._is_in_reply:
                    self._is_in_reply = True
                    yield BeginReply()
                if text:
                    yield ReplyText(text)
            case "flush" if self._is_in_reply:
                self._is_in_reply = False
                yield EndReply()
            case "stop":
                self.is_stopped = True


def jambonz_connect(sample_rate_hz: int) -> str:
    """The server's first message; jambonz sends no text before it."""
    return _message({"type": "connect", "data": {"sample_rate": sample_rate_hz, "base64_encoding": False}})


def jambonz_error(error: RemoteError) -> str:
    """The message for an error."""
    return _message({"type": "error", "error": error.message, "code": error.code})


def _message(content: dict[str, Any]) -> str:
    return orjson.dumps(content).decode()
