"""The bare computation: time to first samples, real-time factor, best throughput.

    python -m bench.engine_alone --seconds 20

It uses no thread, no Trio and no socket.  The other benches give ratios to these figures.
"""

from __future__ import annotations

import itertools
import statistics
import time

from bench.bare import Bare, best_throughput
from bench.machine import cores
from bench.options import Options, parse, parser
from bench.report import Report
from zelitrio.bench_client import SENTENCES, Figures, milliseconds, summary
from zelitrio.engine.device import choose_device

WARM_UP = 3


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--seconds", type=float, default=20.0, help="duration of the run without warm-up")
    options = parse(made)
    report = options.report("engine_alone")
    on_gpu = choose_device(options.engine).type == "cuda"
    engine_threads = Bare(options).threads
    threads = [engine_threads] if on_gpu else sorted({1, min(2, cores()), engine_threads})
    share_s = options.extra.seconds / len(threads) / 3
    rows = []
    for count in threads:
        first, real_time, best = measure(options, count, share_s, report, count == engine_threads)
        rows.append([count, first["p50"], first["p99"], real_time["p50"], best])
    report.table(["threads", "first p50 ms", "p99", "real-time factor", "best audio s/s"], rows)


def measure(
    options: Options, threads: int, share_s: float, report: Report, is_engines: bool
) -> tuple[Figures, Figures, float]:
    """Measure all figures with one number of threads; each of the three takes `share_s` seconds."""
    on_gpu = choose_device(options.engine).type == "cuda"
    most_rows = options.engine.max_batch if on_gpu else 4
    bare = Bare(options, most_rows, threads)
    for text in SENTENCES[:WARM_UP]:
        bare.first(text)

    firsts = []
    until = time.perf_counter() + share_s
    for text in itertools.cycle(SENTENCES):
        firsts.append(bare.first(text))
        if time.perf_counter() > until:
            break
    first_ms = milliseconds([first.networks_s for first in firsts])
    common = {"threads": bare.threads, "is_engines_choice": is_engines}
    report.line(
        "first samples",
        **common,
        networks_ms=first_ms,
        with_text_ms=milliseconds([first.total_s for first in firsts]),
        text_ms=milliseconds([first.text_s for first in firsts]),
        encode_ms=milliseconds([first.encode_s for first in firsts]),
        window_ms=milliseconds([first.window_s for first in firsts]),
        window_frames=bare.ladder.first,
        audio_ms=1000 * (bare.ladder.first - bare.facts.lag) * bare.facts.hop_s,
    )

    factors, audio = [], []
    until = time.perf_counter() + share_s
    for text in itertools.cycle(SENTENCES):
        made_s, took_s = bare.whole(text)
        factors.append(took_s / made_s)
        audio.append(made_s)
        if time.perf_counter() > until:
            break
    factor = summary(factors, digits=4)
    report.line("whole sentences", **common, real_time_factor=factor, audio_s=statistics.mean(audio))

    best = best_throughput(bare, SENTENCES, share_s, most_rows)
    report.line(
        "best batch", **common, audio_s_per_s=best.audio_s_per_s, rows=best.rows, window_frames=best.window
    )
    return first_ms, factor, best.audio_s_per_s


if __name__ == "__main__":
    main()
