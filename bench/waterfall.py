"""Where the time of one stream's first audio goes, from the client's message to the client's ear.

    python -m bench.waterfall --rounds 30

The real server runs in this process with a clock at each hand-over; the client is a thread that blocks
in its socket.  Printed: the median of each part, and one stream with the median total.
"""

from __future__ import annotations

import functools
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import structlog
import trio

from bench.heard import stream_target
from bench.loop_hold import SWITCH_INTERVAL_S
from bench.one_socket import OneSocket
from bench.options import Options, parse, parser
from bench.percentiles import milliseconds
from bench.report import Report
from bench.texts import SENTENCES
from zelitrio.engine import EngineStream, open_engine
from zelitrio.engine.graphs import Pending
from zelitrio.engine.runner import Runner
from zelitrio.server import serve
from zelitrio.server.websocket import WebSocket
from zelitrio.session import SpeechStream
from zelitrio.settings import ServerSettings, SessionSettings
from zelitrio.text import FrontEnd, load_front_end

FORMAT = "pcm_24000"
PARTS = (
    ("socket in, JSON, schedule", "sent", "text"),
    ("chunk released to the front end", "text", "front end"),
    ("phonemes", "front end", "front end done"),
    ("to the engine's thread", "front end done", "encode"),
    ("acoustic network", "encode", "encode done"),
    ("timeline and queue", "encode done", "window"),
    ("first window", "window", "window done"),
    ("back to the loop", "window done", "delivered"),
    ("packet: encoder, base64, JSON", "delivered", "send"),
    ("socket out", "send", "heard"),
)
"""Name, and the marks at which it begins and ends."""


class Marks:
    """The first time that each thing happened since `clear`."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}
        self._last_call = ""

    def clear(self) -> None:
        self.at.clear()

    def note(self, name: str) -> None:
        self.at.setdefault(name, time.perf_counter())

    def clock(self, owner: Any, method: str, begin: str | None, end: str | None = None) -> None:
        """Note when a method is called and when it returned."""
        called: Callable[..., Any] = getattr(owner, method)

        @functools.wraps(called)
        def timed(*arguments: Any, **named: Any) -> Any:
            if begin:
                self.note(begin)
            result = called(*arguments, **named)
            if end:
                self.note(end)
            return result

        setattr(owner, method, timed)

    def install(self) -> None:
        """Put a clock at every hand-over of this process."""
        text = SpeechStream.text

        def timed_text(stream: SpeechStream, text_: str, **named: Any) -> None:
            if named.get("flush"):  # the greeting is a text too
                self.note("text")
            text(stream, text_, **named)

        replaced: Any = SpeechStream  # no type checker lets a function stand for a method
        replaced.text = timed_text
        self.clock(FrontEnd, "utterance", "front end", "front end done")
        self.clock(EngineStream, "deliver", "delivered")
        self.clock(WebSocket, "offer", "send")
        for method, mark in (("encode", "encode"), ("speak", "window")):
            self._clock_step(method, mark)

    def _clock_step(self, method: str, mark: str) -> None:
        """A step begins with its launch and is done when its result was waited for."""
        launch, wait = getattr(Runner, method), Pending.wait

        def timed(runner: Runner, *arguments: Any) -> Pending:
            self.note(mark)
            self._last_call = mark
            result: Pending = launch(runner, *arguments)
            return result

        setattr(Runner, method, timed)
        if method == "encode":

            def timed_wait(pending: Pending) -> Any:
                result = wait(pending)
                self.note(f"{self._last_call} done")
                return result

            replaced: Any = Pending
            replaced.wait = timed_wait


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--rounds", type=int, default=30)
    options = parse(made)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # stdout is for results
    marks = Marks()
    marks.install()
    streams = trio.run(measure, options, marks)
    tell(options.report("waterfall"), streams)


async def measure(options: Options, marks: Marks) -> list[dict[str, float]]:
    """The marks of every stream."""
    streams = []
    front_end = load_front_end()
    async with (
        open_engine(options.catalogue(), options.engine) as engine,
        trio.open_nursery() as nursery,
    ):
        urls = await nursery.start(serve, engine, front_end, ServerSettings(port=0), SessionSettings())
        url = urlsplit(urls[0])
        target = stream_target(options.chosen_voice().voice_id, FORMAT)
        for number in range(options.extra.rounds + 3):
            speak = functools.partial(say, str(url.hostname), int(url.port or 0), target, marks)
            at = await trio.to_thread.run_sync(speak, SENTENCES[number % len(SENTENCES)])
            if number >= 3:  # the first ones pay for what is made once
                streams.append(at)
        nursery.cancel_scope.cancel()
    return streams


def say(host: str, port: int, target: str, marks: Marks, text: str) -> dict[str, float]:
    """One stream; runs in a thread of its own."""
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
