"""Half an hour of changing clients: does the server hold more memory at the end than at the beginning?

    python -m bench.soak --minutes 30

One client speaks without pause; whole and broken requests come at a set rate.  Resident memory and
descriptors are read every few seconds.  The slope is that of a line through the second half.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections import Counter

import numpy as np

from bench.hostile import KEY, Visit, random_visits, requests
from bench.options import parse, parser
from bench.server_process import ServerProcess, open_server
from bench.torture import LISTENER_KEY, Listener, held, visit

EVERY_S = 5.0
WHOLE_SHARE = 2
"""One of this many visits is a whole request; the others are broken."""


def main(arguments: list[str] | None = None) -> None:
    """Run the bench, and report growth."""
    made = parser(__doc__)
    made.add_argument("--minutes", type=float, default=30.0)
    made.add_argument("--rate", type=float, default=20.0, help="connections per second")
    options = parse(made, arguments)
    report = options.report("soak")
    voice_id = options.chosen_voice().voice_id
    with open_server([*options.server_flags(), "--api-key", KEY, "--api-key", LISTENER_KEY]) as server:
        listener = Listener(server, voice_id)
        thread = threading.Thread(target=listener.run)
        thread.start()
        samples, seen = asyncio.run(
            soak(server, voice_id, options.seed, 60 * options.extra.minutes, options.extra.rate)
        )
        listener.stop()
        thread.join()
        figures = server.metrics()
    times, memory, descriptors = (np.array(column) for column in zip(*samples, strict=True))
    slope, error = slope_of(times, memory)
    report.line(
        "soak",
        connections=seen.total(),
        statuses=dict(seen.most_common()),
        resident_mib={"first": memory[0], "middle": memory[len(memory) // 2], "last": memory[-1]},
        mib_per_hour={"slope": round(3600 * slope, 3), "standard_error": round(3600 * error, 3)},
        descriptors={"first": descriptors[0], "last": descriptors[-1], "most": descriptors.max()},
        connections_failed=figures["zelitrio_connections_failed_total"],
        listener=listener.figures(),
    )
    rows = [[f"{at / 60:.0f} min", mib, held] for at, mib, held in samples[:: max(1, len(samples) // 10)]]
    note = f"second half: {3600 * slope:.2f} +- {3600 * error:.2f} MiB an hour"
    report.table(["at", "resident MiB", "descriptors"], rows, note)


async def soak(
    server: ServerProcess, voice_id: str, seed: int, seconds: float, rate: float
) -> tuple[list[tuple[float, float, int]], Counter[str]]:
    """Make visits at a pace; return times with memory and descriptors, and the count of each status."""
    begin = time.monotonic()
    samples: list[tuple[float, float, int]] = []
    seen: Counter[str] = Counter()
    whole = itertools.cycle(Visit(parts=(data,), reads=200) for data in requests(voice_id))
    broken = random_visits(requests(voice_id), seed)

    async def go(one: Visit) -> None:
        seen[await visit(server.host, server.port, one)] += 1

    async with asyncio.TaskGroup() as tasks:
        for number in itertools.count():
            now = time.monotonic() - begin
            if now >= seconds:
                break
            if now >= EVERY_S * len(samples):
                mib, descriptors = held(server).values()
                samples.append((now, mib, int(descriptors)))
            tasks.create_task(go(next(broken if number % WHOLE_SHARE else whole)))
            await asyncio.sleep(max(0.0, (number + 1) / rate - now))
    return samples, seen


def slope_of(times: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Slope of a line through the second half, and its standard error."""
    half = len(times) // 2
    at, value = times[half:], values[half:]
    centred = at - at.mean()
    slope = float((centred * value).sum() / (centred**2).sum())
    residues = value - value.mean() - slope * centred
    error = float(np.sqrt((residues**2).sum() / max(1, len(at) - 2) / (centred**2).sum()))
    return slope, error


if __name__ == "__main__":
    main()
