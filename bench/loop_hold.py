"""The times for which tasks hold the loop's thread while a server speaks.  The limit is 10 ms.

    python -m bench.loop_hold --streams 4 --seconds 10

A Trio instrument times every step of every task of a real server in this process.  The clients are in
another process.  A step's wall time is what delays the other tasks.  Its processor time is its own work.  The
system reports the wait for a core.  What remains is the wait for the GIL.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs
import structlog
import trio

from bench.beside import speaking_beside
from bench.machine import REPOSITORY
from bench.options import Options, parse, parser
from bench.report import Report
from zelitrio.bench_client import milliseconds, summary
from zelitrio.engine import open_engine
from zelitrio.server import serve, settle_garbage
from zelitrio.settings import ServerSettings, SessionSettings
from zelitrio.text import load_front_end

LIMIT_S = 0.010
REMEMBERED_S = 0.002
"""Longer steps are kept with the place where they ended."""
SWITCH_INTERVAL_S = 0.0005
"""As `zelitrio serve` sets it."""


@attrs.frozen
class LongStep:
    """A long step."""

    wall_s: float
    cpu_s: float
    queued_s: float
    """Time in which it could run and had no core."""
    task: str
    ended_at: str


class LoopWatch(trio.abc.Instrument):
    """Times every step of the tasks of its thread while `is_on`; costs some 4 microseconds a step."""

    def __init__(self) -> None:
        self.is_on = False
        self.walls_s: list[float] = []
        self.cpus_s: list[float] = []
        self.by_task: dict[str, float] = defaultdict(float)
        self.long_steps: list[LongStep] = []
        self._begin = self._begin_cpu = self._begin_queued = 0.0
        self._schedstat = os.open(f"/proc/self/task/{threading.get_native_id()}/schedstat", os.O_RDONLY)

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._begin_queued = self._queued_s()
        self._begin, self._begin_cpu = time.perf_counter(), time.thread_time()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        wall_s, cpu_s = time.perf_counter() - self._begin, time.thread_time() - self._begin_cpu
        if not self.is_on:
            return
        self.walls_s.append(wall_s)
        self.cpus_s.append(cpu_s)
        self.by_task[task.name] += wall_s
        if wall_s > REMEMBERED_S:
            queued_s = self._queued_s() - self._begin_queued
            self.long_steps.append(LongStep(wall_s, cpu_s, queued_s, task.name, _place(task.coro)))

    def _queued_s(self) -> float:
        """Seconds that the thread has waited for a core."""
        return int(os.pread(self._schedstat, 100, 0).split()[1]) / 1e9

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Clear the records, then record for the time of the block."""
        for kept in (self.walls_s, self.cpus_s, self.by_task, self.long_steps):
            kept.clear()
        self.is_on = True
        try:
            yield
        finally:
            self.is_on = False


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--streams", type=int, default=4)
    made.add_argument("--seconds", type=float, default=10.0, help="duration for each format")
    made.add_argument("--formats", default="pcm_24000,mp3_44100_128")
    options = parse(made)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # stdout is for results
    watch = LoopWatch()
    trio.run(measure, options, options.report("loop_hold"), watch, instruments=[watch])


async def measure(options: Options, report: Report, watch: LoopWatch) -> None:
    rows: list[list[Any]] = []
    front_end = load_front_end()
    async with (
        open_engine(options.catalogue(), options.engine) as engine,
        trio.open_nursery() as nursery,
    ):
        urls = await nursery.start(serve, engine, front_end, ServerSettings(port=0), SessionSettings())
        settle_garbage()  # as `zelitrio serve` does
        url = urlsplit(urls[0])
        voice_id = options.chosen_voice().voice_id
        for output_format in options.extra.formats.split(","):
            beside = speaking_beside(
                str(url.hostname), int(url.port or 0), options.extra.streams, voice_id, output_format
            )
            # Start and end of the client process must not block the measured loop.
            await trio.to_thread.run_sync(beside.__enter__)
            with watch.watching():
                await trio.sleep(options.extra.seconds)
            await trio.to_thread.run_sync(beside.__exit__, None, None, None)
            rows.append(tell(report, watch, output_format, options.extra.seconds))
        nursery.cancel_scope.cancel()
    heads = ["format", "steps", "p99 ms", "longest", "own longest", "over 10 ms", "own", "loop's share"]
    report.table([*heads, "longest: task"], rows)


def tell(report: Report, watch: LoopWatch, output_format: str, seconds: float) -> list[Any]:
    walls = watch.walls_s
    longest = sorted(watch.long_steps, key=lambda step: -step.wall_s)
    held = {task: round(taken / seconds, 4) for task, taken in watch.by_task.items()}
    over, own_over = (sum(step_s > LIMIT_S for step_s in steps) for steps in (walls, watch.cpus_s))
    figures, own = milliseconds(walls), milliseconds(watch.cpus_s)
    report.line(
        output_format,
        step_ms=figures,
        p999_ms=summary([wall * 1000 for wall in sorted(walls)[-max(1, len(walls) // 1000) :]])["min"],
        own_ms=own,
        over_10_ms=over,
        own_over_10_ms=own_over,
        own_part=sum(watch.cpus_s) / max(sum(walls), 1e-9),
        loop_share=sum(walls) / seconds,
        share_by_task=dict(sorted(held.items(), key=lambda pair: -pair[1])[:8]),
        longest=[
            {
                "ms": round(step.wall_s * 1000, 3),
                "cpu_ms": round(step.cpu_s * 1000, 3),
                "queued_ms": round(step.queued_s * 1000, 3),
                "task": step.task,
                "ended_at": step.ended_at,
            }
            for step in longest[:5]
        ],
    )
    worst = f"{longest[0].task} at {longest[0].ended_at}" if longest else "none over 2 ms"
    share = sum(walls) / seconds
    longest_ms = (figures["max"], own["max"])
    return [output_format, len(walls), figures["p99"], *longest_ms, over, own_over, share, worst]


def _place(coroutine: Any) -> str:
    """The innermost line of our code at which a coroutine waits."""
    place = "its end"
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "ag_frame", None)
        if frame is not None and Path(frame.f_code.co_filename).is_relative_to(REPOSITORY / "zelitrio"):
            place = f"{Path(frame.f_code.co_filename).relative_to(REPOSITORY)}:{frame.f_lineno}"
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "ag_await", None)
    return place


if __name__ == "__main__":
    main()
