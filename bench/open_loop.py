"""An open loop: utterances arrive at random, independent of earlier ones.

    python -m bench.open_loop --rates 1,2,4 --seconds 10
    python -m bench.open_loop --find-knee

Arrivals are Poisson.  Each opens a socket, says one sentence and listens.  Counted are audible first audio
(p50, p95, p99), listeners that ran dry while playing from the first frame on (underruns), and arrivals that
got nothing (dropped).  The knee is the highest rate without underruns and drops at which the p95 stays within
--limit-ms.  The method is that of nari-labs' TTS benchmarks: their p95 on an H100 is 34.1 ms at 10 and
77.2 ms at 20 arrivals a second.
"""

from __future__ import annotations

import asyncio
import time

from bench.options import Options, numbers, parse, parser
from bench.report import Report
from bench.server_process import ServerProcess, open_server
from zelitrio.bench_client import Address, ClientWatch, SpeechFigures, heard_ms, point_line
from zelitrio.bench_client import open_loop as arriving

KNEE_STEPS = 5
"""Halvings of the interval that contains the knee."""


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--seconds", type=float, default=15.0, help="duration for each rate")
    made.add_argument("--rates", type=numbers, default=(0.5, 1.0, 2.0, 4.0), help="arrivals a second")
    made.add_argument(
        "--find-knee", action="store_true", help="search for the knee between the first and last rate"
    )
    made.add_argument(
        "--limit-ms", type=float, default=75.0, help="highest p95 of first audio below the knee"
    )
    made.add_argument("--format", default="pcm_24000")
    options = parse(made)
    report = options.report("open_loop")
    with open_server(options.server_flags()) as server:
        voice_id = options.chosen_voice().voice_id
        address = Address(
            host=server.host, port=server.port, voice_id=voice_id, output_format=options.extra.format
        )
        asyncio.run(arrive(address, 2.0, 1.0, options.seed))
        rows = [measure(options, address, server, rate, report)[1] for rate in options.extra.rates]
        if options.extra.find_knee:
            knee, more = find_knee(options, address, server, report)
            report.line("knee", arrivals_per_s=knee, limit_ms=options.extra.limit_ms)
            rows += more
    heads = ["arrivals/s", "n", "audible p50", "p95", "p99 ms", "underruns", "dropped", "audio s/s"]
    report.table(heads, rows)


def measure(
    options: Options, address: Address, server: ServerProcess, rate: float, report: Report
) -> tuple[bool, list[object]]:
    """Measure one rate; return whether it is below the knee, and its row."""
    seconds = options.extra.seconds
    cpu_s = server.cpu_s()
    arrivals, watch, wall_s = asyncio.run(arrive(address, rate, seconds, options.seed))
    cpu_s = server.cpu_s() - cpu_s
    dropped = [said.failure for said in arrivals if said.failure]
    point = point_line(arrivals, wall_s)
    underruns, audible, audio_s_per_s = point["underruns"], heard_ms(point), point["audio_s_per_s"]
    report.line(
        f"{rate:g} arrivals/s",
        arrivals_per_s=rate,
        audible_ms=audible,
        first_frame_ms=point["first_ms"],
        offset_ms=point["offset_ms"],
        late_ms=point["late_ms"],
        underruns=underruns,
        dropped=len(dropped),
        failures=sorted({str(failure) for failure in dropped}),
        audio_s_per_s=audio_s_per_s,
        server_cpu_share=cpu_s / wall_s,
        client=watch.figures(),
    )
    p95 = audible.get("p95")
    is_fine = not underruns and not dropped and isinstance(p95, float) and p95 <= options.extra.limit_ms
    figures = [audible.get(name) for name in ("p50", "p95", "p99")]
    return is_fine, [rate, len(arrivals), *figures, underruns, len(dropped), audio_s_per_s]


async def arrive(
    address: Address, rate: float, seconds: float, seed: int
) -> tuple[list[SpeechFigures], ClientWatch, float]:
    """Start utterances for a while and receive all of them; the wall time ends with the last one."""
    arrivals: list[SpeechFigures] = []
    begin = time.perf_counter()
    async with ClientWatch() as watch:
        await arriving(address, rate, seconds, seed, arrivals.append)
    return arrivals, watch, time.perf_counter() - begin


def find_knee(
    options: Options, address: Address, server: ServerProcess, report: Report
) -> tuple[float, list[list[object]]]:
    """Halve the interval between the first and the last rate; 0.0 if the first is above the knee."""
    low, high = options.extra.rates[0], options.extra.rates[-1]
    is_fine, row = measure(options, address, server, low, report)
    rows = [row]
    if not is_fine:
        return 0.0, rows
    for _ in range(KNEE_STEPS):
        middle = (low + high) / 2
        is_fine, row = measure(options, address, server, middle, report)
        rows.append(row)
        low, high = (middle, high) if is_fine else (low, middle)
    return low, rows


if __name__ == "__main__":
    main()
