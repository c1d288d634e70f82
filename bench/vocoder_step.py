"""One step of the engine, from phones to samples, for every batch and window, against the ceiling.

    python -m bench.vocoder_step --seconds 10

A step is decoder and vocoder together, as the engine calls them, from inputs in host memory to samples in
host memory.  Each shape has two ratios.  One is multiplications and additions a second, counted by torch
without the Fourier transforms, over those of a large matrix product.  The other is necessary bytes a second
(weights once, states in and out, samples out) over those of a large copy.  On a GPU every shape runs eagerly
and as a captured graph.
"""

from __future__ import annotations

import gc
import time

import attrs
import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from bench.bare import Bare
from bench.ceiling import Ceiling, measure_ceiling
from bench.options import Options, counts, parse, parser
from bench.report import Report
from zelitrio.bench_client import milliseconds
from zelitrio.engine.device import used_mib
from zelitrio.voices import zeli_model

LEAST_REPEATS = 5


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--seconds", type=float, default=10.0, help="total duration for all shapes")
    made.add_argument("--rows", type=counts, help="batch sizes [powers of two up to --max-batch]")
    options = parse(made)
    report = options.report("vocoder_step")
    on_gpu = torch.cuda.is_available() and options.engine.device != "cpu"
    most = options.engine.max_batch if on_gpu else 8
    batches = options.extra.rows or tuple(
        1 << power for power in range(most.bit_length()) if 1 << power <= most
    )
    modes = ("eager", "graph") if on_gpu and options.engine.graphs else ("eager",)
    rows: list[list[object]] = []
    for mode in modes:
        begin = time.perf_counter()
        engine = attrs.evolve(options.engine, graphs=mode == "graph")
        bare = Bare(attrs.evolve(options, engine=engine), max(batches))
        ready_s = time.perf_counter() - begin
        # This is read before the ceiling is measured, which takes gigabytes.
        device_mib = used_mib(bare.runner.device) if on_gpu else None
        ceiling = measure_ceiling(bare.runner.device, bare.device.dtype)
        report.line(
            f"{mode} ceiling",
            flop_per_s=ceiling.flop_per_s,
            bytes_per_s=ceiling.bytes_per_s,
            ready_s=ready_s,
            graphs=bare.graphs,
            device_mib=device_mib,
        )
        rows += measure(options, bare, mode, batches, ceiling, report, options.extra.seconds / len(modes))
        del bare
        gc.collect()  # a runner and its calls are a reference cycle
        torch.cuda.empty_cache()
    heads = ["", "rows", "window", "p50 ms", "p99", "audio s/s", "flop/s of ceiling", "bytes/s of ceiling"]
    report.table(heads, rows)


def measure(
    options: Options,
    bare: Bare,
    mode: str,
    batches: tuple[int, ...],
    ceiling: Ceiling,
    report: Report,
    seconds: float,
) -> list[list[object]]:
    """Measure every shape of one mode."""
    shapes = [(rows, window) for rows in batches for window in bare.ladder.windows]
    table = []
    for rows, window in shapes:
        once_s = bare.step_s(rows, window, 1)[0]
        repeats = max(LEAST_REPEATS, int(seconds / len(shapes) / once_s))
        taken = bare.step_s(rows, window, repeats)
        middle_s = float(np.median(taken))
        # Operations of a graph's replay cannot be counted; they equal those of the eager step.
        flop = count_flop(bare, rows, window) if mode == "eager" else _counted[rows, window]
        _counted[rows, window] = flop
        least_bytes = count_bytes(bare, rows, window)
        figures = milliseconds(taken)
        audio_s_per_s = rows * window * bare.facts.hop_s / middle_s
        shares = flop / middle_s / ceiling.flop_per_s, least_bytes / middle_s / ceiling.bytes_per_s
        report.line(
            f"{mode} {rows}x{window}",
            mode=mode,
            rows=rows,
            window_frames=window,
            threads=bare.threads,
            step_ms=figures,
            audio_s_per_s=audio_s_per_s,
            flop=flop,
            flop_per_s=flop / middle_s,
            of_flop_ceiling=shares[0],
            least_bytes=least_bytes,
            bytes_per_s=least_bytes / middle_s,
            of_bytes_ceiling=shares[1],
        )
        table.append([mode, rows, window, figures["p50"], figures["p99"], audio_s_per_s, *shares])
    return table


_counted: dict[tuple[int, int], int] = {}


def count_flop(bare: Bare, rows: int, window: int) -> int:
    """Multiplications and additions of one step, counted by torch."""
    with FlopCounterMode(display=False) as counter:
        bare.step_s(rows, window, 0)
    with FlopCounterMode(display=False) as two_more:
        bare.step_s(rows, window, 2)
    return (two_more.get_total_flops() - counter.get_total_flops()) // 2


def count_bytes(bare: Bare, rows: int, window: int) -> int:
    """Bytes that one step must move: weights, states in and out, samples out."""
    model = zeli_model(bare.voice)
    acoustic, vocoder = model.acoustic, model.vocoder
    networks = (acoustic.position, acoustic.decoder, acoustic.decoder_norm, acoustic.out, vocoder)
    weights = sum(parameter.numel() for network in networks for parameter in network.parameters())
    state = model.speech_step().new_state(1).flat.numel() * 4
    samples = window * bare.facts.hop_samples * 4
    return weights * bare.device.dtype.itemsize + rows * (2 * state + samples)


if __name__ == "__main__":
    main()
