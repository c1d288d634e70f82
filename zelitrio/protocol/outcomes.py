"""How errors are shown to the peer: one row per error code, and messages made from it.

On a socket an error is a text frame `{"message", "error", "code"}` and then a close with the message as
reason.  Over HTTP it is a status and a JSON body.  Codes and shapes are ElevenLabs' where known:
https://elevenlabs.io/docs/api-reference/text-to-speech/v-1-text-to-speech-voice-id-stream-input
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import attrs

from zelitrio.errors import CapacityError, RemoteError, ZelitrioError

MAX_CLOSE_REASON_BYTES = 123
"""RFC 6455, section 5.5: a control frame holds 125 bytes, two of which are the close code."""


@attrs.frozen
class Outcome:
    """Close code, status and names of one error code."""

    close_code: int
    """WebSocket close code, also the `code` of the error frame."""
    http_status: int
    type: str
    """ElevenLabs' `detail.type`."""
    legacy_status: str
    """ElevenLabs' older `detail.status`, which older clients read instead of the code."""
    http_code: str
    """ElevenLabs' `detail.code`, which may differ from the `error` of a socket."""


def _outcome(
    close_code: int, http_status: int, kind: str, code: str, legacy_status: str | None = None
) -> Outcome:
    return Outcome(close_code, http_status, kind, legacy_status or code, code)


_FIELD = "unprocessable_entity"
"""The type of every error that HTTP reports as a list of fields (see `error_body`)."""

OUTCOMES: Mapping[str, Outcome] = MappingProxyType(
    {
        # Authentication and limits of accounts.
        "invalid_api_key": _outcome(1008, 401, "authentication_error", "unauthorized", "invalid_api_key"),
        "missing_api_key": _outcome(1008, 401, "authentication_error", "unauthorized", "needs_authorization"),
        "authentication_required": _outcome(
            1008, 401, "authentication_error", "authentication_required", "needs_authorization"
        ),
        "origin_not_allowed": _outcome(1008, 403, "authorization_error", "origin_not_allowed"),
        "missing_permissions": _outcome(1008, 403, "authorization_error", "missing_permissions"),
        "quota_exceeded": _outcome(1008, 401, "quota_error", "quota_exceeded"),
        "rate_limit_exceeded": _outcome(1008, 429, "rate_limit_error", "rate_limit_exceeded"),
        "concurrent_limit_exceeded": _outcome(
            1008, 429, "rate_limit_error", "concurrent_limit_exceeded", "too_many_concurrent_requests"
        ),
        # Voices, formats and other things that do not exist.
        "voice_id_does_not_exist": _outcome(1008, 404, "not_found", "voice_not_found"),
        "voice_not_found": _outcome(1008, 404, "not_found", "voice_not_found"),
        "not_found": _outcome(1008, 404, "not_found", "not_found"),
        "model_not_found": _outcome(1008, 404, "not_found", "model_not_found"),
        "method_not_allowed": _outcome(1008, 405, "invalid_request", "method_not_allowed"),
        "unsupported_model": _outcome(1008, 400, "invalid_request", "unsupported_model"),
        "unsupported_language": _outcome(1008, 400, "invalid_request", "unsupported_language"),
        # ElevenLabs answers 403 here; 400 does not look like a wrong key.
        "invalid_output_format": _outcome(1008, 400, "validation_error", "invalid_output_format"),
        "invalid_parameters": _outcome(1008, 400, "validation_error", "invalid_parameters"),
        "history_item_not_found": _outcome(1008, 404, "not_found", "history_item_not_found"),
        "pronunciation_dictionary_not_found": _outcome(
            1008, 404, "not_found", "pronunciation_dictionary_not_found"
        ),
        # Messages and bodies.
        "invalid_input_message": _outcome(1008, 400, "validation_error", "invalid_input_message"),
        "message_too_big": _outcome(1009, 413, "invalid_request", "payload_too_large"),
        "max_active_conversations": _outcome(1008, 429, "rate_limit_error", "max_active_conversations"),
        "too_many_contexts": _outcome(1008, 429, "rate_limit_error", "too_many_contexts"),
        "input_timeout_exceeded": _outcome(1008, 408, "invalid_request", "input_timeout_exceeded"),
        "slow_reader": _outcome(1008, 408, "invalid_request", "slow_reader"),
        # Fields of a body, with the codes of ElevenLabs' validator.
        "missing": _outcome(1008, 422, _FIELD, "missing"),
        "json_invalid": _outcome(1008, 422, _FIELD, "json_invalid"),
        "string_type": _outcome(1008, 422, _FIELD, "string_type"),
        "string_too_short": _outcome(1008, 422, _FIELD, "string_too_short"),
        "string_too_long": _outcome(1008, 422, _FIELD, "string_too_long"),
        "float_type": _outcome(1008, 422, _FIELD, "float_type"),
        "int_type": _outcome(1008, 422, _FIELD, "int_type"),
        "bool_type": _outcome(1008, 422, _FIELD, "bool_type"),
        "list_type": _outcome(1008, 422, _FIELD, "list_type"),
        "dict_type": _outcome(1008, 422, _FIELD, "dict_type"),
        "enum": _outcome(1008, 422, _FIELD, "enum"),
        "value_error": _outcome(1008, 422, _FIELD, "value_error"),
        # The server cannot serve the request.
        "system_busy": _outcome(1013, 429, "rate_limit_error", "system_busy"),
        "too_many_connections": _outcome(1013, 503, "service_unavailable", "too_many_connections"),
        "service_restart": _outcome(1012, 503, "service_unavailable", "service_restart"),
        "something_went_wrong": _outcome(1011, 500, "internal_error", "something_went_wrong"),
        # Raised only by this package's client about its server.
        "connection_failed": _outcome(1011, 502, "connection_error", "connection_failed"),
        "connection_closed": _outcome(1011, 502, "connection_error", "connection_closed"),
        "invalid_server_message": _outcome(1002, 502, "connection_error", "invalid_server_message"),
    }
)

_UNKNOWN = OUTCOMES["something_went_wrong"]


def outcome_of(error: RemoteError) -> Outcome:
    """The row of an error's code; an unknown code is an internal error (1011, 500)."""
    return OUTCOMES.get(error.code, _UNKNOWN)


def to_remote_error(error: BaseException) -> RemoteError:
    """Convert any error to the one for the peer.

    A RemoteError stays as it is.  A CapacityError becomes `system_busy`.  All others become
    `something_went_wrong` without details, which belong in the log.
    """
    if isinstance(error, RemoteError):
        return error
    if isinstance(error, CapacityError):
        return RemoteError("system_busy", "The server is at its capacity. Please try again shortly.")
    if isinstance(error, ZelitrioError):
        return RemoteError("something_went_wrong", "The speech could not be made.")
    return RemoteError("something_went_wrong", "Something went wrong.")


def cut_reason(text: str) -> str:
    """The beginning of `text` that fits a close frame: at most 123 bytes of UTF-8, whole characters."""
    encoded = text.encode("utf-8", "replace")
    return encoded[:MAX_CLOSE_REASON_BYTES].decode("utf-8", "ignore")


def close_frame(error: RemoteError) -> tuple[int, str]:
    """Close code and reason for an error that ends the socket."""
    return outcome_of(error).close_code, cut_reason(error.message)


def error_body(error: RemoteError, request_id: str) -> dict[str, Any]:
    """The JSON body of an HTTP error; the status is `outcome_of(error).http_status`.

    Invalid body fields have ElevenLabs' list form (`{"detail": [{"type", "loc", "msg", "input"}]}`); `loc` is
    the dotted path `error.param`.  All other errors have the object form, with the new `code` and the old
    `status`.
    """
    outcome = outcome_of(error)
    if outcome.type == _FIELD:
        loc: list[str] = ["body", *(error.param.split(".") if error.param else ())]
        return {"detail": [{"type": outcome.http_code, "loc": loc, "msg": error.message, "input": None}]}
    detail: dict[str, Any] = {
        "type": outcome.type,
        "code": outcome.http_code,
        "message": error.message,
        "status": outcome.legacy_status,
        "request_id": request_id,
    }
    if error.param is not None:
        detail["param"] = error.param
    return {"detail": detail}


def openai_error_body(error: RemoteError) -> dict[str, Any]:
    """The JSON body of an error in OpenAI's shape: `{"error": {"message", "type", "param", "code"}}`."""
    outcome = outcome_of(error)
    kind = "server_error" if outcome.http_status >= 500 else "invalid_request_error"
    return {
        "error": {"message": error.message, "type": kind, "param": error.param, "code": outcome.http_code}
    }
