"""The most messages that the bench's client can receive from a process that repeats one message.

    python -m bench.client_alone

The other benches are valid only for servers that send far fewer messages than this.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

from bench.options import parse, parser
from zelitrio.bench_client import Address, open_conversation

_REPEATER = """
import socket, sys
listener = socket.create_server(("127.0.0.1", 0)); print(listener.getsockname()[1], flush=True)
peer, _ = listener.accept(); peer.recv(65536)
audio = b'{"audio":"' + b"A" * 12800 + b'","isFinal":null,"normalizedAlignment":null,"alignment":null}'
frame = b"\\x81\\x7e" + len(audio).to_bytes(2, "big") + audio
peer.sendall(b"HTTP/1.1 101 Switching Protocols\\r\\n\\r\\n")
for _ in range(int(sys.argv[1])):
    peer.sendall(frame)
peer.shutdown(socket.SHUT_WR)
while peer.recv(65536):
    pass
"""


def most_messages_per_s(count: int) -> tuple[float, float]:
    """Return how many messages of 200 ms of PCM the client takes per second, and its CPU us for each."""
    arguments = [sys.executable, "-c", _REPEATER, str(count)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as repeater:
        assert repeater.stdout is not None
        address = Address(host="127.0.0.1", port=int(repeater.stdout.readline()), voice_id="any")

        async def take_all() -> int:
            conversation = await open_conversation(address)
            await conversation.ended
            return conversation.messages

        begin, cpu = time.perf_counter(), time.process_time()
        taken = asyncio.run(take_all())
        wall_s, cpu_s = time.perf_counter() - begin, time.process_time() - cpu
    assert taken == count
    return count / wall_s, cpu_s / count * 1e6


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--messages", type=int, default=20_000)
    options = parse(made)
    report = options.report("client_alone")
    per_s, cpu_us = most_messages_per_s(options.extra.messages)
    report.line("client alone", messages_per_s=per_s, cpu_us_per_message=cpu_us)
    report.table(["", "messages/s", "cpu us/message"], [["client alone", per_s, cpu_us]])


if __name__ == "__main__":
    main()
