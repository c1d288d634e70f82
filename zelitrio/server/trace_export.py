"""Export spans to a collector: OTLP over HTTP, by OpenTelemetry.  Only `tracing` imports this, on demand.

The event loop puts finished spans into a bounded queue.  Once a second a worker thread sends them.  If the
collector cannot be reached, one line is logged, and a full queue drops its oldest spans.

Each request reads the system's clock once, at its begin.  All times of its spans come from Trio's clock.  So
no span ends before it begins or leaves its parent when the system's clock is set.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

import attrs
import trio
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from zelitrio import __version__
from zelitrio.server.quiet_log import get_log
from zelitrio.session import Trace

EXPORT_EVERY_S = 1.0
MAX_SPANS = 4096
"""Waiting spans: about 600 requests, 8 MB."""
_TIMEOUT_S = 5.0
"""Time for one batch, including the exporter's own retries."""
_LAST_EXPORT_S = 2.0
"""Time for the last batch, while the server ends."""
log = get_log()


class _Queue(SpanProcessor):
    """Finished spans that wait for the collector, the oldest first."""

    def __init__(self) -> None:
        self._spans: deque[ReadableSpan] = deque(maxlen=MAX_SPANS)
        self.dropped = 0

    def on_end(self, span: ReadableSpan) -> None:
        if len(self._spans) == MAX_SPANS:
            self.dropped += 1
        self._spans.append(span)

    def take(self) -> Sequence[ReadableSpan]:
        """Remove and return all waiting spans."""
        taken = list(self._spans)
        self._spans.clear()
        return taken


class TraceExport:
    """Makes spans and sends them.

    Args:
        endpoint: URL of the collector, such as http://localhost:4318.
        sample: share of traced requests, unless the client's `traceparent` decides.
        load: returns the engine's load, 0 to 1.
    """

    def __init__(self, endpoint: str, sample: float, load: Callable[[], float]) -> None:
        # The exporter would log each retry; this server logs only the first failure.
        logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)
        self._exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=_TIMEOUT_S)
        self._queue = _Queue()
        resource = Resource.create({"service.name": "zelitrio", "service.version": __version__})
        provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(sample)), resource=resource, shutdown_on_exit=False
        )
        provider.add_span_processor(self._queue)
        self._tracer = provider.get_tracer("zelitrio", __version__)
        self._propagator = TraceContextTextMapPropagator()
        self._load = load
        self._is_failing = False

    def begin(self, name: str, headers: Mapping[str, str], is_socket: bool) -> RequestSpan | None:
        """Begin the span of a request; None: it is not sampled."""
        parent = self._propagator.extract(headers)
        clock = _Clock()
        span = self._tracer.start_span(
            name, context=parent, kind=SpanKind.SERVER, start_time=clock.time_ns(trio.current_time())
        )
        if not span.is_recording():
            return None
        return RequestSpan(self._tracer, span, clock, self._load, is_socket)

    async def run(self) -> None:
        """Send finished spans until cancelled, then send the rest."""
        try:
            while True:
                await trio.sleep(EXPORT_EVERY_S)
                await self._send()
        finally:
            with trio.CancelScope(shield=True), trio.move_on_after(_LAST_EXPORT_S):
                await self._send()
            # This also ends the retries in an abandoned thread.
            self._exporter.shutdown()  # type: ignore[no-untyped-call]

    async def _send(self) -> None:
        spans = self._queue.take()
        if not spans:
            return
        # An unexpected error of the exporter must not end the server.
        try:
            result = await trio.to_thread.run_sync(self._exporter.export, spans, abandon_on_cancel=True)
            is_failing = result is not SpanExportResult.SUCCESS
        except Exception:
            is_failing = True
        if is_failing and not self._is_failing:
            log.error("traces_not_sent", spans=len(spans), dropped=self._queue.dropped)
        elif self._is_failing and not is_failing:
            log.info("traces_sent_again")
        self._is_failing = is_failing


class _Clock:
    """Nanoseconds since 1970 for a moment of Trio's clock, by the clocks' difference at construction."""

    def __init__(self) -> None:
        self._offset_s = time.time() - trio.current_time()

    def time_ns(self, at_s: float) -> int:
        return round(1e9 * (at_s + self._offset_s))

    def end(self, span: Span) -> None:
        """End a span now."""
        span.end(self.time_ns(trio.current_time()))


@attrs.define(eq=False)
class RequestSpan:
    """The span of one request."""

    _tracer: Tracer
    _span: Span
    _clock: _Clock
    _load: Callable[[], float]
    _is_socket: bool

    def answered(self, name: str, status: int) -> None:
        """Record the answer's status, and name the span."""
        self._span.update_name(name)
        self._span.set_attribute("http.response.status_code", status)

    def open_stream(self, voice_id: str, began_at: float) -> Trace:
        """Begin the trace of a stream of this request.  The stream began when its first text was read."""
        span = self._span
        if self._is_socket:
            span = self._tracer.start_span(
                "stream",
                context=set_span_in_context(span),
                start_time=self._clock.time_ns(began_at),
            )
        span.set_attribute("zelitrio.voice", voice_id)
        return _StreamTrace(self._tracer, span, self._clock, self._load, self._is_socket)

    def end(self) -> None:
        """End the span."""
        self._clock.end(self._span)


@attrs.define(eq=False)
class _StreamTrace:
    """See `zelitrio.session.Trace`."""

    _tracer: Tracer
    _span: Span
    _clock: _Clock
    _load: Callable[[], float]
    _is_own: bool
    """Whether the span is the stream's, not the request's."""

    def stage(self, name: str, began_at: float, ended_at: float, load: float | None = None) -> None:
        stage = self._tracer.start_span(
            name,
            context=set_span_in_context(self._span),
            start_time=self._clock.time_ns(began_at),
            attributes={"zelitrio.load": self._load() if load is None else load},
        )
        stage.end(self._clock.time_ns(ended_at))

    def end(self, outcome: str, audio_s: float) -> None:
        self._span.set_attribute("zelitrio.outcome", outcome)
        self._span.set_attribute("zelitrio.audio_seconds", audio_s)
        if self._is_own:
            self._clock.end(self._span)
