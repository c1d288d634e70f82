"""First audio of one stream at a time: the bare computation, the engine and the server, in turns.

    python -m bench.first_audio --seconds 10

Text and flush are in one message, on a socket that is already open.  The time runs from sending the message
to the first frame of audio, and to the frame with the first audible sample (above -40 dB of the utterance's
peak).  The three say the same sentence in turns, so other load on the machine affects all of them.  Ratios
are taken sentence by sentence.
"""

from __future__ import annotations

import itertools
import statistics
import time

import trio

from bench.bare import Bare, FirstAudio
from bench.one_socket import OneSocket
from bench.options import Options, parse, parser
from bench.report import Report
from bench.server_process import ServerProcess, open_server
from zelitrio.bench_client import SENTENCES, milliseconds, stream_target, summary
from zelitrio.engine import Engine, open_engine
from zelitrio.server import settle_garbage
from zelitrio.text import read_text

SETTLE_S = 0.02
"""Pause between two measurements, for the greeting and for the release of the last lane."""


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--seconds", type=float, default=30.0)
    made.add_argument("--format", default="pcm_24000", help="output format to request")
    options = parse(made)
    report = options.report("first_audio")
    with open_server(options.server_flags()) as server:
        trio.run(measure, options, server, report)
        now_mib, most_mib = server.resident_mib()
        report.line("server", ready=server.ready_line, resident_mib=now_mib, most_resident_mib=most_mib)


async def measure(options: Options, server: ServerProcess, report: Report) -> None:
    bare = Bare(options)
    bares: list[FirstAudio] = []
    engines, servers, audibles, offsets = [], [], [], []
    async with open_engine(options.catalogue(), options.engine) as engine:
        for text in SENTENCES[:3]:
            bare.first(text)
            await in_process(engine, text, options.seed)
            over_socket(server, bare.voice.voice_id, text, options.extra.format)
        settle_garbage()  # as `zelitrio serve` does
        until = time.perf_counter() + options.extra.seconds
        for text in itertools.cycle(SENTENCES):
            if time.perf_counter() > until:
                break
            time.sleep(SETTLE_S)  # noqa: ASYNC251  # nothing else is to run
            bares.append(bare.first(text))
            await trio.sleep(SETTLE_S)
            engines.append(await in_process(engine, text, options.seed))
            first_s, audible = over_socket(server, bare.voice.voice_id, text, options.extra.format)
            servers.append(first_s)
            if audible:
                audibles.append(audible[0])
                offsets.append(audible[1])

    same = [first.total_s for first in bares]
    networks = [first.networks_s for first in bares]
    report.line("bare", networks_ms=milliseconds(networks), with_text_ms=milliseconds(same))
    rows = [["bare networks", *picked(networks), None], ["bare, with text", *picked(same), 1.0]]
    for name, taken in (("engine in process", engines), ("server over a socket", servers)):
        ratio = summary([one / other for one, other in zip(taken, same, strict=True)])
        of_networks = summary([one / other for one, other in zip(taken, networks, strict=True)])
        figures = milliseconds(taken)
        report.line(name, first_ms=figures, ratio=ratio, ratio_to_networks_alone=of_networks)
        rows.append([name, *picked(taken), statistics.median(taken) / statistics.median(same)])
    report.line("audible", first_ms=milliseconds(audibles), offset_ms=milliseconds(offsets))
    rows.append(["server, audible", *picked(audibles), None])
    report.table(["", "p50 ms", "p95", "p99", "over bare"], rows)


async def in_process(engine: Engine, text: str, seed: int) -> float:
    """Return the seconds from feeding the engine to its first samples."""
    async with engine.open_stream(seed=seed) as stream:
        begin = time.perf_counter()
        for utterance in read_text(text):
            stream.feed(utterance)
        stream.finish()
        async for block in stream:
            if len(block.pcm):
                return time.perf_counter() - begin
    raise SystemExit("the engine said nothing")


def over_socket(
    server: ServerProcess, voice_id: str, text: str, output_format: str
) -> tuple[float, tuple[float, float] | None]:
    """Return the seconds to the first frame; and the seconds to the first audible sample with its offset."""
    one = OneSocket(server.host, server.port, stream_target(voice_id, output_format), output_format)
    time.sleep(SETTLE_S)
    one.release(text)
    first_s = one.wait_first()
    one.end()
    return first_s, one.wait_end().audible()


def picked(seconds: list[float]) -> list[float | None]:
    figures = milliseconds(seconds)
    return [figures.get(name) for name in ("p50", "p95", "p99")]


if __name__ == "__main__":
    main()
