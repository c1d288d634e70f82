"""Give every HTTP request an id, count it and log it."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import trio
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from zelitrio.server.answer import given_request_id, new_request_id
from zelitrio.server.metrics import Metrics
from zelitrio.server.quiet_log import get_log

REQUEST_ID = "zelitrio.request_id"
_TOO_OFTEN = ("live", "ready", "metrics")
"""Endpoints that monitoring requests every few seconds; they are not logged."""
log = get_log()


def request_id_of(scope: MutableMapping[str, Any]) -> str:
    """The id of the present request."""
    return str(scope.get(REQUEST_ID, ""))


class Accounting:
    """ASGI middleware: add a `request-id` header to every answer; count answers by endpoint and status."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = scope[REQUEST_ID] = given_request_id(scope["headers"]) or new_request_id()
        bind_contextvars(request_id=name)  # this task answers one request
        began_at = trio.current_time()

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {
                    **message,
                    "headers": [*message.get("headers", []), (b"request-id", name.encode())],
                }
                endpoint = getattr(scope.get("endpoint"), "__name__", "none")
                self._metrics.doors.requests.labels(endpoint, str(message["status"])).inc()
                if endpoint not in _TOO_OFTEN:
                    took_ms = round(1000 * (trio.current_time() - began_at), 1)
                    log.info("request", endpoint=endpoint, status=message["status"], began_ms=took_ms)
            await send(message)

        await self._app(scope, receive, note)
