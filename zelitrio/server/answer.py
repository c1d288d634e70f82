"""Answers that are sent before the HTTP application or a socket takes the connection."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from http import HTTPStatus

import h11
import orjson
import trio

from zelitrio.errors import RemoteError
from zelitrio.protocol import error_body, outcome_of
from zelitrio.server.guarded import GuardedStream

NAMING_HEADERS = ("x-request-id", "traceparent")
"""Headers with which a client names its request, in order of precedence."""
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")
_TRACE_PARENT = re.compile(rb"[0-9a-f]{2}-((?!0{32})[0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
RETRY_AFTER_S = 5
"""Sent with every 503: then there may be room again, or a new process."""


def new_request_id() -> str:
    """A new id for one request, for its answer and the log."""
    # Not a secret.  Random bytes of the system take a call that releases the GIL.
    return f"{random.getrandbits(96):024x}"


def given_request_id(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The id that the client gave its request, if it is safe to repeat.

    `x-request-id` comes first, then the trace id of `traceparent` (https://www.w3.org/TR/trace-context/).
    """
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        found.setdefault(name.lower(), value)
    if _REQUEST_ID.fullmatch(found.get(b"x-request-id", b"")):
        return found[b"x-request-id"].decode()
    trace = _TRACE_PARENT.fullmatch(found.get(b"traceparent", b""))
    return trace[1].decode() if trace else None


async def refuse(stream: GuardedStream, error: RemoteError) -> None:
    """Answer with the error in ElevenLabs' shape and end the connection; never raises."""
    request_id = new_request_id()
    body = orjson.dumps(error_body(error, request_id))
    await answer(stream, outcome_of(error).http_status, body, request_id)


async def answer_status(stream: GuardedStream, status: int, message: str) -> None:
    """Answer with a bare status and a message and end the connection; never raises."""
    request_id = new_request_id()
    detail = {"type": "invalid_request", "code": "bad_request", "status": "bad_request", "message": message}
    await answer(stream, status, orjson.dumps({"detail": {**detail, "request_id": request_id}}), request_id)


async def answer(stream: GuardedStream, status: int, body: bytes, request_id: str) -> None:
    """Answer in JSON and end the connection; never raises."""
    headers = [(b"retry-after", str(RETRY_AFTER_S).encode())] if status == 503 else []
    if status == HTTPStatus.UPGRADE_REQUIRED:  # RFC 6455, section 4.4: say which version is spoken
        headers = [(b"sec-websocket-version", b"13")]
    headers += [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"request-id", request_id.encode()),
    ]
    await send_answer(stream, status, headers, body)


async def send_answer(
    stream: GuardedStream, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes
) -> None:
    """Send one whole response, end the sending side, and discard further input."""
    writer = h11.Connection(h11.SERVER)
    response = h11.Response(
        status_code=status,
        headers=[*headers, (b"connection", b"close")],
        reason=HTTPStatus(status).phrase.encode(),
    )
    parts = (writer.send(response), writer.send(h11.Data(data=body)), writer.send(h11.EndOfMessage()))
    try:
        await stream.send_all(b"".join(part for part in parts if part))
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        return
    await stream.linger()
