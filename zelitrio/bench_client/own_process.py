"""Measuring in a process that does nothing else: no progress bar and no report beside the clocks."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

from zelitrio.bench_client.plans import Plan, run_plan
from zelitrio.bench_client.points import Line
from zelitrio.errors import LocalError

_STOP_S = 5.0


def measure_apart(plan: Plan) -> Iterator[Line]:
    """Run a plan in a process of its own; yields its lines.  Closing the iterator ends the process.

    Raises:
        LocalError: the process ended before its last line.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(plan, there), daemon=True)
    process.start()
    there.close()
    try:
        while (line := _receive(here)) is not None:
            yield line
    finally:
        process.terminate()
        process.join(_STOP_S)


def _receive(here: Connection) -> Line | None:
    try:
        line: Line | None = here.recv()
    except EOFError:
        raise LocalError("bench: the client's process ended before its work was done") from None
    if line is not None and "error" in line:
        raise LocalError(line["error"])
    return line


def _work(plan: Plan, there: Any) -> None:
    try:
        run_plan(plan, there.send)
    except LocalError as error:
        there.send({"error": str(error)})
    except KeyboardInterrupt:
        return
    there.send(None)
