"""Prints the table of bench.peers from the last stored run; --write puts it into the READMEs.

    python -m bench.peers_table
    python -m bench.peers_table --write

A figure is the median of the run's rounds, with their lowest and highest value.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from bench.machine import REPOSITORY, machine_name
from bench.report import RESULTS

Line = Mapping[str, Any]
HEAD = "| server | one client, p50 | four clients, p50 | p95 | audio s/s | refused |"
RULE = "| --- | --- | --- | --- | --- | --- |"
RUN = "The last stored run: "
ROW = "| beside others, first audible |"
"""The beginning of the row of README.md."""


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--file", type=Path, default=RESULTS / machine_name() / "peers.jsonl")
    made.add_argument(
        "--write", action="store_true", help="replace the table and the row in the README files"
    )
    options = made.parse_args()
    lines = last_run(options.file)
    rows, row = table(lines), readme_row(lines)
    run = f"{RUN}{conditions(lines)}."
    print("\n".join([run, "", *rows, "", row]))
    if options.write:
        replace(REPOSITORY / "bench" / "README.md", RUN, [run])
        replace(REPOSITORY / "bench" / "README.md", HEAD, rows)
        replace(REPOSITORY / "README.md", ROW, [row])


def last_run(path: Path) -> list[Line]:
    """The lines of a file that were begun together, at the latest time."""
    lines = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    last = max(line["at"] for line in lines)
    return [line for line in lines if line["at"] == last]


def table(lines: Sequence[Line]) -> list[str]:
    """Make the rows of the table, in the order in which the servers were first measured."""
    rows = [HEAD, RULE]
    for name in dict.fromkeys(line["server"] for line in lines):
        alone = [line for line in lines if line["server"] == name and line["streams"] == 1]
        together = [line for line in lines if line["server"] == name and line["streams"] == 4]
        refused = sum(sum(line["failures"].values()) for line in together)
        cells = [
            name,
            spread([line["audible_ms"].get("p50") for line in alone]),
            spread([line["audible_ms"].get("p50") for line in together]),
            spread([line["audible_ms"].get("p95") for line in together]),
            spread([line["audio_s_per_s"] for line in together]),
            f"{refused} of {refused + sum(line['heard'] for line in together)}" if refused else "0",
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def readme_row(lines: Sequence[Line]) -> str:
    """Make the row of README.md."""

    def first(name: str) -> str:
        found = [
            line["audible_ms"].get("p50")
            for line in lines
            if line["streams"] == 1 and line["server"].startswith(name)
        ]
        return spread(found).partition(" ")[0]

    said = (
        f"zelitrio {first('zelitrio, built-in')} ms, a Piper voice {first('zelitrio, en_US')}; "
        f"wyoming-piper {first('wyoming-piper')}, Piper's server {first('Piper')}, flite {first('flite')}, "
        f"espeak-ng {first('espeak')}"
    )
    return f"{ROW} {said} | `python -m bench.peers`; [table](bench/README.md) |"


def conditions(lines: Sequence[Line]) -> str:
    """One line about the run."""
    versions = ", ".join(f"{name} {version}" for name, version in lines[0]["versions"].items())
    busy = [line["busy"] for line in lines]
    return f"{lines[0]['commit']}, {lines[0]['at']}, load {min(busy):g} to {max(busy):g}; {versions}"


def spread(values: Sequence[float | None]) -> str:
    """The median, the lowest and the highest of some values; a dash without values."""
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    middle, low, high = (shown(value) for value in (statistics.median(known), min(known), max(known)))
    return middle if low == high else f"{middle} ({low} to {high})"


def shown(value: float) -> str:
    """A number with two or three digits."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def replace(path: Path, beginning: str, rows: Sequence[str]) -> None:
    """Replace lines of a file, from the first one with this beginning.

    One row replaces that line; several rows replace the table that begins with it.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith(beginning))
    end = begin + 1
    while len(rows) > 1 and end < len(lines) and lines[end].startswith("|"):
        end += 1
    path.write_text("\n".join([*lines[:begin], *rows, *lines[end:]]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
