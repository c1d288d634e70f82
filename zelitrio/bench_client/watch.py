"""Measures how busy the client's own process is, to show that the client did not limit a result."""

from __future__ import annotations

import asyncio
import time

import attrs

from zelitrio.bench_client.percentiles import Figures, milliseconds

TICK_S = 0.005
BUSY_SHARE = 0.85
"""Share of one core.  Above it, frames wait for the client."""
LATE_SHARE = 0.25
"""Share of the median first audio.  If the event loop is later than this, the client limits the result."""


@attrs.define(eq=False)
class ClientWatch:
    """How busy the client was during an `async with` block."""

    cpu_share: float = 0.0
    """Share of one core."""
    lags_s: list[float] = attrs.field(factory=list)
    """How late the event loop ran each timer; frames got their time stamps about as late."""

    _begun: float = 0.0
    _cpu: float = 0.0
    _task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> ClientWatch:
        self._begun, self._cpu = time.perf_counter(), time.process_time()
        self._task = asyncio.create_task(self._tick())
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._task is not None
        self._task.cancel()
        self.cpu_share = (time.process_time() - self._cpu) / (time.perf_counter() - self._begun)

    async def _tick(self) -> None:
        while True:
            due = time.perf_counter() + TICK_S
            await asyncio.sleep(TICK_S)
            self.lags_s.append(time.perf_counter() - due)

    def figures(self) -> Figures:
        """The figures for a result line."""
        return {"cpu_share": round(self.cpu_share, 3), "lag_ms": milliseconds(self.lags_s)}

    def proof(self, first_ms: Figures) -> Figures:
        """`figures`, and whether the client may have limited the result.

        Args:
            first_ms: the measured first audio.
        """
        figures = self.figures()
        lag_ms, median_ms = figures["lag_ms"].get("p99", 0.0), first_ms.get("p50")
        why = ""
        if self.cpu_share > BUSY_SHARE:
            why = f"the client took {self.cpu_share:.0%} of a core"
        elif median_ms and lag_ms > max(LATE_SHARE * median_ms, 2.0):
            why = f"the client's timers were up to {lag_ms:.1f} ms late (p99)"
        return {**figures, "is_limit": bool(why), "why": why}
