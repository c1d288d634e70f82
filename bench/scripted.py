"""The server's own cost: processor time for each message with 1, 50 and 500 connections.

    python -m bench.scripted --seconds 5

A scripted engine hands out a tone at a set pace.  The real server sends --rate messages a second in all,
shared by the connections.  The cost of a message should not depend on the number of connections.  For
comparison, uvicorn with websockets sends the same bytes at the same pace and does nothing else.
"""

from __future__ import annotations

import asyncio
import time

from bench.options import Options, counts, parse, parser
from bench.report import Report
from bench.scripted_engine import VOICE_ID
from bench.server_process import ServerProcess, open_server
from zelitrio.bench_client import Address, ClientWatch, Conversation, milliseconds, open_conversation, wire

SERVERS = {"zelitrio": "bench.scripted_server", "uvicorn": "bench.uvicorn_server"}
OPENED_AT_ONCE = 25


def main() -> None:
    made = parser(__doc__)
    made.add_argument(
        "--seconds", type=float, default=6.0, help="duration for each server and number of connections"
    )
    made.add_argument("--connections", type=counts, default=(1, 50, 500))
    made.add_argument(
        "--rate", type=float, default=400.0, help="messages per second, all connections together"
    )
    made.add_argument("--block-ms", type=float, default=200.0, help="audio per message")
    options = parse(made)
    report = options.report("scripted")
    rows = []
    firsts: dict[str, float] = {}
    for connections in options.extra.connections:
        for name in SERVERS:
            cpu_us, row = measure(options, name, connections, report)
            rows.append([*row, cpu_us / firsts.setdefault(name, cpu_us)])
    heads = ["server", "connections", "messages/s", "cpu us/message", "late p99 ms", "MiB/connection"]
    report.table([*heads, f"over {options.extra.connections[0]}"], rows)


def measure(options: Options, name: str, connections: int, report: Report) -> tuple[float, list[object]]:
    """Measure one server with this number of connections."""
    extra = options.extra
    every_s = connections / extra.rate
    blocks = max(2, round((extra.seconds + 3.0) / every_s))
    flags = ["--block-ms", str(extra.block_ms), "--every-s", str(every_s), "--blocks", str(blocks)]
    with open_server(flags, ("-m", SERVERS[name])) as server:
        before_mib, _ = server.resident_mib()
        messages, cpu_s, wall_s, late_s, watch = asyncio.run(
            speak(server, connections, extra.seconds, every_s)
        )
        after_mib, _ = server.resident_mib()
    cpu_us = cpu_s / max(messages, 1) * 1e6
    late = milliseconds(late_s)
    each_mib = (after_mib - before_mib) / connections
    report.line(
        f"{name}, {connections} connections",
        server=name,
        connections=connections,
        messages_per_s=messages / wall_s,
        cpu_us_per_message=cpu_us,
        cpu_share=cpu_s / wall_s,
        late_ms=late,
        mib_per_connection=each_mib,
        client=watch.figures(),
    )
    return cpu_us, [name, connections, messages / wall_s, cpu_us, late.get("p99"), each_mib]


async def speak(
    server: ServerProcess, connections: int, seconds: float, every_s: float
) -> tuple[int, float, float, list[float], ClientWatch]:
    """Open all connections, release their texts spread over one period, and count for a while."""
    address = Address(host=server.host, port=server.port, voice_id=VOICE_ID)
    conversations: list[Conversation] = []
    for opened in range(0, connections, OPENED_AT_ONCE):
        count = min(OPENED_AT_ONCE, connections - opened)
        conversations += await asyncio.gather(*(open_conversation(address) for _ in range(count)))
    assert not any(one.heard.failure for one in conversations), conversations[0].heard.failure
    step_s = every_s / connections
    due = time.perf_counter() + 0.2
    for number, one in enumerate(conversations):
        await asyncio.sleep(due + number * step_s - time.perf_counter())
        one.say_all("A tone.")
    await asyncio.sleep(every_s + 0.5)

    before = sum(one.messages for one in conversations)
    for one in conversations:
        one.heard.forget_audio()
    begin, cpu_s = time.perf_counter(), server.cpu_s()
    async with ClientWatch() as watch:
        await asyncio.sleep(seconds)
    wall_s, cpu_s = time.perf_counter() - begin, server.cpu_s() - cpu_s
    messages = sum(one.messages for one in conversations) - before
    late_s = [late for one in conversations for late in _lateness(one, begin, begin + wall_s, every_s)]
    failures = {one.heard.failure for one in conversations if one.heard.failure}
    if failures or not messages:
        raise wire.WireError(
            f"expected {connections} streams to speak, found {messages} messages, {failures}"
        )
    for one in conversations:
        one.abort()
    return messages, cpu_s, wall_s, late_s, watch


def _lateness(conversation: Conversation, begin: float, end: float, every_s: float) -> list[float]:
    """Return how late each frame came, relative to the pace and to the most punctual frame."""
    times = [at for at, _ in conversation.heard.arrivals]
    offsets = [at - number * every_s for number, at in enumerate(times)]
    first = min(offsets, default=0.0)
    return [offset - first for at, offset in zip(times, offsets, strict=True) if begin <= at <= end]


if __name__ == "__main__":
    main()
