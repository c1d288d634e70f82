"""The server's own cost, measured with a device that computes nothing.

    python -m bench.free_device
    python -m bench.free_device --tree before=../before --tree now=. --rounds 3
    python -m bench.free_device --tree now=. --tree one=. --one-core one

Engine thread, scheduler, sockets and encoders are real; the networks return ready results
(`bench/free_device_server.py`).  Processor time is counted per thread (`schedstat`).  Several trees of the
package are measured in turns within one run, each by its own server.

- *persistent*: closed loop over multi-context sockets that stay open.
- *fresh*: closed loop with a `stream-input` socket for each utterance.
- *connect*: sockets that are opened and closed without text.
- *paced*: listeners that play each utterance in real time, over sockets that stay open.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path

import attrs

from bench.machine import REPOSITORY
from bench.options import Options, counts, parse, parser
from bench.report import Report
from bench.server_process import ServerProcess, open_server
from zelitrio.bench_client import (
    SENTENCES,
    Address,
    ClientWatch,
    ContextSocket,
    ReceivedSpeech,
    milliseconds,
    open_contexts,
    open_conversation,
    say,
)

SERVER = str(Path(__file__).with_name("free_device_server.py"))
VOICE_ID = "free"
OPENED_AT_ONCE = 25
CONNECT_CLIENTS = 8


@attrs.define(eq=False)
class Load:
    """One load on one server, while it runs."""

    address: Address
    clients: int
    seconds: float
    seed: int
    heard: list[ReceivedSpeech] = attrs.field(factory=list)
    connections: int = 0
    messages: int = 0

    @property
    def chances(self) -> list[random.Random]:
        """Return a random source of texts for each client."""
        return [random.Random(f"{self.seed} {number}") for number in range(self.clients)]


Run = Callable[[Load], Awaitable[Callable[[], Awaitable[None]]]]
"""Prepares a load outside of the measurement, then returns the load."""


async def persistent(load: Load) -> Callable[[], Awaitable[None]]:
    """Closed loop over sockets that stay open."""
    sockets = await _open(load)

    async def run() -> None:
        until = time.perf_counter() + load.seconds
        await asyncio.gather(
            *(
                _speak_on(load, socket, chance, until)
                for socket, chance in zip(sockets, load.chances, strict=True)
            )
        )
        load.messages = sum(socket.messages for socket in sockets)
        for socket in sockets:
            socket.close()

    return run


async def fresh(load: Load) -> Callable[[], Awaitable[None]]:
    """Closed loop with a socket per utterance."""

    async def one(chance: random.Random, until: float) -> None:
        while time.perf_counter() < until:
            heard = await say(load.address, chance.choice(SENTENCES))
            heard.forget_audio()
            load.connections += 1
            load.messages += len(heard.arrivals) + 1
            load.heard.append(heard)

    async def run() -> None:
        until = time.perf_counter() + load.seconds
        await asyncio.gather(*(one(chance, until) for chance in load.chances))

    return run


async def connect(load: Load) -> Callable[[], Awaitable[None]]:
    """Open and close sockets."""

    async def one(until: float) -> None:
        while time.perf_counter() < until:
            conversation = await open_conversation(load.address)
            conversation.hang_up()
            await conversation.ended
            load.connections += 1

    async def run() -> None:
        until = time.perf_counter() + load.seconds
        await asyncio.gather(*(one(until) for _ in range(load.clients)))

    return run


async def paced(load: Load) -> Callable[[], Awaitable[None]]:
    """Listeners that play in real time."""
    sockets = await _open(load)

    async def one(socket: ContextSocket, chance: random.Random, until: float) -> None:
        await asyncio.sleep(chance.uniform(0, min(6.0, load.seconds / 2)))
        while time.perf_counter() < until:
            heard = await socket.say(chance.choice(SENTENCES))
            load.heard.append(heard)
            if heard.failure:
                await asyncio.sleep(0.5)
                continue
            played_at = heard.arrivals[0][0] + heard.late_s + heard.audio_s
            await asyncio.sleep(max(0.0, min(played_at, until) - time.perf_counter()))

    async def run() -> None:
        until = time.perf_counter() + load.seconds
        await asyncio.gather(
            *(one(socket, chance, until) for socket, chance in zip(sockets, load.chances, strict=True))
        )
        load.messages = sum(socket.messages for socket in sockets)
        for socket in sockets:
            socket.close()

    return run


async def _open(load: Load) -> list[ContextSocket]:
    sockets: list[ContextSocket] = []
    while len(sockets) < load.clients:
        some = min(OPENED_AT_ONCE, load.clients - len(sockets))
        sockets += await asyncio.gather(
            *(open_contexts(load.address, keeps_audio=False) for _ in range(some))
        )
    failures = {socket.failure for socket in sockets if socket.failure}
    assert not failures, failures
    return sockets


async def _speak_on(load: Load, socket: ContextSocket, chance: random.Random, until: float) -> None:
    while time.perf_counter() < until:
        load.heard.append(await socket.say(chance.choice(SENTENCES)))


RUNS: dict[str, Run] = {"persistent": persistent, "fresh": fresh, "connect": connect, "paced": paced}


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--tree", action="append", type=_tree, help="NAME=FOLDER; may repeat [this tree]")
    made.add_argument(
        "--server",
        action="append",
        type=_program,
        help="NAME=FILE: a tree's own server, for an older package",
    )
    made.add_argument(
        "--one-core", action="append", default=[], metavar="NAME", help="bind a tree's server to core 0"
    )
    made.add_argument("--modes", default="persistent,fresh,connect,paced")
    made.add_argument("--formats", default="pcm_24000,mp3_44100_128,opus_48000_64")
    made.add_argument("--seconds", type=float, default=6.0)
    made.add_argument("--streams", type=int, default=64)
    made.add_argument("--listeners", type=counts, default=(100, 300, 1000))
    made.add_argument("--rounds", type=int, default=1)
    options = parse(made)
    report = options.report("free_device")
    trees = dict(options.extra.tree or [("this", REPOSITORY)])
    if unknown := set(options.extra.one_core) - set(trees):
        sys.exit(f"--one-core: expected names of --tree, found {', '.join(sorted(unknown))}")
    rows: list[list[object]] = []
    with ExitStack() as stack:
        programs = dict(options.extra.server or ())
        servers = {
            name: stack.enter_context(open_server([], (programs.get(name, SERVER),), folder))
            for name, folder in trees.items()
        }
        for name in options.extra.one_core:
            for thread in Path(f"/proc/{servers[name].pid}/task").iterdir():
                os.sched_setaffinity(int(thread.name), {0})
        for server in servers.values():
            asyncio.run(_measured(Load(_address(server, "pcm_24000"), 8, 1.0, 0), persistent))
        for _ in range(options.extra.rounds):
            for mode, output_format, clients in _cases(options.extra):
                for name, server in servers.items():
                    rows.append(measure(options, name, server, mode, output_format, clients, report))
    heads = ["tree", "mode", "format", "clients", "audio s/s", "ms/audio s", "us/packet", "ms/utterance"]
    heads += ["ms/connection", "loop", "engine", "other", "client", "first p50", "p99 ms", "underruns"]
    report.table(heads, rows, "processor time; loop, engine, other, client: share of a core")


def _tree(said: str) -> tuple[str, Path]:
    name, _, folder = said.partition("=")
    place = Path(folder or name).resolve()
    if not (place / "zelitrio").is_dir():
        raise argparse.ArgumentTypeError(f"expected NAME=FOLDER with the package, found {said}")
    return name, place


def _program(said: str) -> tuple[str, str]:
    name, _, file = said.partition("=")
    if not Path(file).is_file():
        raise argparse.ArgumentTypeError(f"expected NAME=FILE with a server, found {said}")
    return name, str(Path(file).resolve())


def _cases(extra: argparse.Namespace) -> list[tuple[str, str, int]]:
    formats = extra.formats.split(",")
    cases: list[tuple[str, str, int]] = []
    for mode in extra.modes.split(","):
        if mode not in RUNS:
            sys.exit(f"--modes: expected some of {', '.join(RUNS)}, found {mode}")
        if mode == "connect":
            cases.append((mode, formats[0], CONNECT_CLIENTS))
        elif mode == "paced":
            cases += [(mode, each, clients) for each in formats for clients in extra.listeners]
        else:
            cases += [(mode, each, extra.streams) for each in formats]
    return cases


def _address(server: ServerProcess, output_format: str) -> Address:
    return Address(host=server.host, port=server.port, voice_id=VOICE_ID, output_format=output_format)


async def _measured(load: Load, make: Run) -> ClientWatch:
    run = await make(load)
    async with ClientWatch() as watch:
        await run()
    return watch


def measure(
    options: Options,
    tree: str,
    server: ServerProcess,
    mode: str,
    output_format: str,
    clients: int,
    report: Report,
) -> list[object]:
    """Measure one load on one server."""
    load = Load(_address(server, output_format), clients, options.extra.seconds, options.seed)
    before, begin = server.cpu_s_by_thread(), time.perf_counter()
    watch = asyncio.run(_measured(load, RUNS[mode]))
    wall_s = time.perf_counter() - begin
    after = server.cpu_s_by_thread()
    used = {name: cpu_s - before.get(name, 0.0) for name, cpu_s in after.items()}
    cpu_s, engine_s = sum(used.values()), used.get("zelitrio-engine", 0.0)
    # The thread of the loop keeps the program's name.
    loop_s = sum(took for name, took in used.items() if name.startswith("python"))
    whole = [heard for heard in load.heard if not heard.failure]
    audio_s = sum(heard.audio_s for heard in whole)
    packets = sum(len(heard.arrivals) for heard in whole)
    late = [heard.late_s for heard in whole]
    first = milliseconds([heard.first_s for heard in whole])
    shares = {
        "loop": loop_s / wall_s,
        "engine": engine_s / wall_s,
        "other": (cpu_s - loop_s - engine_s) / wall_s,
    }

    def per(count: float, scale: float) -> float | None:
        return cpu_s / count * scale if count else None

    costs = [per(audio_s, 1e3), per(packets, 1e6), per(len(whole), 1e3), per(load.connections, 1e3)]
    names = ("cpu_ms_per_audio_s", "cpu_us_per_packet", "cpu_ms_per_utterance", "cpu_ms_per_connection")
    underruns = sum(one > 0 for one in late)
    report.line(
        f"{mode}, {clients} clients",
        tree=tree,
        mode=mode,
        format=output_format,
        clients=clients,
        audio_s_per_s=audio_s / wall_s,
        **dict(zip(names, costs, strict=True)),
        utterances=len(whole),
        packets=packets,
        connections=load.connections,
        shares=shares,
        loop_ms_per_audio_s=loop_s / audio_s * 1e3 if audio_s else None,
        first_ms=first,
        late_ms=milliseconds(late),
        underruns=underruns,
        failures=sorted({str(heard.failure) for heard in load.heard if heard.failure}),
        failed=len(load.heard) - len(whole),
        client=watch.figures(),
    )
    return [
        *(tree, mode, output_format, clients, audio_s / wall_s, *costs, *shares.values()),
        *(watch.cpu_share, first.get("p50"), first.get("p99"), underruns if mode == "paced" else None),
    ]


if __name__ == "__main__":
    main()
