"""Answer a connection above the limit with 503, with the headers that a web page needs to read it."""

from __future__ import annotations

from starlette.types import Message, Scope

from zelitrio.errors import RemoteError
from zelitrio.server.accounting import REQUEST_ID
from zelitrio.server.answer import new_request_id, send_answer
from zelitrio.server.guarded import GuardedStream
from zelitrio.server.head import RequestHead
from zelitrio.server.origins import OriginGuard, Origins
from zelitrio.server.places import PLACE, Place
from zelitrio.server.refusals import vendor_error

_MESSAGE = "The server has reached its limit of connections. Please try again shortly."


async def refuse_full(stream: GuardedStream, head: RequestHead, origins: Origins, place: Place) -> None:
    """Answer any request with 503 and end the connection; never raises.

    The answer passes the same middleware for origins as all others, so a browser's CORS preflight succeeds
    and the page can read the 503.
    """
    request_id = new_request_id()
    guard = OriginGuard(vendor_error(RemoteError("too_many_connections", _MESSAGE), request_id), origins)
    scope: Scope = {
        "type": "http",
        "method": head.method,
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in head.headers],
        REQUEST_ID: request_id,
        PLACE: place,
    }
    parts: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}  # the answer does not depend on the request

    async def send(message: Message) -> None:
        parts.append(message)

    await guard(scope, receive, send)
    status = int(parts[0]["status"])
    headers = [*parts[0]["headers"], (b"request-id", request_id.encode())]
    await send_answer(stream, status, headers, b"".join(part.get("body", b"") for part in parts[1:]))
