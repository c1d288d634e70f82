"""A socket in memory between the test as the client and the conversation as the server."""

from __future__ import annotations

import base64
from collections import deque
from contextlib import asynccontextmanager
from typing import Any

import attrs
import numpy as np
import orjson
import trio
from scripted_engine import ScriptedEngine

from zelitrio.protocol import parse_socket_target
from zelitrio.session import (
    Observer,
    PeerLeft,
    Service,
    run_socket,
)
from zelitrio.session.service import Account
from zelitrio.settings import SessionSettings
from zelitrio.text import load_front_end


@attrs.define(eq=False)
class MemorySocket:
    """Both ends.  `frames` are the client's messages with their virtual times."""

    to_server: trio.MemorySendChannel[Any] = attrs.field(init=False)
    _incoming: trio.MemoryReceiveChannel[Any] = attrs.field(init=False)
    frames: list[tuple[float, dict[str, Any]]] = attrs.field(factory=list)
    closed: tuple[int, str] | None = None
    closed_at: float | None = None
    stalled: bool = False
    pause_s: float = 0.0
    """Time that the peer takes for a message."""
    _offered: deque[str] = attrs.field(factory=deque, init=False)

    def __attrs_post_init__(self) -> None:
        self.to_server, self._incoming = trio.open_memory_channel(1000)

    # The transport that the conversation uses.

    async def receive(self) -> str | bytes:
        try:
            message = await self._incoming.receive()
        except (trio.EndOfChannel, trio.ClosedResourceError):
            raise PeerLeft("closed") from None
        return message

    def receive_nowait(self) -> str | bytes | None:
        return None

    def offer(self, *messages: str) -> bool:
        is_free = not (self.stalled or self.pause_s or self._offered)
        self._offered.extend(messages)
        if is_free:
            for _ in messages:
                self._arrive()
        return is_free

    async def flush(self) -> None:
        await trio.lowlevel.checkpoint()
        while self._offered:
            if self.stalled:
                await trio.sleep(10)
                raise PeerLeft("took too long")
            await trio.sleep(self.pause_s)
            self._arrive()

    def _arrive(self) -> None:
        self.frames.append((trio.current_time(), orjson.loads(self._offered.popleft())))

    def close_nowait(self, code: int, reason: str) -> float | None:
        return None

    async def close(self, code: int, reason: str) -> None:
        await trio.lowlevel.checkpoint()
        if self.closed is None:
            self.closed, self.closed_at = (code, reason), trio.current_time()

    # The client's side.

    def say(self, **fields: Any) -> None:
        self.to_server.send_nowait(orjson.dumps(fields).decode())

    def raw(self, message: str | bytes) -> None:
        self.to_server.send_nowait(message)

    def leave(self) -> None:
        self.to_server.close()

    def audio(self, context: str | None = None) -> bytes:
        return b"".join(
            base64.b64decode(frame["audio"])
            for _, frame in self.frames
            if frame.get("audio") and frame.get("contextId") == context
        )

    def pcm(self, context: str | None = None) -> np.ndarray:
        return np.frombuffer(self.audio(context), "<i2").astype(np.float32) / 32768

    def finals(self) -> list[dict[str, Any]]:
        return [frame for _, frame in self.frames if frame.get("isFinal")]

    def errors(self) -> list[dict[str, Any]]:
        return [frame for _, frame in self.frames if "error" in frame]


@attrs.define(eq=False)
class Counts(Observer):
    opened: int = 0
    closed: list[str] = attrs.field(factory=list)
    bugs: list[BaseException] = attrs.field(factory=list)
    firsts: list[float] = attrs.field(factory=list)
    audio_s: float = 0.0
    underruns: int = 0
    skipped: list[str] = attrs.field(factory=list)
    differing: list[tuple[str, str]] = attrs.field(factory=list)
    socket_codes: list[int] = attrs.field(factory=list)

    def stream_opened(self) -> None:
        self.opened += 1

    def stream_closed(self, reason: str, audio_s: float) -> None:
        self.closed.append(reason)

    def broke(self, error: BaseException) -> None:
        self.bugs.append(error)

    def first_audio(self, seconds: float) -> None:
        self.firsts.append(seconds)

    def audio(self, seconds: float) -> None:
        self.audio_s += seconds

    def underrun(self) -> None:
        self.underruns += 1

    def text_skipped(self, text: str) -> None:
        self.skipped.append(text)

    def language_differs(self, seems: str, language: str) -> None:
        self.differing.append((seems, language))

    def socket_closed(self, code: int) -> None:
        self.socket_codes.append(code)


def make_service(engine: ScriptedEngine, *, key: str | None = None, **settings: Any) -> Service:
    def authenticate(credential: str | None, token: str | None) -> Account | None:
        return Account("somebody") if key is None or credential == key else None

    return Service(
        engine,
        load_front_end(),
        SessionSettings(**settings),
        authenticate,
        Counts(),
    )


def target(multi: bool = False, voice: str = "zeli-voice-1", **query: str) -> str:
    query = {"output_format": "pcm_24000", **query}
    path = "multi-stream-input" if multi else "stream-input"
    return f"/v1/text-to-speech/{voice}/{path}?" + "&".join(f"{k}={v}" for k, v in query.items())


@asynccontextmanager
async def conversation(service: Service, address: str, headers: tuple[tuple[str, str], ...] = ()):
    """Run a conversation; `socket.done` is set at its end.  The end of the block cancels it."""
    request = parse_socket_target(address, headers)
    assert request is not None
    socket = MemorySocket()
    async with trio.open_nursery() as nursery:
        done = trio.Event()

        async def run() -> None:
            await run_socket(socket, request, service)
            done.set()

        nursery.start_soon(service.watch_drain)
        nursery.start_soon(run)
        yield socket, done
        socket.leave()
        with trio.fail_after(1000):
            await done.wait()
        nursery.cancel_scope.cancel()
