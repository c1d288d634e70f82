"""Draw the stored results: first audio and throughput against load, and one stream's waterfall.

    python -m bench.plot                 every machine in bench/results
    python -m bench.plot 2-core-amd-epyc

The last one of equal measurements counts.  Needs matplotlib (extra `bench`).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import matplotlib as mpl
import orjson

from bench.report import RESULTS

mpl.use("Agg")
import matplotlib.pyplot as plt

Line = dict[str, Any]
PERCENTILES = (("p50", "#1f5fa8"), ("p95", "#d9822b"), ("p99", "#b03a48"))
INK = "#1f5fa8"


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("machine", nargs="*", help="folders of bench/results [all]")
    names = made.parse_args().machine
    folders = [RESULTS / name for name in names] or [path for path in RESULTS.iterdir() if path.is_dir()]
    for folder in folders:
        for draw in (first_audio_against_load, throughput_against_load, waterfall):
            drawn = draw(folder)
            if drawn:
                print(drawn.relative_to(RESULTS.parent.parent))


def first_audio_against_load(folder: Path) -> Path | None:
    """Open loop: audible first audio by arrivals a second; closed loop: first frame by streams."""
    arrivals = sorted(_last(folder, "open_loop", "arrivals_per_s"), key=lambda line: line["arrivals_per_s"])
    streams = sorted(_last(folder, "concurrency", "streams"), key=lambda line: line["streams"])
    if not arrivals and not streams:
        return None
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    _percentiles(left, arrivals, "arrivals_per_s", "audible_ms")
    left.set(title="open loop: audible first audio", xlabel="arrivals a second", ylabel="ms", ylim=(0, None))
    for line in arrivals:
        if line["underruns"] or line["dropped"]:
            note = f"{line['underruns']} ran dry, {line['dropped']} dropped"
            at = (line["arrivals_per_s"], line["audible_ms"]["p50"])
            left.annotate(note, at, (4, -10), textcoords="offset points", fontsize=7)
    _percentiles(right, streams, "streams", "first_ms")
    right.set(
        title="closed loop: first frame of audio", xlabel="streams", ylabel="ms", xscale="log", ylim=(0, None)
    )
    _whole_ticks(right, [line["streams"] for line in streams])
    return _save(figure, folder, "first_audio", [*arrivals, *streams])


def throughput_against_load(folder: Path) -> Path | None:
    """Seconds of audio a second by streams, with the bare engine as a line."""
    streams = sorted(_last(folder, "concurrency", "streams"), key=lambda line: line["streams"])
    if not streams:
        return None
    figure, axes = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
    axes.plot(
        [line["streams"] for line in streams],
        [line["audio_s_per_s"] for line in streams],
        "o-",
        color=INK,
        label="server",
    )
    for line in _lines(folder, "concurrency")[::-1]:
        if line["what"] == "bare engine's best":
            label = "the bare networks, best batch"
            axes.axhline(line["audio_s_per_s"], color="#888888", linestyle="--", label=label)
            break
    axes.set(xlabel="streams", ylabel="seconds of audio a second", xscale="log", ylim=(0, None))
    axes.set_title("closed loop: throughput")
    _whole_ticks(axes, [line["streams"] for line in streams])
    axes.legend(frameon=False)
    axes.grid(alpha=0.3)
    return _save(figure, folder, "throughput", streams)


def waterfall(folder: Path) -> Path | None:
    """One stream's first audio, part by part."""
    typical = [line for line in _lines(folder, "waterfall") if line["what"] == "typical stream"]
    if not typical:
        return None
    spans = typical[-1]["spans_s"]
    figure, axes = plt.subplots(figsize=(9, 3.8), layout="constrained")
    for row, (_, begin_s, end_s) in enumerate(spans):
        taken_ms = (end_s - begin_s) * 1000
        axes.barh(row, taken_ms, left=begin_s * 1000, color=INK, height=0.6)
        axes.text(end_s * 1000, row, f" {taken_ms:.2f} ms", va="center", fontsize=8)
    axes.set_yticks(range(len(spans)), [name for name, _, _ in spans])
    axes.invert_yaxis()
    axes.set(xlabel="ms since the client sent the text", xlim=(0, spans[-1][2] * 1150))
    axes.set_title("one stream's first audio")
    axes.grid(axis="x", alpha=0.3)
    return _save(figure, folder, "waterfall", typical[-1:])


def _percentiles(axes: Any, lines: list[Line], across: str, figures: str) -> None:
    for name, colour in PERCENTILES:
        values = [line[figures].get(name) for line in lines]
        axes.plot([line[across] for line in lines], values, "o-", color=colour, label=name)
    axes.grid(alpha=0.3)
    if lines:
        axes.legend(frameon=False)


def _whole_ticks(axes: Any, values: list[int]) -> None:
    axes.set_xticks(values, [str(value) for value in values])
    axes.minorticks_off()


def _save(figure: Any, folder: Path, name: str, lines: list[Line]) -> Path:
    commits = sorted({line["commit"] for line in lines})
    figure.suptitle(f"{folder.name}, commit {', '.join(commits)}", fontsize=8, color="#666666")
    path = folder / f"{name}.png"
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path


def _lines(folder: Path, bench: str) -> list[Line]:
    path = folder / f"{bench}.jsonl"
    return [orjson.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def _last(folder: Path, bench: str, across: str) -> list[Line]:
    """The newest line for each value of `across`."""
    return list(
        {
            line[across]: line
            for line in _lines(folder, bench)
            if across in line and line.get("what") != "knee"
        }.values()
    )


if __name__ == "__main__":
    main()
