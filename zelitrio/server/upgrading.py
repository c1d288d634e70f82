"""The upgrade of a request to a WebSocket, for every door that serves one."""

from __future__ import annotations

from structlog.contextvars import bind_contextvars

from zelitrio.server.answer import answer_status, given_request_id, new_request_id
from zelitrio.server.guarded import GuardedStream
from zelitrio.server.head import RequestHead
from zelitrio.server.websocket import HandshakeError, accept_answer


async def begin_upgrade(stream: GuardedStream, head: RequestHead) -> bytes | None:
    """Name the conversation in the log, and return the bytes that accept it.

    None if the request does not ask for a WebSocket rightly: then it has its answer, the only wait here.
    """
    try:
        answer = accept_answer(head)
    except HandshakeError as error:
        await answer_status(stream, error.status, error.message)
        return None
    # Tasks inherit it, so every log line of the conversation carries it.
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in head.headers]
    bind_contextvars(request_id=given_request_id(headers) or new_request_id())
    return answer
