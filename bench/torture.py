"""Thousands of hostile clients, and one listener: its audio must not change.

    python -m bench.torture --connections 200000

First every request of `bench.hostile` is cut at every byte and ended in every way.  Then come mutated
requests and pipelines of them.  Meanwhile one listener speaks the same seeded text again and again.  Every
sample is compared with that of the undisturbed server.

Hostile clients have no valid key, so only the listener speaks.  With --speaking they have one.  One client in
eight visits the Wyoming port, which has no keys, so its text is spoken.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import numpy as np

from bench.hostile import (
    KEY,
    Visit,
    cut_visits,
    door_requests,
    random_visits,
    requests,
    wyoming_requests,
)
from bench.options import parse, parser
from bench.server_process import ServerProcess, free_port, open_server
from zelitrio.bench_client import audio_of, wire

AT_ONCE = 48
MAIN_SHARE = 8
"""One visit in this many goes to the second port."""
WAIT_S = 1.0
"""Wait for an answer.  A half request gets none, because the server waits for its rest."""
BUSY_PAUSE_S = 0.5
LISTEN_TIMEOUT_S = 600.0
"""A busy machine may take minutes for a sentence at the lowest priority."""
LISTENER_KEY = "sk-zeli-listener"
TEXT_SAID = "The listener hears every sample of this sentence, whatever other clients do meanwhile."


class BusyError(Exception):
    """The server is at its capacity; the request can be repeated."""


@attrs.define(eq=False)
class Listener:
    """Speaks the same text again and again, in its own thread."""

    server: ServerProcess
    voice_id: str
    first: bytes = b""
    times: int = 0
    busy: int = 0
    different: int = 0
    most_lsb: int = 0
    failure: str | None = None
    longest_s: float = 0.0
    _stop: threading.Event = attrs.field(factory=threading.Event, init=False)

    def run(self) -> None:
        """Run until `stop` is called."""
        try:
            while not self._stop.is_set():
                began = time.perf_counter()
                try:
                    audio = self._listen()
                except BusyError:
                    self.busy += 1
                    time.sleep(BUSY_PAUSE_S)
                    continue
                self.longest_s = max(self.longest_s, time.perf_counter() - began)
                self.times += 1
                self.first = self.first or audio
                if audio != self.first:
                    self.different += 1
                    self.most_lsb = max(self.most_lsb, _difference(audio, self.first))
        except (OSError, AssertionError) as error:
            self.failure = repr(error)

    def figures(self) -> dict[str, object]:
        """The listener's results."""
        return {
            "times": self.times,
            "busy": self.busy,
            "different": self.different,
            "most_lsb": self.most_lsb,
            "failure": self.failure,
            "longest_s": round(self.longest_s, 2),
            "sha256": hashlib.sha256(self.first).hexdigest()[:16],
        }

    def stop(self) -> None:
        """Let the thread end after its present sentence."""
        self._stop.set()

    def _listen(self) -> bytes:
        target = f"/v1/text-to-speech/{self.voice_id}/stream-input?output_format=pcm_24000&seed=7"
        frames, audio = wire.FrameReader(), b""
        with socket.create_connection(
            (self.server.host, self.server.port), timeout=LISTEN_TIMEOUT_S
        ) as opened:
            opened.sendall(wire.upgrade(self.server.host, f"{target}&authorization={LISTENER_KEY}"))
            while not frames.is_open:
                data = opened.recv(65536)
                assert data, "the server closed before the upgrade"
                assert not list(frames.feed(data))
            said: tuple[dict[str, object], ...] = (
                {"text": " "},
                {"text": TEXT_SAID, "flush": True},
                {"text": ""},
            )
            opened.sendall(b"".join(wire.message(fields) for fields in said))
            while True:
                data = opened.recv(1 << 18)
                assert data, "the server left in mid-sentence"
                for opcode, payload in frames.feed(data):
                    if opcode == wire.TEXT:
                        if b'"system_busy"' in payload:
                            raise BusyError
                        assert b'"error"' not in payload, payload[:200]
                        audio += audio_of(payload) or b""
                    elif opcode == wire.PING:
                        opened.sendall(wire.frame(wire.PONG, payload))
                    elif opcode == wire.CLOSE:
                        with contextlib.suppress(OSError):
                            opened.sendall(wire.close())
                        return audio


def _difference(one: bytes, other: bytes) -> int:
    """The largest difference of two samples; above the range of samples if the lengths differ."""
    if len(one) != len(other):
        return 1 << 16
    samples = [np.frombuffer(audio, "<i2").astype(np.int32) for audio in (one, other)]
    return int(np.abs(samples[0] - samples[1]).max(initial=0))


async def visit(host: str, port: int, one: Visit) -> str:
    """Make one connection; return the status of the first answer, or the kind of end without an answer."""
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError as error:
        return type(error).__name__
    heard = b""
    try:
        for number, part in enumerate(one.parts):
            if number and one.pause_s:
                await asyncio.sleep(one.pause_s)
            writer.write(part)
            await asyncio.wait_for(writer.drain(), WAIT_S)
        if one.ending == "half":
            writer.write_eof()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WAIT_S):
                while (len(heard) < one.reads or one.ending in ("half", "stay")) and (
                    data := await reader.read(65536)
                ):
                    heard = heard or data
        if one.ending == "reset":
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    except (OSError, TimeoutError) as error:
        return type(error).__name__
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    return heard[9:12].decode("latin-1") if heard.startswith(b"HTTP/1.1 ") else "no answer"


async def visit_all(host: str, visits: Iterator[tuple[int, Visit]], at_once: int = AT_ONCE) -> Counter[str]:
    """Make all visits, each to its port, `at_once` at a time; return the count of each status."""
    seen: Counter[str] = Counter()

    async def work() -> None:
        for port, one in visits:
            seen[await visit(host, port, one)] += 1

    await asyncio.gather(*(work() for _ in range(at_once)))
    return seen


def main(arguments: list[str] | None = None) -> None:
    """Run the bench, and report on the server and the listener."""
    made = parser(__doc__)
    made.add_argument("--connections", type=int, default=20_000)
    made.add_argument("--cut-every", type=int, default=1, help="bytes between two cuts of a request")
    made.add_argument("--speaking", action="store_true", help="give the hostile clients a key")
    options = parse(made, arguments)
    report = options.report("torture")
    voice_id = options.chosen_voice().voice_id
    flags = [*options.server_flags(), "--api-key", LISTENER_KEY]
    flags += ["--api-key", KEY] if options.extra.speaking else []
    wyoming_port = free_port()
    with open_server([*flags, "--wyoming-port", str(wyoming_port)]) as server:
        listener = Listener(server, voice_id)
        thread = threading.Thread(target=listener.run)
        thread.start()
        while listener.times < 2 and listener.failure is None:
            time.sleep(0.05)
        before = held(server)
        visits = visits_of(
            {
                server.port: (*requests(voice_id), *door_requests(voice_id)),
                wyoming_port: wyoming_requests(),
            },
            options.extra.cut_every,
            options.seed,
        )
        begin = time.perf_counter()
        chosen = itertools.islice(visits, options.extra.connections)
        seen = asyncio.run(visit_all(server.host, chosen))
        took_s = time.perf_counter() - begin
        listener.stop()
        thread.join()
        time.sleep(3.0)
        after, figures = held(server), server.metrics()
    report.line(
        "torture",
        connections=seen.total(),
        seconds=round(took_s, 1),
        statuses=dict(seen.most_common()),
        connections_failed=figures["zelitrio_connections_failed_total"],
        listener=listener.figures(),
        before=before,
        after=after,
    )
    rows = [[name, before[name], after[name]] for name in before]
    report.table(
        ["what", "before", "after"], rows, f"{listener.times} times heard, {listener.different} differ"
    )


def visits_of(known: dict[int, Sequence[bytes]], cut_every: int, seed: int) -> Iterator[tuple[int, Visit]]:
    """Yield visits with their ports without end: for each port first cut requests, then mutated ones.

    Args:
        known: valid requests for each of two ports; the first port gets seven visits of eight.
        cut_every: bytes between two cuts of a request.
        seed: seed of the mutations.
    """
    endless = [
        (port, itertools.chain(cut_visits(data, cut_every), random_visits(data, seed)))
        for port, data in known.items()
    ]
    for number in itertools.count():
        port, visits = endless[-1 if number % MAIN_SHARE == 0 else 0]
        yield port, next(visits)


def held(server: ServerProcess) -> dict[str, float]:
    """Return the server's resources."""
    return {
        "resident_mib": round(server.resident_mib()[0], 1),
        "descriptors": len(list(Path(f"/proc/{server.pid}/fd").iterdir())),
    }


if __name__ == "__main__":
    main()
