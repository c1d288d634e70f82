"""The parts of one stream's first audio, from the client's message to the client's first audible sample.

    python -m bench.waterfall --rounds 30

The real server runs in this process.  Its front end and engine record the time of each call.  The client is
a thread that blocks in its socket.  The output is the median of each part, and one stream with the median
total.
"""

from __future__ import annotations

import functools
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import attrs
import structlog
import trio

from bench.loop_hold import SWITCH_INTERVAL_S
from bench.one_socket import OneSocket
from bench.options import Options, parse, parser
from bench.report import Report
from zelitrio.bench_client import SENTENCES, milliseconds, stream_target
from zelitrio.engine import AudioBlock, Engine, EngineStream, open_engine
from zelitrio.server import serve
from zelitrio.settings import ServerSettings, SessionSettings
from zelitrio.text import FrontEnd, Utterance, load_front_end

FORMAT = "pcm_24000"
PARTS = (
    ("socket in, JSON, schedule", "sent", "front end"),
    ("words and phones", "front end", "front end done"),
    ("to the engine", "front end done", "fed"),
    ("engine: networks and first window", "fed", "block"),
    ("packet: encoder, base64, JSON, socket", "block", "heard"),
)
"""Name of each part, and the marks of its begin and end."""


class Marks:
    """The first time of each event since `clear`."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}

    def clear(self) -> None:
        self.at.clear()

    def note(self, name: str) -> None:
        self.at.setdefault(name, time.perf_counter())


@attrs.frozen(kw_only=True)
class ClockedFrontEnd(FrontEnd):
    """A front end that records the times of its calls."""

    marks: Marks

    def utterance(self, text: str, **named: Any) -> Utterance:
        self.marks.note("front end")
        found = super().utterance(text, **named)
        self.marks.note("front end done")
        return found


class ClockedStream:
    """An engine stream that records when it is fed and when it yields a block."""

    def __init__(self, stream: EngineStream, marks: Marks) -> None:
        self._stream = stream
        self._marks = marks

    def feed(self, utterance: Utterance, **named: Any) -> Any:
        self._marks.note("fed")
        return self._stream.feed(utterance, **named)

    def __aiter__(self) -> ClockedStream:
        return self

    async def __anext__(self) -> AudioBlock:
        block = await anext(self._stream)
        self._marks.note("block")
        return block

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class ClockedEngine:
    """An engine with clocked streams."""

    def __init__(self, engine: Engine, marks: Marks) -> None:
        self._engine = engine
        self._marks = marks

    @asynccontextmanager
    async def open_stream(self, *given: Any, **named: Any) -> AsyncIterator[ClockedStream]:
        async with self._engine.open_stream(*given, **named) as stream:
            yield ClockedStream(stream, self._marks)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--rounds", type=int, default=30)
    options = parse(made)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # stdout is for results
    marks = Marks()
    streams = trio.run(measure, options, marks)
    tell(options.report("waterfall"), streams)


async def measure(options: Options, marks: Marks) -> list[dict[str, float]]:
    """Return the marks of every stream."""
    streams = []
    front_end = ClockedFrontEnd(lexicon=load_front_end().lexicon, marks=marks)
    async with open_engine(options.catalogue(), options.engine) as engine, trio.open_nursery() as nursery:
        clocked: Any = ClockedEngine(engine, marks)
        urls = await nursery.start(serve, clocked, front_end, ServerSettings(port=0), SessionSettings())
        url = urlsplit(urls[0])
        target = stream_target(options.chosen_voice().voice_id, FORMAT)
        for number in range(options.extra.rounds + 3):
            speak = functools.partial(say, str(url.hostname), int(url.port or 0), target, marks)
            at = await trio.to_thread.run_sync(speak, SENTENCES[number % len(SENTENCES)])
            if number >= 3:  # the first streams warm up
                streams.append(at)
        nursery.cancel_scope.cancel()
    return streams


def say(host: str, port: int, target: str, marks: Marks, text: str) -> dict[str, float]:
    """Speak one stream; runs in its own thread."""
    one = OneSocket(host, port, target, FORMAT)
    time.sleep(0.05)
    marks.clear()
    one.release(text)
    one.wait_first()
    at = dict(marks.at, sent=one.heard.released_at, heard=one.heard.arrivals[0][0])
    one.end()
    one.wait_end()
    return at


def tell(report: Report, streams: list[dict[str, float]]) -> None:
    rows = []
    for name, begin, end in PARTS:
        taken = milliseconds([at[end] - at[begin] for at in streams])
        report.line(name, part_ms=taken, begins_at=begin, ends_at=end)
        rows.append([name, taken["p50"], taken["p95"], taken["p99"]])
    totals = [at["heard"] - at["sent"] for at in streams]
    middle = statistics.median_low(totals)
    typical = streams[totals.index(middle)]
    spans = [
        [name, typical[begin] - typical["sent"], typical[end] - typical["sent"]] for name, begin, end in PARTS
    ]
    total = milliseconds(totals)
    report.line("typical stream", total_ms=total, spans_s=spans)
    report.table(
        ["part of first audio", "p50 ms", "p95", "p99"],
        [*rows, ["all", *(total[q] for q in ("p50", "p95", "p99"))]],
    )


if __name__ == "__main__":
    main()
