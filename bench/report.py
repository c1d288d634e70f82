"""Results of a bench: JSON lines on stdout, a table on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import orjson

from bench.machine import circumstances, machine_name

RESULTS = Path(__file__).parent / "results"


@attrs.define(eq=False, kw_only=True)
class Report:
    """Writes the lines of one run.

    Args:
        bench: name of the bench and of its results file.
        seed: seed of all random draws.
        settings: settings of the run, written into every line.
        keep: whether lines are also appended to this machine's results.
    """

    bench: str
    seed: int
    settings: Mapping[str, Any]
    keep: bool = False
    _begun: str = attrs.field(factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), init=False)

    def line(self, what: str, **figures: Any) -> None:
        """Print one result, and keep it if wanted."""
        record = {
            "bench": self.bench,
            "what": what,
            **figures,
            "at": self._begun,
            "seed": self.seed,
            "settings": dict(self.settings),
            **circumstances(),
        }
        text = orjson.dumps(record, option=orjson.OPT_SERIALIZE_NUMPY, default=str)
        print(text.decode(), flush=True)
        if self.keep:
            file = RESULTS / machine_name() / f"{self.bench}.jsonl"
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("ab") as lines:
                lines.write(text + b"\n")

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[Any]], note: str = "") -> None:
        """Print a table on stderr."""
        cells = [list(heads), *([_cell(value) for value in row] for row in rows)]
        widths = [max(len(row[at]) for row in cells) for at in range(len(heads))]
        print(f"\n{self.bench} on {machine_name()}", file=sys.stderr)
        for row in cells:
            first, *others = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
            print("  ".join([row[0].ljust(len(first)), *others]), file=sys.stderr)
        if note:
            print(note, file=sys.stderr)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.1f}" if abs(value) >= 100 else f"{value:.2f}"
    return str(value)
