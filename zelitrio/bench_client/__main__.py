"""The process that `measure_apart` starts: reads a plan from stdin, writes result lines to stdout."""

from __future__ import annotations

import sys
from contextlib import suppress

import orjson

from zelitrio.bench_client.address import Address
from zelitrio.bench_client.plans import Plan, run_plan
from zelitrio.bench_client.points import Line


def main() -> None:
    """Measure until the plan is done; blocks.  SIGTERM ends the process."""
    raise_limit()
    try:
        said = orjson.loads(sys.stdin.buffer.read())
    except ValueError:
        sys.exit(1)  # the other process was interrupted before it had written the plan
    address = Address(**said.pop("address"))
    points, texts = tuple(said.pop("points")), tuple(said.pop("texts"))
    run_plan(Plan(address=address, points=points, texts=texts, **said), _emit)


def raise_limit() -> None:
    """Raise this process's limit of descriptors to the system's maximum: each listener takes one."""
    try:
        import resource
    except ImportError:  # the module exists on Unix only
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _emit(line: Line) -> None:
    sys.stdout.buffer.write(orjson.dumps(line) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
