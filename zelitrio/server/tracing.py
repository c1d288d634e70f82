"""Traces: a span for each request, with the stages up to its first audio as children.

An HTTP request is one span.  A socket is one span, and each of its streams is a child of it.  Spans are made
and OpenTelemetry is imported (by `trace_export`) only if a collector is set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import trio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from zelitrio.errors import SettingError
from zelitrio.session import Trace
from zelitrio.settings import ServerSettings

if TYPE_CHECKING:
    from zelitrio.server.trace_export import RequestSpan, TraceExport

_UNTRACED = ("/live", "/ready", "/metrics")
"""Paths that monitoring requests every few seconds."""
_current: ContextVar[RequestSpan | None] = ContextVar("zelitrio_request_span", default=None)
"""The span of the request that the current task works for; child tasks inherit it."""


class Tracing:
    """The traces of one server.

    Args:
        settings: have the collector's URL, or None.
        load: returns the engine's load, 0 to 1.

    Raises:
        SettingError: a collector is set, and the extra is not installed.
    """

    def __init__(self, settings: ServerSettings, load: Callable[[], float]) -> None:
        self._export: TraceExport | None = None
        if settings.trace_endpoint is not None:
            self._export = _open_export(settings.trace_endpoint, settings.trace_sample, load)

    @contextmanager
    def request(
        self, name: str, headers: Iterable[tuple[str, str]], *, is_socket: bool = False
    ) -> Iterator[RequestSpan | None]:
        """Trace the request of the block; yield its span, or None without a trace.

        Args:
            name: of the span.
            headers: of the request; `traceparent` continues the client's trace.
            is_socket: whether each stream gets its own span.
        """
        span = None if self._export is None else self._export.begin(name, dict(headers), is_socket)
        if span is None:
            yield None
            return
        token = _current.set(span)
        try:
            yield span
        finally:
            _current.reset(token)
            span.end()

    def open_stream(self, voice_id: str, began_at: float) -> Trace | None:
        """Begin the trace of a stream of the current request, if it is traced."""
        request = _current.get()
        return None if request is None else request.open_stream(voice_id, began_at)

    async def run(self) -> None:
        """Send finished spans until cancelled."""
        if self._export is None:
            await trio.sleep_forever()
        else:
            await self._export.run()


class TracingApp:
    """ASGI middleware: a span for each request."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"] in _UNTRACED:
            await self._app(scope, receive, send)
            return
        headers = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
        with self._tracing.request(scope["method"], headers) as span:
            if span is None:
                await self._app(scope, receive, send)
                return

            async def note(message: Message) -> None:
                if message["type"] == "http.response.start":
                    endpoint = getattr(scope.get("endpoint"), "__name__", "none")
                    span.answered(f"{scope['method']} {endpoint}", message["status"])
                await send(message)

            await self._app(scope, receive, note)


def _open_export(endpoint: str, sample: float, load: Callable[[], float]) -> TraceExport:
    try:
        from zelitrio.server.trace_export import TraceExport
    except ModuleNotFoundError as error:
        message = f"expected the extra otel (pip install 'zelitrio[otel]'), found no {error.name}"
        raise SettingError(message, "trace_endpoint") from error
    return TraceExport(endpoint, sample, load)
