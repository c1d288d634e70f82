"""First byte over HTTP and first audio over a socket: the same text, in turns.

    python -m bench.http_first --rounds 30

Both times start when the request, or the flush that releases the text, is handed to the system on an open
connection.  They end with the first bytes of audio.
"""

from __future__ import annotations

import http.client
import json
import time

from bench.one_socket import OneSocket
from bench.options import parse, parser
from bench.server_process import open_server
from zelitrio.bench_client import milliseconds, stream_target

TEXT = "It is ten past nine in the morning, and the sun is out."
FORMAT = "pcm_24000"


def main(arguments: list[str] | None = None) -> None:
    """Run the bench."""
    made = parser(__doc__)
    made.add_argument("--rounds", type=int, default=30)
    options = parse(made, arguments)
    report = options.report("http_first")
    over_http: list[float] = []
    over_socket: list[float] = []
    with open_server(options.server_flags()) as server:
        voice_id = options.chosen_voice().voice_id
        connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
        connection.connect()
        for turn in range(options.extra.rounds + 1):
            first_s = _over_http(connection, voice_id)
            one = OneSocket(server.host, server.port, stream_target(voice_id, FORMAT), FORMAT)
            one.release(TEXT)
            second_s = one.wait_first()
            one.end()
            one.wait_end()
            if turn:  # the first round warms up
                over_http.append(first_s)
                over_socket.append(second_s)
        connection.close()
    figures = {"http": milliseconds(over_http), "socket": milliseconds(over_socket)}
    for what, one_way in figures.items():
        report.line(what, first_ms=one_way)
    ratio = sorted(over_http)[len(over_http) // 2] / sorted(over_socket)[len(over_socket) // 2]
    report.line("ratio", of_medians=round(ratio, 3))
    rows = [[what, one_way["p50"], one_way["p95"], one_way["max"]] for what, one_way in figures.items()]
    report.table(["way", "p50 ms", "p95", "max"], rows, f"ratio of the medians {ratio:.3f}")


def _over_http(connection: http.client.HTTPConnection, voice_id: str) -> float:
    began = time.perf_counter()
    connection.request(
        "POST",
        f"/v1/text-to-speech/{voice_id}/stream?output_format={FORMAT}",
        json.dumps({"text": TEXT}),
        {"content-type": "application/json"},
    )
    answer = connection.getresponse()
    answer.read(1)
    took_s = time.perf_counter() - began
    answer.read()
    return took_s


if __name__ == "__main__":
    main()
