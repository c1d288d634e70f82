"""A small server that follows the protocol: it speaks each piece of text as its own bytes."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import attrs
import trio
import trio_websocket
from trio_websocket import WebSocketConnection, WebSocketRequest

from zelitrio.errors import RemoteError
from zelitrio.protocol import (
    Authenticate,
    CharTimes,
    Connection,
    ContextError,
    EndContext,
    EndSocket,
    Event,
    Fail,
    OpenContext,
    SocketRequest,
    Text,
    parse_socket_target,
)
from zelitrio.settings import SessionSettings

Handler = Callable[[WebSocketRequest], Awaitable[None]]


@attrs.define(eq=False)
class EchoServer:
    """Speaks each piece of text as its own bytes, and records the requests."""

    key: str | None = None
    requests: list[SocketRequest] = attrs.field(factory=list)
    opened: list[OpenContext] = attrs.field(factory=list)
    close_code: int | None = None
    closed: trio.Event = attrs.field(factory=trio.Event)
    pending: dict[str | None, list[bytes]] = attrs.field(factory=dict)

    async def handle(self, upgrade: WebSocketRequest) -> None:
        request = parse_socket_target(upgrade.path, [(n.decode(), v.decode()) for n, v in upgrade.headers])
        assert request is not None
        self.requests.append(request)
        websocket = await upgrade.accept()
        connection = Connection(request, SessionSettings(max_contexts=2), trio.current_time())
        try:
            while True:
                for event in connection.receive(await websocket.get_message(), trio.current_time()):
                    for frame in self._frames(connection, event):
                        await websocket.send_message(frame)
                    if isinstance(event, Fail):
                        await websocket.aclose(*connection.close_frame(event.error))
                if connection.is_finished:
                    await websocket.aclose(1000)
        except trio_websocket.ConnectionClosed as closed:
            self.close_code = closed.reason.code if closed.reason else None
            self.closed.set()

    def _frames(self, connection: Connection, event: Event) -> list[str]:
        now = trio.current_time()
        match event:
            case Authenticate(credential=key) if self.key is not None and key != self.key:
                error = RemoteError("invalid_api_key", "Invalid API key")
                return [connection.error_message(error), *self._fail(connection)]
            case OpenContext(context_id=name):
                self.opened.append(event)
                self.pending[name] = []
            case Text(context_id=name, text=text, flush=flush):
                self.pending[name].append(text.encode())
                return self._speak(connection, name) if flush else []
            case EndContext(context_id=name, discard=discard):
                spoken = [] if discard else self._speak(connection, name)
                return [*spoken, connection.final_message(name, now)]
            case ContextError(context_id=name, error=error):
                return [connection.error_message(error, name)]
            case Fail(error=error):
                return [connection.error_message(error)]
            case EndSocket():
                pass
        return []

    def _fail(self, connection: Connection) -> list[str]:
        connection.receive("not json", trio.current_time())
        return []

    def _speak(self, connection: Connection, name: str | None) -> list[str]:
        audio, self.pending[name] = b"".join(self.pending[name]), []
        times = CharTimes((audio.decode()[:1],), (0,), (10,))
        return [connection.audio_message(name, audio, times, times)] if audio else []


@asynccontextmanager
async def serving(handle: Handler, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Run a server on a free port of loopback, and yield its URL."""
    async with trio.open_nursery() as nursery:
        serve = partial(trio_websocket.serve_websocket, handle, "127.0.0.1", 0, context)
        server = await nursery.start(serve)
        yield f"ws://127.0.0.1:{server.port}"
        nursery.cancel_scope.cancel()


def accepting(behave: Callable[[WebSocketConnection], Awaitable[None]]) -> Handler:
    async def handle(upgrade: WebSocketRequest) -> None:
        await behave(await upgrade.accept())

    return handle
