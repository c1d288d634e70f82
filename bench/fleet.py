"""A fleet behind HAProxy: paced listeners while servers are restarted and killed.

    python -m bench.fleet --servers 3 --listeners 60 --seconds 60

HAProxy runs with the file that `zelitrio deploy haproxy` writes.  Each listener keeps a multi-context socket.
It has a sentence spoken, plays it in real time and asks for the next one.  It connects again only when its
socket was closed with 1012 or broke.  In the first phase each server is restarted by SIGTERM, one after the
other.  In the second one server is killed by SIGKILL.  Needs `haproxy` on the PATH.
"""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import attrs
import trio

from bench.machine import REPOSITORY
from bench.options import parse, parser
from bench.report import Report
from zelitrio.bench_client import SENTENCES, milliseconds
from zelitrio.client import ClientAudio, ClientFailure, ClientFinal, MultiClient, open_multi_client
from zelitrio.deploy import Target, render
from zelitrio.errors import RemoteError
from zelitrio.settings import ServerSettings

_START_S = 120.0
_BYTES_PER_S = 48_000  # pcm_24000
_PATIENCE_S = 20.0
"""A listener that hears nothing for this time gives the utterance up."""


@attrs.define(eq=False)
class Tally:
    """What listeners met in one phase."""

    whole: int = 0
    first_s: list[float] = attrs.field(factory=list)
    late_s: list[float] = attrs.field(factory=list)
    cut: Counter[str] = attrs.field(factory=Counter)
    """Utterances that ended after their first audio, by error."""
    unspoken: Counter[str] = attrs.field(factory=Counter)
    """Requests that failed before any audio, by error; each was asked for again."""
    reconnects: Counter[str] = attrs.field(factory=Counter)


@attrs.define(eq=False)
class Server:
    """One server process on a fixed port."""

    port: int
    agent_port: int
    flags: tuple[str, ...]
    log: Path
    process: trio.Process | None = None
    sockets_s: float = 0.0
    """Sum of open sockets over the samples that were taken."""

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        words = [sys.executable, "-c", "from zelitrio.cli import main; main()", "serve"]
        words += ["--port", str(self.port), "--agent-port", str(self.agent_port), *self.flags]
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

    async def end(self, number: signal.Signals, patience_s: float = 60.0) -> float:
        """Send a signal and wait for the end; returns the seconds it took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(number)
        with trio.fail_after(patience_s):
            await self.process.wait()
        return time.monotonic() - began


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--servers", type=int, default=3)
    made.add_argument("--listeners", type=int, default=60)
    made.add_argument("--seconds", type=float, default=60.0, help="of the phase with restarts")
    made.add_argument("--kill-seconds", type=float, default=15.0, help="of the phase with a kill")
    options = parse(made)
    extra = options.extra
    report = options.report("fleet")
    tallies = trio.run(
        run_fleet,
        extra.servers,
        extra.listeners,
        extra.seconds,
        extra.kill_seconds,
        options.seed,
        report,
        options.server_flags(),
    )
    rows = [
        [
            phase,
            tally.whole,
            sum(tally.cut.values()),
            sum(tally.unspoken.values()),
            sum(tally.reconnects.values()),
            milliseconds(tally.first_s).get("p95"),
            sum(late > 0.0 for late in tally.late_s),
        ]
        for phase, tally in tallies.items()
    ]
    report.table(["phase", "whole", "cut", "asked again", "reconnects", "first p95 ms", "ran dry"], rows)


async def run_fleet(
    servers: int,
    listeners: int,
    seconds: float,
    kill_seconds: float,
    seed: int,
    report: Report,
    flags: Sequence[str] = (),
) -> dict[str, Tally]:
    """Run both phases and return what the listeners met in each."""
    with tempfile.TemporaryDirectory() as folder, _ports(2 * servers + 1) as ports:
        fleet = [
            Server(ports[i], ports[servers + i], tuple(flags), Path(folder) / f"server{i}.log")
            for i in range(servers)
        ]
    with tempfile.TemporaryDirectory() as name:
        folder_path = Path(name)
        for server in fleet:
            server.log = folder_path / server.log.name
        async with _balancer(fleet, ports[-1], folder_path) as url:
            try:
                for server in fleet:
                    await server.start()
                return await _phases(fleet, url, listeners, seconds, kill_seconds, seed, report)
            finally:
                for server in fleet:
                    if server.process is not None:
                        await _kill(server.process)


async def _phases(
    fleet: list[Server],
    url: str,
    listeners: int,
    seconds: float,
    kill_seconds: float,
    seed: int,
    report: Report,
) -> dict[str, Tally]:
    tallies = {"restarts": Tally(), "kill": Tally()}
    drains: list[float] = []
    async with _listening(url, listeners, seed, tallies["restarts"]), trio.open_nursery() as nursery:
        nursery.start_soon(_sample, fleet)
        began = trio.current_time()
        await trio.sleep(seconds / (len(fleet) + 1) / 2)
        for server in fleet:
            drains.append(await server.end(signal.SIGTERM))
            await server.start()
            await trio.sleep(max(0.0, began + seconds / len(fleet) * len(drains) - trio.current_time()))
        nursery.cancel_scope.cancel()
    shares = [server.sockets_s for server in fleet]
    _say(report, "restarts", tallies["restarts"], drain_s=drains, sockets_share=_shares(shares))
    async with _listening(url, listeners, seed + 1, tallies["kill"]):
        await trio.sleep(kill_seconds / 3)
        await fleet[0].end(signal.SIGKILL)
        await trio.sleep(kill_seconds * 2 / 3)
    _say(report, "kill", tallies["kill"])
    return tallies


def _say(report: Report, what: str, tally: Tally, **more: object) -> None:
    report.line(
        what,
        whole=tally.whole,
        cut=dict(tally.cut),
        asked_again=dict(tally.unspoken),
        reconnects=dict(tally.reconnects),
        first_ms=milliseconds(tally.first_s),
        ran_dry=sum(late > 0.0 for late in tally.late_s),
        **more,
    )


def _shares(values: list[float]) -> list[float]:
    total = sum(values) or 1.0
    return [round(value / total, 3) for value in values]


async def _sample(fleet: list[Server]) -> None:
    """Count each server's sockets, while all are up, by its own gauge."""
    import httpx

    async with httpx.AsyncClient(timeout=2.0) as client:
        while True:
            await trio.sleep(0.5)
            found = []
            for server in fleet:
                try:
                    text = (await client.get(f"http://127.0.0.1:{server.port}/metrics")).text
                except httpx.HTTPError:
                    break
                found += [
                    float(line.split()[1])
                    for line in text.splitlines()
                    if line.startswith("zelitrio_sockets_open ")
                ]
            if len(found) == len(fleet):
                for server, sockets in zip(fleet, found, strict=True):
                    server.sockets_s += sockets


@asynccontextmanager
async def _listening(url: str, listeners: int, seed: int, tally: Tally) -> AsyncIterator[None]:
    """Listeners for as long as the block lasts; each then finishes its utterance."""
    over = trio.Event()
    async with trio.open_nursery() as nursery:
        for number in range(listeners):
            nursery.start_soon(_listen, url, random.Random(f"{seed} {number}"), tally, over)
        try:
            yield
        finally:
            over.set()


async def _listen(url: str, chance: random.Random, tally: Tally, over: trio.Event) -> None:
    await trio.sleep(chance.uniform(0, 4))
    number = 0
    while not over.is_set():
        try:
            async with open_multi_client(url, output_format="pcm_24000") as client:
                while not over.is_set():
                    number += 1
                    if not await _utter(client, f"u{number}", chance.choice(SENTENCES), tally):
                        break
        except RemoteError as error:
            tally.reconnects[_name(error)] += 1
            await trio.sleep(0.05)


async def _utter(client: MultiClient, name: str, text: str, tally: Tally) -> bool:
    """Have one sentence spoken and play it; whether the socket is still good.

    Raises:
        RemoteError: the socket ended.
    """
    first_s, heard_s, late_s = 0.0, 0.0, 0.0
    asked_at = trio.current_time()
    try:
        try:
            await client.open_context(name)
            await client.send_text(name, text, flush=True)
            await client.close_context(name)
        except RemoteError:
            async for _ in client:  # it was closed while this listener played: the reason waits to be read
                pass
            raise
        with trio.fail_after(_PATIENCE_S):
            async for event in client:
                now = trio.current_time()
                if isinstance(event, ClientAudio) and event.audio:
                    first_s = first_s or now - asked_at
                    late_s = max(late_s, now - (asked_at + first_s + heard_s))
                    heard_s += len(event.audio) / _BYTES_PER_S
                elif isinstance(event, ClientFailure):
                    tally.unspoken[event.error.code] += 1
                    await trio.sleep(0.2)
                    return True
                elif isinstance(event, ClientFinal):
                    break
            else:
                raise RemoteError("connection_closed", "The server closed the socket.")
    except (RemoteError, trio.TooSlowError) as error:
        (tally.cut if heard_s else tally.unspoken)[_name(error)] += 1
        if isinstance(error, RemoteError):
            raise
        return False
    tally.whole += 1
    tally.first_s.append(first_s)
    tally.late_s.append(late_s)
    await trio.sleep(max(0.0, asked_at + first_s + heard_s - trio.current_time()))
    return True


def _name(error: RemoteError | trio.TooSlowError) -> str:
    """The close code where there was one, otherwise the kind of error."""
    closed = re.search(r"code (\d+)", str(error))
    return closed[1] if closed else error.code if isinstance(error, RemoteError) else "silence"


@asynccontextmanager
async def _balancer(fleet: list[Server], port: int, folder: Path) -> AsyncIterator[str]:
    """HAProxy with the rendered file, on loopback ports of this run."""
    target = Target(replicas=len(fleet), balancer_port=port, server=ServerSettings(agent_port=1))
    (text,) = render("haproxy", target).values()
    text = text.replace(f"bind :{port}", f"bind 127.0.0.1:{port}")
    first = target.server.port
    for number, server in enumerate(fleet):
        text = text.replace(f"127.0.0.1:{first + number} ", f"127.0.0.1:{server.port} ")
        text = text.replace(f"agent-port {1 + number}\n", f"agent-port {server.agent_port}\n")
    config = folder / "haproxy.cfg"
    config.write_text(text)
    with (folder / "haproxy.log").open("wb") as log:
        process = await trio.lowlevel.open_process(
            ["haproxy", "-db", "-f", str(config)], stdout=log, stderr=subprocess.STDOUT
        )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await _kill(process)


async def _kill(process: trio.Process) -> None:
    process.kill()
    with trio.CancelScope(shield=True):
        await process.wait()


async def _answers(port: int) -> bool:
    try:
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(b"GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return b" 200 " in await stream.receive_some(64)
    except OSError:
        return False


@contextmanager
def _ports(count: int) -> Iterator[list[int]]:
    """Ports of loopback that were free a moment ago."""
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
