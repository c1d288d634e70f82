"""The four benchmarks of `zelitrio bench`: each measures points of load one after another."""

from __future__ import annotations

import asyncio
import os
import platform
import re
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from zelitrio.bench_client import ranges
from zelitrio.bench_client.address import Address
from zelitrio.bench_client.figures import SpeechFigures
from zelitrio.bench_client.loads import TakeFigures, closed_loop, one_by_one, open_loop, paced_listeners
from zelitrio.bench_client.points import Line, heard_ms, point_line, utterance_line
from zelitrio.bench_client.texts import SENTENCES
from zelitrio.bench_client.watch import ClientWatch
from zelitrio.errors import LocalError

KNEE_STEPS = 5
"""The search halves the interval of the knee this many times."""
Emit = Callable[[Line], None]


@attrs.frozen(kw_only=True)
class Plan:
    """What one run measures.

    Attributes:
        bench: `first-audio`, `concurrency`, `open-loop` or `listeners`.
        url: the server's URL, for the result lines.
        server: a name for the server, for the result lines.
        points: the loads to measure.  Their unit depends on `bench`: utterances, streams, arrivals a
            second, or listeners.
        seconds: duration of each point; unused by `first-audio`.
        limit_ms: a rate is below the knee while the p95 of first audio is at most this.
        finds_knee: whether `open-loop` searches for the knee between the first and the last rate.
        exact: `listeners` stops its search when the answer is known to this many listeners.
        buffer_ms: audio that a listener collects before it plays.
        texts: the texts to speak, chosen at random.
    """

    bench: str
    address: Address
    url: str
    server: str
    points: tuple[float, ...]
    seconds: float = 10.0
    seed: int = 7
    limit_ms: float = 75.0
    finds_knee: bool = False
    exact: int = 2
    buffer_ms: float = 0.0
    texts: tuple[str, ...] = SENTENCES

    def __attrs_post_init__(self) -> None:
        """Raise LocalError for a value out of range."""
        rises = self.bench == "listeners" or self.finds_knee
        ranges.check_points(self.bench, self.points, rises=rises)
        if self.finds_knee and len(self.points) < 2:
            raise LocalError("--find-knee: expected two --rates or more, the search is between them")
        ranges.check_text("name", self.server)
        ranges.SECONDS.check("seconds", self.seconds)
        ranges.SEED.check("seed", self.seed)
        ranges.LIMIT_MS.check("limit-ms", self.limit_ms)
        ranges.EXACT.check("exact", self.exact)
        ranges.BUFFER_MS.check("buffer-ms", self.buffer_ms)


def run_plan(plan: Plan, emit: Emit) -> int:
    """Measure; blocks.  Calls `emit` with each result line, and with {"what": "begin"} before each point.

    Returns:
        The number of utterances that succeeded.
    """
    return _Run(plan, emit).run()


@attrs.define(eq=False)
class _Run:
    plan: Plan
    emit: Emit
    heard: int = 0

    def run(self) -> int:
        runs = {
            "first-audio": self._first_audio,
            "concurrency": self._concurrency,
            "open-loop": self._open_loop,
            "listeners": self._listeners,
        }
        if not self._warm_up():
            return 0
        runs[self.plan.bench]()
        return self.heard

    def _warm_up(self) -> bool:
        """Speak two utterances that are not counted; if both fail, emit them as the result."""
        plan = self.plan
        everything: list[SpeechFigures] = []
        asyncio.run(one_by_one(plan.address, 2, plan.seed, everything.append, plan.texts))
        if any(said.failure is None for said in everything):
            return True
        self.emit({**self._names({"streams": 1}), **point_line(everything, 0.0), "client": {}})
        return False

    def _first_audio(self) -> None:
        plan = self.plan
        for count in map(int, plan.points):
            self._measure(
                {"streams": 1}, partial(one_by_one, plan.address, count, plan.seed, texts=plan.texts)
            )

    def _concurrency(self) -> None:
        plan = self.plan
        for streams in map(int, plan.points):
            load = partial(closed_loop, plan.address, streams, plan.seconds, plan.seed, texts=plan.texts)
            self._measure({"streams": streams}, load)

    def _open_loop(self) -> None:
        plan = self.plan
        if not plan.finds_knee:
            for rate in plan.points:
                self._rate(rate)
            return
        low, high = plan.points[0], plan.points[-1]
        if not self._rate(low):
            low = 0.0
        elif self._rate(high):
            low = high
        else:
            for _ in range(KNEE_STEPS):
                middle = (low + high) / 2
                low, high = (middle, high) if self._rate(middle) else (low, middle)
        self.emit({**self._names({}), "what": "knee", "arrivals_per_s": low, "limit_ms": plan.limit_ms})

    def _rate(self, rate: float) -> bool:
        plan = self.plan
        point = self._measure(
            {"arrivals_per_s": rate},
            partial(open_loop, plan.address, rate, plan.seconds, plan.seed, texts=plan.texts),
        )
        p95 = heard_ms(point).get("p95")
        return not point["underruns"] and not point["failed"] and p95 is not None and p95 <= plan.limit_ms

    def _listeners(self) -> None:
        """Go up the points until a listener runs dry, then search by halving the interval."""
        good, bad = 0, None
        for count in map(int, self.plan.points):
            if not self._listen(count):
                bad = count
                break
            good = count
        while bad is not None and bad - good > self.plan.exact:
            middle = (good + bad) // 2
            good, bad = (middle, bad) if self._listen(middle) else (good, middle)
        self.emit({**self._names({}), "what": "most", "listeners": good})

    def _listen(self, count: int) -> bool:
        plan = self.plan
        point = self._measure(
            {"listeners": count},
            partial(paced_listeners, plan.address, count, plan.seconds, plan.seed, texts=plan.texts),
        )
        return bool(point["n"]) and not point["underruns"] and not point["failed"]

    def _measure(
        self, point: dict[str, Any], load: Callable[[TakeFigures], Coroutine[Any, Any, None]]
    ) -> Line:
        names = self._names(point)
        self.emit({**names, "what": "begin", "seconds": self.plan.seconds})
        everything: list[SpeechFigures] = []

        def tell(said: SpeechFigures) -> None:
            everything.append(said)
            self.emit({**names, **utterance_line(said)})

        async def run() -> ClientWatch:
            async with ClientWatch() as watch:
                await load(tell)
            return watch

        begin = time.perf_counter()
        watch = asyncio.run(run())
        line = point_line(everything, time.perf_counter() - begin, self.plan.buffer_ms)
        self.heard += line["n"]
        line = {
            **names,
            **line,
            "client": watch.proof(heard_ms(line)),
            **circumstances(),
            "seed": self.plan.seed,
        }
        self.emit(line)
        return line

    def _names(self, point: dict[str, Any]) -> Line:
        plan = self.plan
        return {
            "bench": plan.bench,
            "server": plan.server,
            "url": plan.url,
            "protocol": plan.address.protocol,
            "voice": plan.address.voice_id,
            "format": plan.address.output_format,
            "point": point,
        }


def circumstances() -> Line:
    """Time, zelitrio's version and machine of this run, for result lines."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": {
            "cores": cores,
            "processor": processor(),
            "python": platform.python_version(),
            "busy": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        },
    }


def processor() -> str:
    """The processor's name, from the operating system."""
    try:
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1] if found else (platform.processor() or platform.machine())


def read_texts(path: Path) -> tuple[str, ...]:
    """Read the texts of a file, one on each line.

    Raises:
        LocalError: the file has none, or is not UTF-8.
        OSError: the file cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise LocalError(f"--texts: expected UTF-8 in {path}, found a byte of another encoding") from error
    found = tuple(text for text in map(str.strip, lines) if text)
    if not found:
        raise LocalError(f"--texts: expected a text on each line of {path}, found none")
    return found
