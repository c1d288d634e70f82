"""Barge-in: the time from the client's close to the last byte of audio and to a free lane.

    python -m bench.cancel --rounds 30
    python -m bench.cancel --rounds 30 --beside 4      while four other streams speak

A stream is stopped in mid-sentence in four ways: a close frame, a reset connection, `close_context` on a
multi-context socket, and the end of the engine's block in the same process.  `/metrics` is polled for
`zelitrio_streams_active` to see when the lane is free.  The resolution is one poll (`poll_ms`).
"""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import attrs
import trio

from bench.beside import speaking_beside
from bench.one_socket import OneSocket
from bench.options import Options, parse, parser
from bench.report import Report
from bench.server_process import ServerProcess, open_server
from zelitrio.bench_client import LONG_TEXT, milliseconds, multi_target, stream_target
from zelitrio.engine import open_engine
from zelitrio.text import read_text

SPEAK_FIRST_S = 0.1
"""Speech that is received before the stop."""
FORMAT = "pcm_24000"
_ENDED = re.compile(rb'^zelitrio_streams_total\{reason="(?:gone|discarded)"\} ([0-9.]+)', re.MULTILINE)


@attrs.define
class Cut:
    """The results of one way to stop, per round."""

    last_byte_s: list[float] = attrs.field(factory=list)
    stale_bytes: list[int] = attrs.field(factory=list)
    free_s: list[float] = attrs.field(factory=list)
    poll_s: list[float] = attrs.field(factory=list)


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--rounds", type=int, default=30, help="rounds of each way to cancel")
    made.add_argument("--beside", type=int, default=0, help="other streams that speak at the same time")
    options = parse(made)
    report = options.report("cancel")
    voice_id = options.chosen_voice().voice_id
    ways: dict[str, Callable[[ServerProcess, str, Cut], None]] = {
        "close frame": by_close_frame,
        "reset": by_reset,
        "close_context": by_close_context,
    }
    rows = []
    with (
        open_server(options.server_flags()) as server,
        speaking_beside(server.host, server.port, options.extra.beside, voice_id),
    ):
        for name, way in ways.items():
            cut = Cut()
            for _ in range(options.extra.rounds):
                way(server, voice_id, cut)
                time.sleep(0.02)
            rows.append(tell(report, name, cut))
    cut = Cut()
    trio.run(in_process, options, cut)
    rows.append(tell(report, "in process", cut))
    report.table(["", "last byte p50 ms", "p99", "stale bytes p50", "lane free p50 ms", "p99"], rows)


def tell(report: Report, name: str, cut: Cut) -> list[object]:
    last, free = milliseconds(cut.last_byte_s), milliseconds(cut.free_s)
    stale = sorted(cut.stale_bytes)
    report.line(
        name,
        last_byte_ms=last,
        lane_free_ms=free,
        stale_bytes_max=stale[-1] if stale else None,
        poll_ms=milliseconds(cut.poll_s),
    )
    middle = stale[len(stale) // 2] if stale else None
    return [name, last.get("p50"), last.get("p99"), middle, free.get("p50"), free.get("p99")]


def by_close_frame(server: ServerProcess, voice_id: str, cut: Cut) -> None:
    one = OneSocket(server.host, server.port, stream_target(voice_id, FORMAT), FORMAT)
    one.release(LONG_TEXT)
    one.wait_first()
    one.listen(SPEAK_FIRST_S)
    with watch_lane(server, cut) as now:
        one.close()
        begin = now()
        one.wait_end()
        _note_stale(one, begin, cut)


def by_reset(server: ServerProcess, voice_id: str, cut: Cut) -> None:
    one = OneSocket(server.host, server.port, stream_target(voice_id, FORMAT), FORMAT)
    one.release(LONG_TEXT)
    one.wait_first()
    one.listen(SPEAK_FIRST_S)
    with watch_lane(server, cut) as now:
        one.vanish()
        now()


def by_close_context(server: ServerProcess, voice_id: str, cut: Cut) -> None:
    """The server drops the waiting text, which was never flushed, and stops the speech."""
    one = OneSocket(server.host, server.port, multi_target(voice_id, FORMAT), FORMAT)
    one.send(text=LONG_TEXT + " ", context_id="a")
    one.wait_first()
    one.listen(SPEAK_FIRST_S)
    with watch_lane(server, cut) as now:
        one.send(context_id="a", close_context=True)
        begin = now()
        one.wait_final()
        _note_stale(one, begin, cut)
    one.send(close_socket=True)
    one.wait_end()


def _note_stale(one: OneSocket, begin: float, cut: Cut) -> None:
    """Count the bytes that came after the close was sent.

    Bytes in the system's buffer at that moment count too, because a listener would have got them.
    """
    stale = [(at, seconds) for at, seconds in one.heard.arrivals if at > begin]
    cut.last_byte_s.append(max((at for at, _ in stale), default=begin) - begin)
    cut.stale_bytes.append(round(sum(seconds for _, seconds in stale) * 48_000))


class watch_lane:  # noqa: N801  # used as a `with` statement's function
    """Poll `/metrics` from the start of the block until one more stream has ended."""

    def __init__(self, server: ServerProcess, cut: Cut) -> None:
        self._cut = cut
        self._connection = http.client.HTTPConnection(server.host, server.port, timeout=10)
        self._threads = ThreadPoolExecutor(1)
        self._begin = 0.0

    def __enter__(self) -> Callable[[], float]:
        self._before = self._ended()

        def now() -> float:
            self._begin = time.perf_counter()
            self._free = self._threads.submit(self._wait)
            return self._begin

        return now

    def __exit__(self, *exc: object) -> None:
        if exc[0] is None:
            self._cut.free_s.append(self._free.result() - self._begin)
        self._threads.shutdown()
        self._connection.close()

    def _wait(self) -> float:
        until = time.perf_counter() + 10.0
        while time.perf_counter() < until:
            asked_at = time.perf_counter()
            ended = self._ended()
            answered_at = time.perf_counter()
            self._cut.poll_s.append(answered_at - asked_at)
            if ended > self._before:
                return answered_at
        raise SystemExit("the lane was not free after ten seconds")

    def _ended(self) -> float:
        self._connection.request("GET", "/metrics")
        text = self._connection.getresponse().read()
        return sum(float(value) for value in _ENDED.findall(text))


async def in_process(options: Options, cut: Cut) -> None:
    """Measure from the end of the block to the moment when the engine's thread has no lane for the stream."""
    async with open_engine(options.catalogue(), options.engine) as engine:
        for _ in range(options.extra.rounds):
            async with engine.open_stream(seed=options.seed) as stream:
                for utterance in read_text(LONG_TEXT):
                    stream.feed(utterance)
                async for _ in stream:
                    break
                await trio.sleep(SPEAK_FIRST_S)
                begin = time.perf_counter()
            while engine.statistics().lanes:  # noqa: ASYNC110  # the engine has no event for it
                await trio.sleep(0.0002)
            cut.free_s.append(time.perf_counter() - begin)


if __name__ == "__main__":
    main()
