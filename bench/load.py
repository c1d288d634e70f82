"""Many streams from one cheap process.

    python -m bench.load --port N --streams 4 --seconds 10

asyncio's protocols, not trio: a callback per read and no task per socket is the least that Python can
do for a socket, and the client must not limit the result.  A bench also reports the client's share of a
core and how late its loop was (`ClientWatch`); `bench.client_alone` measures the client's own limit.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections.abc import Callable
from typing import cast

import attrs

from bench.heard import Heard, audio_of, stream_target
from bench.percentiles import milliseconds
from bench.texts import SENTENCES
from bench.wire import CLOSE, PING, PONG, TEXT, FrameReader, WireError, close, frame, message, upgrade

UTTERANCE_TIMEOUT_S = 60.0
TICK_S = 0.005
SPEAKING = "speaking"
"""This program prints it after it has heard its first utterance."""


@attrs.frozen(kw_only=True)
class Address:
    """Where to speak, and as what."""

    host: str
    port: int
    voice_id: str
    output_format: str = "pcm_24000"


class Conversation(asyncio.Protocol):
    """One `stream-input` socket.  `opened` and `ended` are done when it is."""

    def __init__(self, address: Address) -> None:
        loop = asyncio.get_running_loop()
        self.heard = Heard(output_format=address.output_format)
        self.opened: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[None] = loop.create_future()
        self.messages = 0
        self._address = address
        self._frames = FrameReader()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        address = self._address
        self._transport.write(upgrade(address.host, stream_target(address.voice_id, address.output_format)))

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        try:
            for opcode, payload in self._frames.feed(data):
                self._take(now, opcode, payload)
        except WireError as error:
            self.heard.failure = str(error)
            self._transport.abort()
            return
        if self._frames.is_open and not self.opened.done():
            self.heard.opened_at = now
            self.opened.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self.heard.ended_at = time.perf_counter()
        if not self.heard.arrivals and self.heard.failure is None:
            self.heard.failure = "closed without audio"
        for future in (self.opened, self.ended):
            if not future.done():
                future.set_result(None)

    def _take(self, now: float, opcode: int, payload: bytes) -> None:
        self.messages += 1
        if opcode == TEXT:
            audio = audio_of(payload)
            if audio:
                self.heard.add(now, audio)
            elif b'"error"' in payload:
                self.heard.failure = json.loads(payload)["error"]
        elif opcode == PING:
            self._transport.write(frame(PONG, payload))
        elif opcode == CLOSE:
            self._transport.write(close())
            self._transport.close()

    def greet(self) -> None:
        """Send the first message."""
        self._transport.write(message({"text": " "}))

    def say_all(self, text: str) -> None:
        """Release a whole text and end, in one write."""
        release = message({"text": text + " ", "flush": True}) + message({"text": ""})
        self.heard.released_at = time.perf_counter()
        self._transport.write(release)

    def abort(self) -> None:
        """Vanish."""
        self._transport.abort()


async def open_conversation(address: Address) -> Conversation:
    """Open a socket and greet the server.  If that fails, `heard` says why."""
    loop = asyncio.get_running_loop()
    _, conversation = await loop.create_connection(lambda: Conversation(address), address.host, address.port)
    await conversation.opened
    if conversation.heard.failure is None:
        conversation.greet()
    return conversation


async def say(address: Address, text: str) -> Heard:
    """One utterance on a socket of its own, heard to its end; never raises for what the server does."""
    try:
        conversation = await open_conversation(address)
    except OSError as error:
        return Heard(output_format=address.output_format, failure=type(error).__name__)
    heard = conversation.heard
    if heard.failure is None:
        conversation.say_all(text)
        try:
            await asyncio.wait_for(asyncio.shield(conversation.ended), UTTERANCE_TIMEOUT_S)
        except TimeoutError:
            heard.failure = "timeout"
            conversation.abort()
    return heard


@attrs.define(eq=False)
class ClientWatch:
    """How busy the client itself was: use as `async with`."""

    cpu_share: float = 0.0
    """Share of one core."""
    lags_s: list[float] = attrs.field(factory=list)
    """How late the client's loop woke up for a timer: it cannot have stamped a frame later than that."""

    _begun: float = 0.0
    _cpu: float = 0.0
    _task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> ClientWatch:
        self._begun, self._cpu = time.perf_counter(), time.process_time()
        self._task = asyncio.create_task(self._tick())
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._task is not None
        self._task.cancel()
        self.cpu_share = (time.process_time() - self._cpu) / (time.perf_counter() - self._begun)

    async def _tick(self) -> None:
        while True:
            due = time.perf_counter() + TICK_S
            await asyncio.sleep(TICK_S)
            self.lags_s.append(time.perf_counter() - due)

    def figures(self) -> dict[str, object]:
        """For a result line."""
        return {"cpu_share": round(self.cpu_share, 3), "lag_ms": milliseconds(self.lags_s)}


async def closed_loop(
    address: Address, streams: int, seconds: float, seed: int, heard: Callable[[Heard], None]
) -> None:
    """Keep `streams` utterances going for a while: when one ends its stream says the next.

    A stream that was refused waits a tenth of a second before it tries again.
    """
    until = time.perf_counter() + seconds

    async def one(number: int) -> None:
        chance = random.Random(f"{seed} {number}")
        await asyncio.sleep(chance.uniform(0, min(0.5, seconds / 4)))
        while time.perf_counter() < until:
            result = await say(address, chance.choice(SENTENCES))
            result.forget_audio()
            heard(result)
            if result.failure:
                await asyncio.sleep(0.1)

    await asyncio.gather(*(one(number) for number in range(streams)))


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--host", default="127.0.0.1")
    made.add_argument("--port", type=int, required=True)
    made.add_argument("--voice", default="zeli-voice-1")
    made.add_argument("--format", default="pcm_24000")
    made.add_argument("--streams", type=int, default=4)
    made.add_argument("--seconds", type=float, default=10.0)
    made.add_argument("--seed", type=int, default=7)
    said = made.parse_args()
    address = Address(host=said.host, port=said.port, voice_id=said.voice, output_format=said.format)
    everything: list[Heard] = []

    def note(heard: Heard) -> None:
        if not everything:
            print(SPEAKING, flush=True)
        everything.append(heard)

    asyncio.run(closed_loop(address, said.streams, said.seconds, said.seed, note))
    failures = [heard.failure for heard in everything if heard.failure]
    first_ms = milliseconds([heard.first_s for heard in everything if not heard.failure])
    print(json.dumps({"bench": "load", "what": "spoken", "first_ms": first_ms, "failures": failures}))


if __name__ == "__main__":
    main()
