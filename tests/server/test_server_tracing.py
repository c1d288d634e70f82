"""Traces of a real server, in a real collector's protobuf over HTTP."""

from __future__ import annotations

import gzip
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import h11
import opentelemetry.sdk.trace
import pytest
import trio
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from running import hear, running, say, until
from tiny_voice import tiny_catalogue

from zelitrio.engine import open_engine
from zelitrio.errors import LocalError
from zelitrio.server import trace_export
from zelitrio.settings import EngineSettings, ServerSettings

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
TINY = "/v1/text-to-speech/tiny-0?output_format=pcm_24000"
PLAIN = "/v1/text-to-speech/zeli-voice-1?output_format=pcm_24000"
STAGES = ["queue", "reading", "encode", "first window", "encoder", "first send"]


@attrs.define(eq=False)
class Collector:
    """Takes OTLP over HTTP on a free port and keeps the spans."""

    url: str = ""
    spans: list[Span] = attrs.field(factory=list)
    requests: int = 0
    is_silent: bool = False
    """Whether it accepts requests and never answers."""

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]

    def below(self, span: Span) -> list[Span]:
        return [child for child in self.spans if child.parent_span_id == span.span_id]

    async def answer(self, stream: trio.SocketStream) -> None:
        reader, body, path = h11.Connection(h11.SERVER), b"", b""
        packed = False
        while True:
            event = reader.next_event()
            if event is h11.NEED_DATA:
                try:
                    reader.receive_data(await stream.receive_some(65536))
                except trio.BrokenResourceError:
                    return
            elif isinstance(event, h11.Request):
                path, packed = event.target, (b"content-encoding", b"gzip") in list(event.headers)
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                break
            else:
                return
        assert path == b"/v1/traces"
        self.requests += 1
        if self.is_silent:
            await trio.sleep_forever()
        request = ExportTraceServiceRequest.FromString(gzip.decompress(body) if packed else body)
        for resource in request.resource_spans:
            attributes = {each.key: each.value.string_value for each in resource.resource.attributes}
            assert attributes["service.name"] == "zelitrio"
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        response = h11.Response(status_code=200, headers=[("content-length", "0"), ("connection", "close")])
        parts = [reader.send(response), reader.send(h11.EndOfMessage())]
        await stream.send_all(b"".join(part or b"" for part in parts))


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    collector = Collector()
    async with trio.open_nursery() as nursery:

        async def take(stream: trio.SocketStream) -> None:
            async with stream:
                await collector.answer(stream)

        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        collector.url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}"
        nursery.start_soon(trio.serve_listeners, take, [listener])
        yield collector
        nursery.cancel_scope.cancel()


@pytest.fixture
async def engine():
    async with open_engine(tiny_catalogue(), EngineSettings(device="cpu", cpu_threads=1)) as opened:
        yield opened


def attributes_of(span: Span) -> dict[str, object]:
    return {
        each.key: getattr(each.value, each.value.WhichOneof("value") or "string_value")
        for each in span.attributes
    }


def check_stages(stages: list[Span]) -> None:
    assert sorted(span.name for span in stages) == sorted(STAGES)
    for span in stages:
        assert span.start_time_unix_nano <= span.end_time_unix_nano
        load = attributes_of(span)["zelitrio.load"]
        assert isinstance(load, float) and 0 <= load <= 1
    begun = {span.name: span.start_time_unix_nano for span in stages}
    order = ["reading", "queue", "encode", "first window", "encoder", "first send"]
    assert [begun[name] for name in order] == sorted(begun.values())


async def test_a_request_is_a_span_with_the_parts_of_its_first_audio_and_continues_its_client_s_trace(engine):
    async with (
        collecting() as collector,
        running(engine, trace_endpoint=collector.url, trace_sample=0.0) as server,
        server.http() as http,
    ):
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
        answer = await http.post(TINY, json={"text": "Hello there."}, headers=headers)
        assert answer.status_code == 200
        await until(lambda: collector.named("POST convert"), 10)
    (request,) = collector.named("POST convert")
    assert request.trace_id.hex() == TRACE and request.parent_span_id.hex() == PARENT
    attributes = attributes_of(request)
    assert attributes["http.response.status_code"] == 200 and attributes["zelitrio.voice"] == "tiny-0"
    assert attributes["zelitrio.outcome"] == "done" and attributes["zelitrio.audio_seconds"] > 0
    check_stages(collector.below(request))
    assert abs(request.start_time_unix_nano / 1e9 - time.time()) < 60


async def test_a_socket_is_a_span_with_a_span_for_each_stream(engine):
    async with (
        collecting() as collector,
        running(engine, trace_endpoint=collector.url, trace_sample=1.0) as server,
    ):
        async with server.socket("multi-stream-input", voice="tiny-0") as socket:
            for name in ("a", "b"):
                await say(socket, text="Hello there. ", context_id=name, flush=True)
                await say(socket, context_id=name, close_context=True)
            await say(socket, close_socket=True)
            await hear(socket)
        await until(lambda: collector.named("socket"), 10)
    (request,) = collector.named("socket")
    streams = collector.below(request)
    assert [span.name for span in streams] == ["stream", "stream"]
    for stream in streams:
        check_stages(collector.below(stream))


async def test_no_span_ends_before_it_begins_or_leaves_its_parent_when_the_clock_is_set_back(
    engine, monkeypatch
):
    real, back_s = time.time, 0.0

    def set_back() -> float:
        return real() - back_s

    monkeypatch.setattr(time, "time", set_back)
    monkeypatch.setattr(opentelemetry.sdk.trace, "time_ns", lambda: round(1e9 * set_back()))
    async with (
        collecting() as collector,
        running(engine, trace_endpoint=collector.url, trace_sample=1.0) as server,
        server.http() as http,
    ):
        async with server.socket("multi-stream-input", voice="tiny-0") as socket:
            for name in ("a", "b"):
                await say(socket, text="Hello there. ", context_id=name, flush=True)
                back_s += 3600.0
                await say(socket, context_id=name, close_context=True)
            await say(socket, close_socket=True)
            await hear(socket)
        async with http.stream("POST", TINY, json={"text": "Hello there."}) as answer:
            back_s += 3600.0
            await answer.aread()
        await until(lambda: collector.named("socket") and collector.named("POST convert"), 10)
    assert len(collector.spans) == 1 + 2 * (1 + len(STAGES)) + 1 + len(STAGES)
    by_id = {span.span_id: span for span in collector.spans}
    for span in collector.spans:
        assert span.start_time_unix_nano <= span.end_time_unix_nano, span.name
        if parent := by_id.get(span.parent_span_id):
            assert parent.start_time_unix_nano <= span.start_time_unix_nano, span.name
            assert span.end_time_unix_nano <= parent.end_time_unix_nano, span.name


@pytest.mark.parametrize("flag, sample", [("00", 1.0), (None, 0.0)])
async def test_a_request_that_is_not_sampled_gives_no_span(flag, sample):
    headers = {} if flag is None else {"traceparent": f"00-{TRACE}-{PARENT}-{flag}"}
    async with collecting() as collector:
        async with (
            running(trace_endpoint=collector.url, trace_sample=sample) as server,
            server.http() as http,
        ):
            await http.post(PLAIN, json={"text": "Hello."}, headers=headers)
            await http.get("/ready")
        assert not collector.requests


async def test_an_unreachable_collector_costs_one_log_line_and_no_speech(monkeypatch, capsys):
    monkeypatch.setattr(trace_export, "EXPORT_EVERY_S", 0.05)
    monkeypatch.setattr(trace_export, "_TIMEOUT_S", 0.2)
    lines: list[str] = []
    monkeypatch.setattr(trace_export.log, "error", lambda event, **values: lines.append(event))
    async with (
        running(trace_endpoint="http://127.0.0.1:9", trace_sample=1.0) as server,
        server.http() as http,
    ):
        for _ in range(4):
            assert (await http.post(PLAIN, json={"text": "Hello."})).status_code == 200
            await trio.sleep(0.4)
    assert lines == ["traces_not_sent"]
    assert not capsys.readouterr().err


async def test_a_silent_collector_delays_nothing_and_the_queue_is_bounded(monkeypatch):
    monkeypatch.setattr(trace_export, "MAX_SPANS", 10)
    async with collecting() as collector:
        collector.is_silent = True
        async with running(trace_endpoint=collector.url, trace_sample=1.0) as server, server.http() as http:
            await http.post(PLAIN, json={"text": "Hello."})
            await until(lambda: collector.requests, 10)
            for _ in range(8):
                assert (await http.post(PLAIN, json={"text": "Hello."})).status_code == 200
        # `running` checks that the server ends in time although the thread is still waiting.


async def test_only_the_newest_spans_wait_for_the_collector():
    export = trace_export.TraceExport("http://127.0.0.1:9", 1.0, lambda: 0.0)
    for _ in range(trace_export.MAX_SPANS + 5):
        request = export.begin("GET", {}, is_socket=False)
        assert request is not None
        request.end()
    assert len(export._queue.take()) == trace_export.MAX_SPANS
    assert export._queue.dropped == 5


def test_without_a_collector_nothing_of_opentelemetry_is_imported():
    code = (
        "import sys, trio\n"
        "from zelitrio.server.tracing import Tracing\n"
        "from zelitrio.settings import ServerSettings\n"
        "import zelitrio.server, zelitrio.cli\n"
        "Tracing(ServerSettings(), lambda: 0.0)\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_without_the_extra_the_setting_says_so_in_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "zelitrio.server.trace_export", None)
    monkeypatch.delitem(sys.modules, "zelitrio.server.trace_export")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(LocalError, match=r"zelitrio\[otel\]"):
        from zelitrio.server.tracing import Tracing

        Tracing(ServerSettings(trace_endpoint="http://127.0.0.1:4318"), lambda: 0.0)


@pytest.mark.parametrize("endpoint", ["localhost:4318", "ftp://a", "http://", "http://a?b"])
def test_an_invalid_collector_address_is_refused(endpoint):
    with pytest.raises(LocalError, match="trace_endpoint"):
        ServerSettings(trace_endpoint=endpoint)
