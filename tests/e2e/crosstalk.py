"""Check that a context never gets another one's audio: many contexts on a few sockets, most of them
cancelled.

`python tests/e2e/crosstalk.py ws://localhost:8020 KEY 1000` is a long run against any server.
"""

from __future__ import annotations

import base64
import json
import random
import sys
from collections.abc import Iterator
from itertools import count

import attrs
import numpy as np
import trio
from numpy.typing import NDArray
from trio_websocket import WebSocketConnection, open_websocket_url

SOCKETS, CONTEXTS = 4, 5
CANCELLED_SHARE = 0.8
LONGEST_HEARD_S = 1.5
"""A context is cancelled after a random time up to this."""
RETRY_S = 0.2
TOLERANCE = 2e-3
"""Relative to full scale.  Another batch changes the rounding of the same speech; other speech differs
more."""
TEXTS = (
    "The first of them speaks about the weather, which has been fine.",
    "Number two counts to ten, slowly, and then starts all over again.",
    "A third one reads a recipe for bread with olives and rosemary.",
    "The fourth is telling a joke that nobody has ever laughed about.",
    "And the fifth one only repeats what has been said before, at length.",
)
Audio = NDArray[np.float32]


@attrs.define
class Findings:
    """The observed differences."""

    cancelled: int = 0
    refused: int = 0
    """Requests that the server refused at its capacity; each is repeated."""
    finished: int = 0
    heard_s: float = 0.0
    wrong: list[str] = attrs.field(factory=list)


@attrs.define(eq=False)
class _Context:
    """One context on the client's side."""

    text: int
    cut_after_s: float | None
    parts: list[bytes] = attrs.field(factory=list)
    is_cut: bool = False
    is_refused: bool = False
    over: trio.Event = attrs.field(factory=trio.Event)

    @property
    def audio(self) -> Audio:
        return np.frombuffer(b"".join(self.parts), "<i2").astype(np.float32) / 32768

    @property
    def heard_s(self) -> float:
        return sum(map(len, self.parts)) / 48_000


async def run(url: str, key: str, voice: str, contexts: int, seed: int) -> Findings:
    """Open `contexts` contexts in all, and compare each with the same text spoken without others."""
    chance = random.Random(seed)
    findings = Findings()
    address = f"{url}/v1/text-to-speech/{voice}/multi-stream-input"
    address += "?output_format=pcm_24000&auto_mode=true&seed=3"
    headers = [("xi-api-key", key)]
    async with open_websocket_url(address, extra_headers=headers) as socket:
        alone = _Listener(socket, [], findings)
        solo = [await alone.hear_whole(text) for text in range(len(TEXTS))]
    findings.finished = 0
    left = count(contexts, -1)
    async with trio.open_nursery() as nursery:
        for _ in range(SOCKETS):
            nursery.start_soon(_one_socket, address, headers, solo, findings, chance, left)
    return findings


async def _one_socket(
    address: str,
    headers: list[tuple[str, str]],
    solo: list[Audio],
    findings: Findings,
    chance: random.Random,
    left: Iterator[int],
) -> None:
    async with open_websocket_url(address, extra_headers=headers) as socket:
        listener = _Listener(socket, solo, findings)
        async with trio.open_nursery() as readers:
            readers.start_soon(listener.read)
            async with trio.open_nursery() as nursery:
                for _ in range(CONTEXTS):
                    nursery.start_soon(listener.open_many, chance, left)
            readers.cancel_scope.cancel()


class _Listener:
    """Reads one socket and knows which context each frame may belong to."""

    def __init__(self, socket: WebSocketConnection, solo: list[Audio], findings: Findings) -> None:
        self._socket = socket
        self._solo = solo
        self._findings = findings
        self._contexts: dict[str, _Context] = {}
        self._names = count()

    async def hear_whole(self, text: int) -> Audio:
        """Speak a whole text as the only context of the socket."""
        context = _Context(text, None)
        await self._open(context)
        while not context.over.is_set():
            await self._take(json.loads(await self._socket.get_message()))
        return context.audio

    async def open_many(self, chance: random.Random, left: Iterator[int]) -> None:
        """Open contexts one after the other until `left` is empty."""
        while next(left) > 0:
            await self._once(chance)

    async def _once(self, chance: random.Random) -> None:
        cut_after_s = chance.random() * LONGEST_HEARD_S if chance.random() < CANCELLED_SHARE else None
        text = chance.randrange(len(TEXTS))
        while True:
            context = _Context(text, cut_after_s)
            await self._open(context)
            await context.over.wait()
            if not context.is_refused:
                return
            await trio.sleep(RETRY_S)

    async def read(self) -> None:
        """Read frames until cancelled."""
        while True:
            await self._take(json.loads(await self._socket.get_message()))

    async def _open(self, context: _Context) -> None:
        name = f"{context.text}-{next(self._names)}"
        self._contexts[name] = context
        await self._send(text=" ", context_id=name, voice_settings={"stability": 1.0})
        await self._send(text=TEXTS[context.text], context_id=name)
        if context.cut_after_s is None:
            await self._send(context_id=name, flush=True)
            await self._send(context_id=name, close_context=True)

    async def _take(self, frame: dict[str, object]) -> None:
        name = str(frame.get("contextId"))
        context = self._contexts.get(name)
        if context is not None and frame.get("error") == "system_busy" and not context.parts:
            context.is_refused = True
            return
        if context is None or context.over.is_set() or "error" in frame:
            self._findings.wrong.append(f"{name}: {str(frame)[:80]} where nothing was to come")
            return
        if frame["audio"]:
            context.parts.append(base64.b64decode(str(frame["audio"])))
        if frame["isFinal"]:
            if context.is_refused:
                self._findings.refused += 1
            else:
                self._judge(name, context)
            context.over.set()
        elif (
            context.cut_after_s is not None and context.heard_s >= context.cut_after_s and not context.is_cut
        ):
            context.is_cut = True
            await self._send(context_id=name, close_context=True)

    def _judge(self, name: str, context: _Context) -> None:
        findings, heard = self._findings, context.audio
        findings.heard_s += context.heard_s
        findings.cancelled += context.is_cut
        findings.finished += not context.is_cut
        if not self._solo:
            return
        alone = self._solo[context.text]
        if len(heard) > len(alone) or (not context.is_cut and len(heard) != len(alone)):
            findings.wrong.append(f"{name}: {len(heard)} samples of {len(alone)}")
        elif len(heard) and (off := float(np.abs(heard - alone[: len(heard)]).max())) > TOLERANCE:
            findings.wrong.append(f"{name}: differs by {off:.4f}")

    async def _send(self, **fields: object) -> None:
        await self._socket.send_message(json.dumps(fields))


if __name__ == "__main__":
    said = trio.run(run, sys.argv[1], sys.argv[2], "zeli-voice-1", int(sys.argv[3]), 7)
    counts = f"{said.cancelled} cut off, {said.finished} finished, {said.refused} times refused"
    print(f"{counts}, {said.heard_s:.0f} s heard, {len(said.wrong)} wrong")
    print("\n".join(said.wrong[:20]))
