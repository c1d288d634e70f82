"""Measures in a process that does nothing else, so that a progress bar or a report delays no measurement."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from contextlib import suppress

import attrs
import orjson

from zelitrio.bench_client.failures import MeasureError
from zelitrio.bench_client.plans import Plan
from zelitrio.bench_client.points import Line

_STOP_S = 5.0


def measure_apart(plan: Plan) -> Generator[Line, None, None]:
    """Run a plan in a process of its own and yield its result lines; blocks between lines.

    Closing the generator ends the process.

    Raises:
        MeasureError: the process ended before the plan was done.
    """
    # Not `multiprocessing`: it imports the caller's main module again, which many programs do not allow.
    process = subprocess.Popen(
        [sys.executable, "-m", "zelitrio.bench_client"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C reaches only this process, which ends the other one
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        with suppress(BrokenPipeError), process.stdin as said:
            said.write(orjson.dumps(attrs.asdict(plan)))  # not an argument: it may hold a key
        for line in process.stdout:
            yield orjson.loads(line)
        if process.wait() != 0:
            raise MeasureError(f"bench: the client's process ended with {process.returncode}")
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
