"""The effect of clients that stop reading on another client's first audio.

    python -m bench.stalled --rounds 3

One stream is measured without other clients, then together with --stalled sockets, in turns.  Each of these
sends a minute of text and reads nothing.  The engine must pass over their streams, the loop must not wait for
them, and the write deadline must close them.
"""

from __future__ import annotations

import time

from bench.first_audio import over_socket
from bench.one_socket import OneSocket
from bench.options import parse, parser
from bench.report import Report
from bench.server_process import ServerProcess, open_server
from zelitrio.bench_client import LONG_TEXT, SENTENCES, milliseconds, stream_target

FORMAT = "pcm_24000"
RECEIVE_BYTES = 4096
STALL_S = 2.0
"""Time until the system's buffers are full and the server's sends wait."""


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--rounds", type=int, default=3)
    made.add_argument("--stalled", type=int, default=8)
    made.add_argument(
        "--utterances", type=int, default=20, help="utterances measured in each half of a round"
    )
    options = parse(made)
    report = options.report("stalled")
    voice_id = options.chosen_voice().voice_id
    alone: list[float] = []
    beside: list[float] = []
    with open_server(options.server_flags()) as server:
        listen(server, voice_id, 5)
        for _ in range(options.extra.rounds):
            alone += listen(server, voice_id, options.extra.utterances)
            stalled = [stall(server, voice_id) for _ in range(options.extra.stalled)]
            time.sleep(STALL_S)
            active = server.metrics()["zelitrio_streams_active"]
            beside += listen(server, voice_id, options.extra.utterances)
            for one in stalled:
                one.vanish()
            time.sleep(0.2)
    tell(report, alone, beside, active, options.extra.stalled)


def tell(report: Report, alone: list[float], beside: list[float], active: float, stalled: int) -> None:
    one, other = milliseconds(alone), milliseconds(beside)
    changes = {name: other[name] / one[name] for name in ("p50", "p95", "p99")}
    report.line("first audio", alone_ms=one, beside_ms=other, change=changes, streams_active=active)
    names = ("p50", "p95", "p99")
    rows = [
        ["alone", *(one[name] for name in names)],
        [f"beside {stalled}", *(other[name] for name in names)],
    ]
    report.table(["ms", *names], [*rows, ["change", *changes.values()]])


def stall(server: ServerProcess, voice_id: str) -> OneSocket:
    """Open a socket, send a minute of text and read nothing."""
    one = OneSocket(server.host, server.port, stream_target(voice_id, FORMAT), FORMAT, RECEIVE_BYTES)
    one.release(LONG_TEXT)
    return one


def listen(server: ServerProcess, voice_id: str, utterances: int) -> list[float]:
    """Return the first audio of `utterances` utterances, one at a time."""
    texts = (SENTENCES * utterances)[:utterances]
    return [over_socket(server, voice_id, text, FORMAT)[0] for text in texts]


if __name__ == "__main__":
    main()
