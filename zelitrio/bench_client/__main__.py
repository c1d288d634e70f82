"""The process that `measure_apart` starts: reads a plan from stdin, writes result lines to stdout."""

from __future__ import annotations

import signal
import sys

import orjson

from zelitrio.bench_client.address import Address
from zelitrio.bench_client.plans import Plan, run_plan
from zelitrio.bench_client.points import Line


def main() -> None:
    """Measure until the plan is done; blocks.  SIGTERM ends the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both processes: the parent ends this one
    said = orjson.loads(sys.stdin.buffer.read())
    address = Address(**said.pop("address"))
    points, texts = tuple(said.pop("points")), tuple(said.pop("texts"))
    run_plan(Plan(address=address, points=points, texts=texts, **said), _emit)


def _emit(line: Line) -> None:
    sys.stdout.buffer.write(orjson.dumps(line) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
