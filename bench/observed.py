"""The cost of accounts and traces: processor time of a message and first audio, with and without them.

    python -m bench.observed --rounds 12

Three servers run side by side: one without both, one with accounts (a key, its usage on disk), and one with
accounts and traces (of a tenth of all requests by default).  Processor time is measured with the scripted
engine: clients say sentences of 25 messages, each on its own socket, so a message carries its share of a
conversation's cost.  First audio is measured with the real engine, one stream at a time.  The servers take
turns in a changing order.  Ratios are taken within a turn, so other load on the machine affects all of them.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench.options import Options, parse, parser
from bench.report import Report
from bench.scripted_engine import VOICE_ID
from bench.server_process import ZELITRIO, ServerProcess, open_server
from zelitrio.accounts import Database, Key, new_key
from zelitrio.bench_client import SENTENCES, Address, SpeechFigures, closed_loop, summary
from zelitrio.bench_client.loads import one_by_one
from zelitrio.settings import hash_key

OFF, ACCOUNTS, BOTH = "off", "accounts", "accounts and traces"
MODES = (OFF, ACCOUNTS, BOTH)
BLOCKS, BLOCK_MS, EVERY_S = 25, 200.0, 0.05
"""The scripted engine hands an utterance out four times as fast as it is played."""
DRAWS = 2000
"""Bootstrap samples of the turns for the interval of a ratio."""
Turn = Callable[[Options, ServerProcess, str, int], Coroutine[Any, Any, float]]


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--rounds", type=int, default=12, help="turns of each server (processor time)")
    made.add_argument("--seconds", type=float, default=4.0, help="duration of a turn (processor time)")
    made.add_argument("--clients", type=int, default=25, help="simultaneous clients (processor time)")
    made.add_argument("--sentences", type=int, default=200, help="turns of each server (first audio)")
    made.add_argument("--trace-sample", type=float, default=0.1, help="share of requests with a span")
    options = parse(made)
    report = options.report("observed")
    rows: list[list[object]] = []
    sample = ["--trace-sample", str(options.extra.trace_sample)]
    scripted = ["--block-ms", str(BLOCK_MS), "--every-s", str(EVERY_S), "--blocks", str(BLOCKS)]
    with _servers(("-m", "bench.scripted_server"), [*scripted, *sample]) as servers:
        _measure(options, report, servers, "cpu_us_per_message", _cpu_us, options.extra.rounds, rows)
    turn = partial(_first_ms, options.chosen_voice().voice_id)
    with _servers((*ZELITRIO[:3], "--port", "0"), [*options.server_flags(), *sample]) as servers:
        _measure(options, report, servers, "first_ms", turn, options.extra.sentences, rows)
    report.table(["", "off", "accounts", "ratio, 95 %", "and traces", "ratio, 95 %"], rows)


@contextmanager
def _servers(program: tuple[str, ...], flags: list[str]) -> Iterator[dict[str, tuple[ServerProcess, str]]]:
    """Start a server of each mode; yield each with its key."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sink = stack.enter_context(open_server((), ("-m", "bench.trace_sink")))
        found = {}
        for mode in MODES:
            key, more = "", [] if "-m" in program else ["--state-dir", "none"]
            if mode != OFF:
                state_dir, key = folder / mode, new_key()
                with Database(state_dir) as database:
                    database.add_key(Key(name="bench", digest=hash_key(key), created_at_s=time.time()))
                more = ["--state-dir", str(state_dir)]
            if mode == BOTH:
                more += ["--trace-endpoint", f"http://{sink.host}:{sink.port}"]
            found[mode] = stack.enter_context(open_server([*flags, *more], program)), key
        yield found


def _measure(
    options: Options,
    report: Report,
    servers: Mapping[str, tuple[ServerProcess, str]],
    what: str,
    turn: Turn,
    turns: int,
    rows: list[list[object]],
) -> None:
    """Give each server its turns, and report each mode's ratio to the first mode."""
    chance = random.Random(options.seed)
    found: dict[str, list[float]] = {mode: [] for mode in MODES}
    for number in range(-1, turns):
        order = chance.sample(MODES, len(MODES))
        for mode in order:
            server, key = servers[mode]
            figure = asyncio.run(turn(options, server, key, number))
            if number >= 0:  # the turn before the first warms up
                found[mode].append(figure)
    off = np.array(found[OFF])
    row: list[object] = [what, float(np.median(off))]
    for mode in MODES[1:]:
        ratios = np.array(found[mode]) / off
        draws = np.random.default_rng(options.seed).choice(ratios, (DRAWS, len(ratios)))
        low, high = np.percentile(np.median(draws, axis=1), (2.5, 97.5))
        ratio = float(np.median(ratios))
        report.line(
            f"{what}, {mode}",
            off=summary(found[OFF]),
            on=summary(found[mode]),
            ratio=round(ratio, 4),
            ratio_95=[round(float(low), 4), round(float(high), 4)],
        )
        row += [float(np.median(found[mode])), f"{ratio:.3f} ({low:.3f} to {high:.3f})"]
    rows.append(row)


async def _cpu_us(options: Options, server: ServerProcess, key: str, number: int) -> float:
    """Return the server's processor time per message of a turn."""
    extra, said = options.extra, list[SpeechFigures]()
    address = Address(host=server.host, port=server.port, voice_id=VOICE_ID, api_key=key)
    cpu_s = server.cpu_s()
    await closed_loop(address, extra.clients, extra.seconds, options.seed + number, said.append)
    cpu_s = server.cpu_s() - cpu_s
    _check(said)
    return 1e6 * cpu_s / sum(len(one.arrivals) for one in said)


async def _first_ms(voice_id: str, options: Options, server: ServerProcess, key: str, number: int) -> float:
    """Return the first audio of one sentence, the same sentence for all servers in a turn."""
    address = Address(host=server.host, port=server.port, voice_id=voice_id, api_key=key)
    said: list[SpeechFigures] = []
    text = SENTENCES[number % len(SENTENCES)]
    await one_by_one(address, 1, options.seed, said.append, [text])
    _check(said)
    assert said[0].first_s is not None
    return 1000 * said[0].first_s


def _check(said: list[SpeechFigures]) -> None:
    failures = {f"{one.failure}: {one.detail}" for one in said if one.failure}
    if failures or not said:
        raise SystemExit(f"expected every sentence to be heard, found {sorted(failures)}")


if __name__ == "__main__":
    main()
