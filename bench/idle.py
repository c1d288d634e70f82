"""The cost of idle sockets: the server's processor time and memory.

    python -m bench.idle --sockets 200 --seconds 20

Each is a greeted `multi-stream-input` socket between turns.  Clients with keep-alives send one every ten
seconds, as Pipecat does.  The server pings all sockets.
"""

from __future__ import annotations

import select
import time

from bench.one_socket import OneSocket
from bench.options import parse, parser
from bench.server_process import ServerProcess, open_server
from zelitrio.bench_client import multi_target, wire

KEEP_ALIVE_S = 10.0
SETTLE_S = 2.0
FORMAT = "pcm_24000"


def main(arguments: list[str] | None = None) -> None:
    """Run the bench."""
    made = parser(__doc__)
    made.add_argument("--sockets", type=int, default=200)
    made.add_argument("--seconds", type=float, default=20.0)
    options = parse(made, arguments)
    extra = options.extra
    report = options.report("idle")
    rows = []
    with open_server(options.server_flags()) as server:
        voice_id = options.chosen_voice().voice_id
        bare = _watch(server, [], extra.seconds / 2)
        before_mib = server.resident_mib()[0]
        target = multi_target(voice_id, FORMAT)
        sockets = [OneSocket(server.host, server.port, target, FORMAT) for _ in range(extra.sockets)]
        _watch(server, sockets, SETTLE_S)
        each_kib = 1024 * (server.resident_mib()[0] - before_mib) / extra.sockets
        share = _watch(server, sockets, extra.seconds)
        for one in sockets:
            one.close()
    figures = {
        "core_share": round(share - bare, 5),
        "core_share_without": round(bare, 5),
        "each_kib": round(each_kib, 1),
    }
    report.line("sockets", sockets=extra.sockets, **figures)
    rows.append([extra.sockets, *figures.values()])
    report.table(["sockets", *figures], rows)


def _watch(server: ServerProcess, sockets: list[OneSocket], seconds: float) -> float:
    """Answer pings and send keep-alives for a while; return the share of a core that the server used."""
    readers = {one.socket: wire.FrameReader() for one in sockets}
    for reader in readers.values():
        reader.is_open = True
    began, used_s = time.perf_counter(), server.cpu_s()
    keep_alive_at = began + KEEP_ALIVE_S
    while (now := time.perf_counter()) < began + seconds:
        if now >= keep_alive_at:
            keep_alive_at += KEEP_ALIVE_S
            for one in sockets:
                one.socket.sendall(wire.message({"text": ""}))
        for ready in select.select(list(readers), [], [], 0.2)[0]:
            data = ready.recv(65536)
            assert data, "the server closed an idle socket"
            for opcode, payload in readers[ready].feed(data):
                assert opcode != wire.TEXT, payload
                if opcode == wire.PING:
                    ready.sendall(wire.frame(wire.PONG, payload))
    return (server.cpu_s() - used_s) / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
