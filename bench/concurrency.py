"""A closed loop of 1 to 64 streams: first chunk, time between chunks, and throughput over the engine's best.

    python -m bench.concurrency --seconds 6 --streams 1,2,4,8,16,32,64
    python -m bench.concurrency --protocol elevenlabs-multi --streams 4,8,16 --rounds 3

Every stream says one of ten sentences, hears it to its end and says the next.  With `elevenlabs-ws` each
utterance has a new socket, with `elevenlabs-multi` each stream keeps its own.  The columns are those that
NVIDIA publishes for Riva: average, p90, p95 and p99 of the first chunk and between chunks, and seconds of
audio made in a second.  The bare engine, in its best shape, and the server are measured in turns: each
ratio is to the mean of the bare engine before and after.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any

import attrs

from bench.bare import Bare, best_throughput, throughput
from bench.options import Options, counts, parse, parser
from bench.server_process import ServerProcess, open_server
from zelitrio.bench_client import SENTENCES, Address, ClientWatch, SpeechFigures, closed_loop, milliseconds

STREAMS = (1, 2, 4, 8, 16, 32, 64)


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--seconds", type=float, default=8.0, help="duration for each number of streams")
    made.add_argument("--streams", type=counts, default=STREAMS)
    made.add_argument("--format", default="pcm_24000")
    made.add_argument("--protocol", default="elevenlabs-ws")
    made.add_argument("--rounds", type=int, default=1)
    options = parse(made)
    report = options.report("concurrency")
    bare = Bare(options, options.engine.max_batch)
    most_rows = options.engine.max_batch if bare.runner.device.type == "cuda" else 4
    bare_s = min(options.extra.seconds / 2, 3.0)
    best = best_throughput(bare, SENTENCES, 2 * bare_s, most_rows)
    report.line(
        "bare engine's best shape", audio_s_per_s=best.audio_s_per_s, rows=best.rows, window=best.window
    )
    rows = []
    with open_server(options.server_flags()) as server:
        address = Address(
            host=server.host,
            port=server.port,
            voice_id=bare.voice.voice_id,
            output_format=options.extra.format,
            protocol=options.extra.protocol,
        )
        asyncio.run(closed_loop(address, 2, 1.0, options.seed, lambda heard: None))
        before = throughput(bare, SENTENCES, bare_s, best)
        for _ in range(options.extra.rounds):
            for streams in options.extra.streams:
                point = measure(options, address, server, streams)
                after = throughput(bare, SENTENCES, bare_s, best)
                # Other programs change the machine's speed from minute to minute.
                bare_rate = (before + after) / 2
                figures = point.figures(bare_rate)
                report.line(f"{streams} streams", **figures, bare_audio_s_per_s=[before, after])
                rows.append(point.row(figures))
                before = after
    heads = ["streams", "first avg", "p90", "p95", "p99", "between avg", "p90", "p95", "p99 ms"]
    report.table([*heads, "audio s/s", "of best", "refused"], rows)


@attrs.frozen
class Point:
    """The load of one number of streams."""

    streams: int
    measured: dict[str, Any]

    def figures(self, bare_rate: float) -> dict[str, Any]:
        """The figures of a line."""
        return {
            "streams": self.streams,
            **self.measured,
            "of_bare_best": self.measured["audio_s_per_s"] / bare_rate,
        }

    def row(self, figures: dict[str, Any]) -> list[object]:
        """The cells of the table."""
        names = ("mean", "p90", "p95", "p99")
        cells = [figures[what].get(name) for what in ("first_ms", "between_ms") for name in names]
        return [self.streams, *cells, figures["audio_s_per_s"], figures["of_bare_best"], figures["refused"]]


def measure(options: Options, address: Address, server: ServerProcess, streams: int) -> Point:
    """Run one closed loop."""
    everything: list[SpeechFigures] = []
    watch = ClientWatch()
    begin, cpu_s = time.perf_counter(), server.cpu_s()

    async def run() -> None:
        async with watch:
            await closed_loop(address, streams, options.extra.seconds, options.seed, everything.append)

    asyncio.run(run())
    wall_s, cpu_s = time.perf_counter() - begin, server.cpu_s() - cpu_s
    whole = [heard for heard in everything if not heard.failure]
    failures = [heard.failure for heard in everything if heard.failure]
    # Count only the time in which all streams run, without the staggered start and the last streams' ends.
    since, until = begin + min(0.5, options.extra.seconds / 4), begin + options.extra.seconds
    arrivals = [arrival for heard in whole for arrival in heard.arrivals]
    audio_s_per_s = sum(audio_s for at, audio_s in arrivals if since < at < until) / (until - since)
    first = milliseconds([said.first_s for said in whole if said.first_s is not None])
    between = milliseconds([gap for said in whole for gap in gaps_s(said)])
    measured = {
        "first_ms": first,
        "first_p99_over_p50": first["p99"] / first["p50"] if whole else None,
        "between_ms": between,
        "audio_s_per_s": audio_s_per_s,
        "utterances": len(whole),
        "refused": len(failures),
        "failures": sorted({str(failure) for failure in failures}),
        "server_cpu_share": cpu_s / wall_s,
        "messages_per_s": len(arrivals) / wall_s,
        "client": watch.figures(),
    }
    return Point(streams, measured)


def gaps_s(said: SpeechFigures) -> list[float]:
    """Return the times between frames."""
    return [after - before for (before, _), (after, _) in itertools.pairwise(said.arrivals)]


if __name__ == "__main__":
    main()
