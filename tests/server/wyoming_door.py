"""A running server with a Wyoming port, and the real `wyoming` package as its client."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import attrs
import numpy as np
import trio
from ports import free_port
from running import running
from scripted_engine import ScriptedEngine
from wyoming.audio import AudioChunk
from wyoming.client import AsyncTcpClient
from wyoming.event import Event

WAIT_S = 20.0
"""Limit for answers that come at once on an idle machine."""


@attrs.define
class Door:
    server: Any
    port: int

    async def with_client(self, talk: Callable[[AsyncTcpClient], Awaitable[Any]]) -> Any:
        """Run the real client on its own asyncio loop, in a thread."""

        async def run() -> Any:
            async with AsyncTcpClient("127.0.0.1", self.port, read_timeout=WAIT_S) as client:
                return await talk(client)

        return await trio.to_thread.run_sync(lambda: asyncio.run(run()))

    async def connect(self) -> trio.SocketStream:
        return await trio.open_tcp_stream("127.0.0.1", self.port)


@asynccontextmanager
async def wyoming(engine: ScriptedEngine | None = None, **settings: Any):
    port = free_port()
    async with running(engine, wyoming_port=port, **settings) as server:
        yield Door(server, port)


async def events_until(client: AsyncTcpClient, kind: Any) -> list[Event]:
    events: list[Event] = []
    while not events or not kind.is_type(events[-1].type):
        event = await client.read_event()
        assert event is not None, f"closed after {[one.type for one in events]}"
        events.append(event)
    return events


def samples(events: list[Event]) -> np.ndarray:
    chunks = [AudioChunk.from_event(one) for one in events if AudioChunk.is_type(one.type)]
    audio = b"".join(chunk.audio for chunk in chunks)
    return np.frombuffer(audio, "<i2").astype(np.float32) / 32768


def names(events: list[Event]) -> list[str]:
    """Names of the events; a run of chunks counts once."""
    kinds = [event.type for event in events]
    return [kind for at, kind in enumerate(kinds) if not at or kind != kinds[at - 1]]
