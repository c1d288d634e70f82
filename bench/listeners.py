"""The number of listeners that a server feeds in real time without an underrun.

    python -m bench.listeners --seconds 10 --up-to 60

Each listener requests a sentence, plays it in real time to its end and requests the next, so it needs one
second of audio per second.  It plays from the first frame on, without a buffer.  The result is the largest
number at which no listener ran dry or was refused.  It is found by steps, then by halving.
"""

from __future__ import annotations

import asyncio
import time

from bench.options import Options, parse, parser
from bench.report import Report
from bench.server_process import ServerProcess, open_server
from zelitrio.bench_client import Address, ClientWatch, SpeechFigures, milliseconds, paced_listeners


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--seconds", type=float, default=8.0, help="duration for each number of listeners")
    made.add_argument("--from", dest="start", type=int, default=10)
    made.add_argument("--step", type=int, default=10)
    made.add_argument("--up-to", type=int, default=100)
    made.add_argument("--exact", type=int, default=2, help="end the search when the interval is this short")
    made.add_argument("--formats", default="pcm_24000,mp3_44100_128")
    made.add_argument(
        "--buffer-ms", type=float, default=0.0, help="audio that a listener collects before it plays"
    )
    options = parse(made)
    report = options.report("listeners")
    rows: list[list[object]] = []
    with open_server(options.server_flags()) as server:
        voice_id = options.chosen_voice().voice_id
        for output_format in options.extra.formats.split(","):
            address = Address(
                host=server.host, port=server.port, voice_id=voice_id, output_format=output_format
            )
            asyncio.run(listen(address, 2, 1.0, options.seed))
            most = search(options, address, server, report, rows)
            report.line("most listeners", format=output_format, listeners=most)
            rows.append([output_format, f"most: {most}", *[None] * 6])
    heads = ["format", "listeners", "utterances", "underruns", "latest ms", "refused", "first p95 ms", "cpu"]
    report.table(heads, rows)


def search(
    options: Options, address: Address, server: ServerProcess, report: Report, rows: list[list[object]]
) -> int:
    """Return the largest number of listeners that worked; 0 if the first did not."""
    extra = options.extra
    good, bad = 0, None
    for count in range(extra.start, extra.up_to + 1, extra.step):
        if not measure(options, address, server, count, report, rows):
            bad = count
            break
        good = count
    while bad is not None and bad - good > extra.exact:
        middle = (good + bad) // 2
        if measure(options, address, server, middle, report, rows):
            good = middle
        else:
            bad = middle
    return good


def measure(
    options: Options,
    address: Address,
    server: ServerProcess,
    count: int,
    report: Report,
    rows: list[list[object]],
) -> bool:
    """Run `count` listeners for a while; return whether none ran dry or was refused."""
    cpu_s, begin = server.cpu_s(), time.perf_counter()
    heard, watch = asyncio.run(listen(address, count, options.extra.seconds, options.seed))
    cpu_share = (server.cpu_s() - cpu_s) / (time.perf_counter() - begin)
    whole = [one for one in heard if not one.failure]
    failures = [str(one.failure) for one in heard if one.failure]
    late = [one.late_s or 0.0 for one in whole]
    underruns = sum(late_s > options.extra.buffer_ms / 1000 for late_s in late)
    first = milliseconds([one.first_s for one in whole if one.first_s is not None])
    report.line(
        f"{count} listeners",
        format=address.output_format,
        listeners=count,
        utterances=len(whole),
        underruns=underruns,
        underruns_with_100_ms=sum(late_s > 0.1 for late_s in late),
        late_ms=milliseconds(late),
        first_ms=first,
        refused=len(failures),
        failures=sorted(set(failures)),
        server_cpu_share=cpu_share,
        client=watch.figures(),
    )
    latest = max(late, default=0.0) * 1000
    rows.append(
        [
            address.output_format,
            count,
            len(whole),
            underruns,
            latest,
            len(failures),
            first.get("p95"),
            cpu_share,
        ]
    )
    return not underruns and not failures


async def listen(
    address: Address, count: int, seconds: float, seed: int
) -> tuple[list[SpeechFigures], ClientWatch]:
    """Run `count` listeners; each ends after the utterance in which the time is over."""
    heard: list[SpeechFigures] = []
    async with ClientWatch() as watch:
        await paced_listeners(address, count, seconds, seed, heard.append)
    return heard, watch


if __name__ == "__main__":
    main()
