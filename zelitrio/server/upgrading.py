"""Begin the upgrade of a request to a WebSocket, for all protocols that use one."""

from __future__ import annotations

from structlog.contextvars import bind_contextvars

from zelitrio.server.answer import NAMING_HEADERS, answer_status, given_request_id, new_request_id
from zelitrio.server.guarded import GuardedStream
from zelitrio.server.head import RequestHead
from zelitrio.server.websocket import HandshakeError, accept_answer


async def begin_upgrade(stream: GuardedStream, head: RequestHead) -> bytes | None:
    """Bind the request's id to the log, and return the answer that accepts the upgrade.

    If the WebSocket handshake is invalid, sends an error, waits for the write, and returns None.
    """
    try:
        answer = accept_answer(head)
    except HandshakeError as error:
        await answer_status(stream, error.status, error.message)
        return None
    # Child tasks inherit the id, so all log lines of the conversation have it.
    headers = [
        (name.encode(), value.encode("latin-1")) for name, value in head.headers if name in NAMING_HEADERS
    ]
    bind_contextvars(request_id=given_request_id(headers) or new_request_id())
    return answer
