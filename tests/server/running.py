"""A real server with the scripted engine, on a free port."""

from __future__ import annotations

import base64
import ssl
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import httpx
import numpy as np
import orjson
import trio
from scripted_engine import ScriptedEngine
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_client_stream

from zelitrio.server import serve
from zelitrio.settings import ServerSettings, SessionSettings, hash_key
from zelitrio.text import load_front_end

KEY = "sk-zeli-right"
VOICE = "zeli-voice-1"


@attrs.define(eq=False)
class Running:
    url: str
    engine: Any
    drain: trio.Event
    scope: trio.CancelScope
    ended: trio.Event
    tls: ssl.SSLContext | None = None

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    async def connect(self) -> trio.abc.Stream:
        stream = await trio.open_tcp_stream("127.0.0.1", self.port)
        return stream if self.tls is None else trio.SSLStream(stream, self.tls, server_hostname="localhost")

    @asynccontextmanager
    async def socket(self, path: str = "stream-input", *, headers=(), voice: str = VOICE, **query: str):
        query = {"output_format": "pcm_24000", **query}
        target = f"/v1/text-to-speech/{voice}/{path}?" + "&".join(f"{k}={v}" for k, v in query.items())
        async with self.socket_at(target, headers) as socket:
            yield socket

    @asynccontextmanager
    async def socket_at(self, target: str, headers=()):
        # The test closes the stream, because trio-websocket leaves it open if the server closes first.
        async with await self.connect() as stream, trio.open_nursery() as nursery:
            socket = await wrap_client_stream(
                nursery,
                stream,
                "127.0.0.1",
                target,
                extra_headers=[(n.encode(), v.encode()) for n, v in headers],
            )
            try:
                yield socket
            finally:
                with trio.move_on_after(1, shield=True):
                    await socket.aclose()
                nursery.cancel_scope.cancel()

    def http(self, **options: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self.url, timeout=10, verify=self.tls or True, trust_env=False, **options
        )


@asynccontextmanager
async def running(
    engine: Any = None,
    *,
    keys=(),
    session: SessionSettings | None = None,
    tls=None,
    handle_signals=False,
    dictionaries=None,
    **settings: Any,
):
    """Serve for the time of the block; then everything must end within a second."""
    engine = engine or ScriptedEngine()
    options = {"port": 0, "api_key_hashes": frozenset(hash_key(key) for key in keys), **settings}
    drain, ended = trio.Event(), trio.Event()
    async with trio.open_nursery() as nursery:

        async def run(task_status: Any) -> None:
            try:
                with trio.CancelScope() as scope:
                    async with trio.open_nursery() as inner:
                        server = partial(serve, engine, load_front_end(), ServerSettings(**options), session)
                        task_status.started(
                            (
                                scope,
                                await inner.start(
                                    partial(
                                        server,
                                        drain=drain,
                                        handle_signals=handle_signals,
                                        dictionaries=dictionaries,
                                    )
                                ),
                            )
                        )
            finally:
                ended.set()

        scope, urls = await nursery.start(run)
        try:
            yield Running(urls[0], engine, drain, scope, ended, tls)
        finally:
            with trio.CancelScope(shield=True):
                with trio.fail_after(3):
                    scope.cancel()
                    await ended.wait()


async def say(socket: WebSocketConnection, **fields: Any) -> None:
    await socket.send_message(orjson.dumps(fields).decode())


async def hear(socket: WebSocketConnection) -> list[dict[str, Any]]:
    """Receive frames until the socket closes."""
    frames = []
    try:
        while True:
            frames.append(orjson.loads(await socket.get_message()))
    except ConnectionClosed:
        return frames


def pcm_in(frames: list[dict[str, Any]], context: str | None = None) -> np.ndarray:
    audio = b"".join(
        base64.b64decode(frame["audio"])
        for frame in frames
        if frame.get("audio") and frame.get("contextId") == context
    )
    return np.frombuffer(audio, "<i2").astype(np.float32) / 32768


async def read_all(stream: trio.SocketStream) -> bytes:
    data = b""
    try:
        while piece := await stream.receive_some(65536):
            data += piece
    except trio.BrokenResourceError:
        pass
    return data


async def until(condition, timeout_s: float = 2) -> None:
    with trio.fail_after(timeout_s):
        while not condition():  # noqa: ASYNC110 - polls a server that has no event for it
            await trio.sleep(0.01)


def descriptors_held() -> int:
    """Number of open files and sockets of this process."""
    return len(list(Path("/proc/self/fd").iterdir()))
