"""Servers with HAProxy in front: paced listeners while servers are restarted and killed.

    python -m bench.fleet --servers 3 --listeners 60 --seconds 60

HAProxy runs with the output of `zelitrio deploy haproxy`.  The servers are real.  Their engine is scripted
and speaks in real time, so that a small machine can run the fleet; --real runs `zelitrio serve`.  Phase one
is undisturbed.  In phase two each server is restarted by SIGTERM, one after the other.  In phase three one
server is killed by SIGKILL.  Needs `haproxy` on the PATH.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import attrs
import trio

from bench.fleet_balancer import Balancer, open_balancer
from bench.fleet_listeners import Tally, listening
from bench.machine import REPOSITORY
from bench.options import parse, parser
from bench.server_process import ZELITRIO
from zelitrio.bench_client import milliseconds

_START_S = 120.0
_END_S = 60.0
_SAMPLE_S = 0.25
_SETTLED_S = 6.0
"""Time from the first listener until the shares are counted."""
SCRIPTED = ("-m", "bench.fleet_server")


@attrs.frozen(kw_only=True)
class Plan:
    """The servers, the listeners and the times of a run.

    Attributes:
        seconds: length of the phase with restarts.
        steady_seconds, kill_seconds: length of the phases before and after it.
        program: Python's arguments for a server.
    """

    servers: int = 3
    listeners: int = 60
    seconds: float = 60.0
    steady_seconds: float = 16.0
    kill_seconds: float = 15.0
    seed: int = 7
    program: tuple[str, ...] = SCRIPTED


@attrs.define(eq=False)
class Outcome:
    """The results of a run.

    Attributes:
        steady_shares: each server's share of the open sockets in the undisturbed phase.
        restart_shares: the same for the whole phase in which each server was restarted.
        drain_s: time from each SIGTERM to the end of the process.
        killed_sockets: sockets that were open on the killed server.
    """

    steady: Tally = attrs.field(factory=Tally)
    restarts: Tally = attrs.field(factory=Tally)
    kill: Tally = attrs.field(factory=Tally)
    steady_shares: list[float] = attrs.field(factory=list)
    restart_shares: list[float] = attrs.field(factory=list)
    drain_s: list[float] = attrs.field(factory=list)
    killed_sockets: int = 0


@attrs.define(eq=False)
class Server:
    """One server process on a fixed port."""

    port: int
    agent_port: int
    program: tuple[str, ...]
    log: Path
    process: trio.Process | None = None

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        words = [
            sys.executable,
            *self.program,
            "--port",
            str(self.port),
            "--agent-port",
            str(self.agent_port),
        ]
        with self.log.open("ab") as out:
            self.process = await trio.lowlevel.open_process(
                words, cwd=REPOSITORY, stdout=out, stderr=subprocess.STDOUT
            )
        with trio.fail_after(_START_S):
            while not await _answers(self.port):
                if self.process.poll() is not None:
                    raise SystemExit(
                        f"the server on port {self.port} did not start:\n{self.log.read_text()[-3000:]}"
                    )
                await trio.sleep(0.1)

    async def end(self, number: signal.Signals) -> float:
        """Send a signal and wait for the end; return the seconds it took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(number)
        with trio.fail_after(_END_S):
            await self.process.wait()
        return time.monotonic() - began

    async def kill(self) -> None:
        """End the process by SIGKILL."""
        if self.process is not None:
            self.process.kill()
            with trio.CancelScope(shield=True):
                await self.process.wait()


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--servers", type=int, default=3)
    made.add_argument("--listeners", type=int, default=60)
    made.add_argument("--seconds", type=float, default=60.0, help="duration of the phase with restarts")
    made.add_argument("--kill-seconds", type=float, default=15.0, help="duration of the phase with a kill")
    made.add_argument("--real", action="store_true", help="servers with real voices")
    options = parse(made)
    extra = options.extra
    report = options.report("fleet")
    flags = options.server_flags()
    real = (*ZELITRIO[:3], "--state-dir", "none", "--trusted-proxy", "127.0.0.1", *flags)
    plan = Plan(
        servers=extra.servers,
        listeners=extra.listeners,
        seconds=extra.seconds,
        kill_seconds=extra.kill_seconds,
        seed=options.seed,
        program=real if extra.real else SCRIPTED,
    )
    outcome = trio.run(run_fleet, plan)
    told = attrs.asdict(outcome, filter=lambda field, value: not isinstance(value, Tally))
    rows = []
    for phase in ("steady", "restarts", "kill"):
        tally: Tally = getattr(outcome, phase)
        firsts, back = milliseconds(tally.first_s), milliseconds(tally.back_s)
        dry = sum(late > 0.1 for late in tally.late_s)
        counts = ("conversations", "whole", "cut", "asked_again", "reconnects", "refused")
        figures = {name: getattr(tally, name) for name in counts}
        report.line(phase, **figures, first_ms=firsts, back_ms=back, late_100_ms=dry, **told)
        totals = [sum(value.values()) if isinstance(value, dict) else value for value in figures.values()]
        rows.append([phase, *totals, firsts.get("p95"), back.get("max"), dry])
    heads = ["phase", "conversations", "whole", "cut", "asked again", "reconnects", "refused"]
    report.table([*heads, "first p95 ms", "back max ms", "100 ms late"], rows)
    report.table(
        ["shares, steady", "shares, restarts", "drains s", "sockets killed"],
        [
            [
                str(outcome.steady_shares),
                str(outcome.restart_shares),
                str(outcome.drain_s),
                outcome.killed_sockets,
            ]
        ],
    )


async def run_fleet(plan: Plan) -> Outcome:
    """Run all phases and return their results."""
    outcome = Outcome()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with _free_ports(2 * plan.servers + 1) as ports:
            pairs = zip(ports[: plan.servers], ports[plan.servers : -1], strict=True)
        fleet = [
            Server(*pair, plan.program, folder / f"server{number}.log") for number, pair in enumerate(pairs)
        ]
        serving, agents = [one.port for one in fleet], [one.agent_port for one in fleet]
        async with open_balancer(serving, agents, ports[-1], folder) as balancer:
            try:
                async with trio.open_nursery() as nursery:
                    for server in fleet:
                        nursery.start_soon(server.start)
                await _run_phases(plan, fleet, balancer, outcome)
            finally:
                for server in fleet:
                    await server.kill()
    return outcome


async def _run_phases(plan: Plan, fleet: list[Server], balancer: Balancer, outcome: Outcome) -> None:
    await balancer.wait_up()
    async with listening(balancer.url, plan.listeners, plan.seed, outcome.steady):
        await trio.sleep(_SETTLED_S)
        async with _counting(balancer, outcome.steady_shares):
            await trio.sleep(max(0.0, plan.steady_seconds - _SETTLED_S))
    async with listening(balancer.url, plan.listeners, plan.seed + 1, outcome.restarts):
        every_s = plan.seconds / (len(fleet) + 1)
        await trio.sleep(every_s / 2)
        async with _counting(balancer, outcome.restart_shares):
            for server in fleet:
                due = trio.current_time() + every_s
                outcome.drain_s.append(round(await server.end(signal.SIGTERM), 2))
                await server.start()
                await balancer.wait_up()
                await trio.sleep(max(0.0, due - trio.current_time()))
        await trio.sleep(every_s / 2)
    async with listening(balancer.url, plan.listeners, plan.seed + 2, outcome.kill):
        await trio.sleep(plan.kill_seconds / 2)
        outcome.killed_sockets = (await balancer.backends())[0].sessions
        await fleet[0].end(signal.SIGKILL)
        await trio.sleep(plan.kill_seconds / 2)


@asynccontextmanager
async def _counting(balancer: Balancer, shares: list[float]) -> AsyncIterator[None]:
    """Append each server's average share of the open sockets in the block."""
    sums: Counter[int] = Counter()

    async def sample() -> None:
        while True:
            for number, backend in enumerate(await balancer.backends()):
                sums[number] += backend.sessions
            await trio.sleep(_SAMPLE_S)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(sample)
        yield
        nursery.cancel_scope.cancel()
    shares += [round(sums[number] / (sums.total() or 1), 3) for number in sorted(sums)]


async def _answers(port: int) -> bool:
    try:
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(b"GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return b" 200 " in await stream.receive_some(64)
    except OSError:
        return False


@contextmanager
def _free_ports(count: int) -> Iterator[list[int]]:
    """Return ports of loopback that were free a moment ago."""
    holders = [socket.socket() for _ in range(count)]
    try:
        for holder in holders:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            holder.bind(("127.0.0.1", 0))
        yield [holder.getsockname()[1] for holder in holders]
    finally:
        for holder in holders:
            holder.close()


if __name__ == "__main__":
    os.environ.setdefault("PYTHONPATH", str(REPOSITORY))
    main()
