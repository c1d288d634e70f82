"""A closed loop of 1 to 64 streams: first chunk, time between chunks and throughput.

    python -m bench.concurrency --seconds 6 --streams 1,2,4,8,16,32,64

Every stream says one of ten sentences to its end, then the next, each on its own socket.  The columns are
those that NVIDIA publishes for Riva: average, p90, p95 and p99 of the first chunk and of the time between
chunks, and seconds of audio per second.  The bare engine's best throughput is measured in the same run,
before the server starts.
"""

from __future__ import annotations

import asyncio
import itertools
import time

from bench.bare import Bare, best_throughput
from bench.options import Options, counts, parse, parser
from bench.report import Report
from bench.server_process import ServerProcess, open_server
from zelitrio.bench_client import SENTENCES, Address, ClientWatch, Said, closed_loop, milliseconds

STREAMS = (1, 2, 4, 8, 16, 32, 64)


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--seconds", type=float, default=8.0, help="at each number of streams")
    made.add_argument("--streams", type=counts, default=STREAMS)
    made.add_argument("--format", default="pcm_24000")
    options = parse(made)
    report = options.report("concurrency")
    bare = Bare(options, options.engine.max_batch)
    most_rows = options.engine.max_batch if bare.runner.device.type == "cuda" else 4
    best = best_throughput(bare, SENTENCES, min(options.extra.seconds, 6.0), most_rows)
    report.line("bare engine's best", audio_s_per_s=best.audio_s_per_s, rows=best.rows)
    voice_id = bare.voice.voice_id
    rows = []
    with open_server(options.server_flags()) as server:
        address = Address(
            host=server.host, port=server.port, voice_id=voice_id, output_format=options.extra.format
        )
        warm_up = closed_loop(address, 2, 1.0, options.seed, lambda heard: None)
        asyncio.run(warm_up)
        for streams in options.extra.streams:
            rows.append(measure(options, address, server, streams, best.audio_s_per_s, report))
    # The second measurement shows whether the machine's speed changed during the run.
    again = best_throughput(bare, SENTENCES, min(options.extra.seconds, 6.0), most_rows)
    report.line("bare engine's best, afterwards", audio_s_per_s=again.audio_s_per_s, rows=again.rows)
    rows.append(["bare, before", *[None] * 8, best.audio_s_per_s, 1.0, None])
    rows.append(
        ["bare, after", *[None] * 8, again.audio_s_per_s, again.audio_s_per_s / best.audio_s_per_s, None]
    )
    heads = ["streams", "first avg", "p90", "p95", "p99", "between avg", "p90", "p95", "p99 ms"]
    report.table([*heads, "audio s/s", "of best", "refused"], rows)


def measure(
    options: Options, address: Address, server: ServerProcess, streams: int, best: float, report: Report
) -> list[object]:
    everything: list[Said] = []
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
    report.line(
        f"{streams} streams",
        streams=streams,
        first_ms=first,
        first_p99_over_p50=first["p99"] / first["p50"] if whole else None,
        between_ms=between,
        audio_s_per_s=audio_s_per_s,
        of_bare_best=audio_s_per_s / best,
        utterances=len(whole),
        refused=len(failures),
        failures=sorted({str(failure) for failure in failures}),
        server_cpu_share=cpu_s / wall_s,
        messages_per_s=len(arrivals) / wall_s,
        client=watch.figures(),
    )
    names = ("mean", "p90", "p95", "p99")
    figures = [*(first.get(name) for name in names), *(between.get(name) for name in names)]
    return [streams, *figures, audio_s_per_s, audio_s_per_s / best, len(failures)]


def gaps_s(said: Said) -> list[float]:
    """Return the times between frames."""
    return [after - before for (before, _), (after, _) in itertools.pairwise(said.arrivals)]


if __name__ == "__main__":
    main()
