"""One HTTP request and its answer: hypercorn's HTTP/1.1 protocol between a stream and the application.

This is the only module that imports hypercorn.  It uses `H11Protocol`, which takes and returns bytes, without
hypercorn's server.  That server, `hypercorn.trio.serve`, runs all connections in one nursery, so an error in
one ends all of them.  Its `TCPServer` for one connection sends in a shielded scope, so a client that does not
read cannot be cancelled; and it half-closes a stream while another task sends on it.  Here the stream keeps
its write deadline, an error ends one request, there is no HTTP/2, and the protocol reports the end of an
answer, so that the next request can wait for it.

`H11Protocol` is typed but not documented.  pyproject.toml pins its minor version, and
tests/server/test_server_exchange.py tests the used behaviour.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast

import attrs
import trio
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.worker_context import EventWrapper, WorkerContext
from hypercorn.typing import ASGIReceiveEvent, ASGISendEvent, ConnectionState, Scope
from starlette.types import ASGIApp, Message
from starlette.types import Scope as AppScope

from zelitrio.server.guarded import READ_BYTES, GuardedStream
from zelitrio.server.head import RequestHead
from zelitrio.server.presence import EarlyBytes
from zelitrio.server.request_body import RequestBody

TIDY_S = 1.0
"""Time for the application to end after its answer was sent or its client has left."""
PIECE_BYTES = 16 * 1024
"""Bytes parsed at a time; h11 takes about 0.2 ms for them."""


class _RequestEndError(Exception):
    """The protocol has the whole request and bytes of a later one."""


class _CanRead(EventWrapper):
    """The protocol waits for this event while it has bytes of a later request."""

    async def wait(self) -> None:
        raise _RequestEndError


class _Context(WorkerContext):
    event_class = _CanRead


@attrs.frozen(kw_only=True)
class HttpServer:
    """Objects that all exchanges of a server share.

    Attributes:
        app: the ASGI application.
        on_bug: called with an error that the application raised.
    """

    app: ASGIApp
    config: Config
    context: WorkerContext
    on_bug: Callable[[AppScope, Exception], None]


def make_http_server(
    app: ASGIApp, max_head_bytes: int, on_bug: Callable[[AppScope, Exception], None]
) -> HttpServer:
    """Make the server of an application.

    Args:
        app: the ASGI application.
        max_head_bytes: limit for a request's head.
        on_bug: called with an error that the application raised.
    """
    config = Config()
    config.h11_max_incomplete_size = max_head_bytes
    config.include_server_header = False
    logging.getLogger("hypercorn.error").setLevel(logging.ERROR)
    return HttpServer(app=app, config=config, context=_Context(None), on_bug=on_bug)


async def answer_request(server: HttpServer, stream: GuardedStream, head: RequestHead) -> bool:
    """Answer one request.

    Args:
        server: has the application.
        stream: the connection.  Bytes read beyond the request are put back into it.
        head: the request's head, with all bytes read after it.

    Returns:
        Whether the client may send another request.
    """
    return await _Exchange(server, stream, head).run()


class _Exchange:
    """One request and its answer; also the `TaskGroup` that runs the application for hypercorn."""

    def __init__(self, server: HttpServer, stream: GuardedStream, head: RequestHead) -> None:
        self._server = server
        self._stream = stream
        self._unfed = head.raw
        self._may_probe = head.version == "1.1"
        self._body = RequestBody()
        self._ahead = EarlyBytes()
        self._reading = trio.CancelScope()
        self._writing = trio.Lock()
        """The reader sends "100 Continue" or "400" while the application answers."""
        self._keeps: bool | None = None
        self._trailing = b""
        self._nursery: trio.Nursery
        self._protocol = H11Protocol(
            cast(Any, server.app),
            server.config,
            server.context,
            cast(Any, self),
            ConnectionState({}),
            stream.is_encrypted,
            stream.peer_address(),
            stream.own_address(),
            self._send,
        )

    async def run(self) -> bool:
        """See `answer_request`."""
        async with trio.open_nursery() as self._nursery:
            with self._reading:
                await self._read()
            self._finish(keeps=False)  # no effect if already decided
            self._nursery.cancel_scope.deadline = trio.current_time() + TIDY_S
        if self._keeps:
            self._stream.put_back(self._trailing + self._unfed + self._ahead.data)
            return True
        if not self._ahead.is_ended:
            await self._stream.linger()
        return False

    async def _read(self) -> None:
        """Feed the request to the protocol, then wait until the client has left."""
        while not self._body.is_complete:
            if not self._unfed:
                try:
                    self._unfed = bytes(await self._stream.receive_some(READ_BYTES))
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    return
            # The protocol also needs the empty piece at the end of the client's bytes.
            piece, self._unfed = self._unfed[:PIECE_BYTES], self._unfed[PIECE_BYTES:]
            self._ahead.is_ended = not piece
            try:
                await self._protocol.handle(RawData(piece))
            except _RequestEndError:
                break
            if not piece:
                return
        await self._ahead.wait_left(self._stream, lambda: self._may_probe)

    async def _send(self, event: Event) -> None:
        """Handle an event of the protocol: bytes of the answer, or whether the connection stays open."""
        if self._keeps is not None:
            await trio.sleep_forever()  # a later request has begun; another exchange will handle it
        match event:
            case RawData(data=data):
                self._may_probe = self._may_probe and data.startswith(b"HTTP/1.1 1")
                try:
                    async with self._writing:
                        await self._stream.send_all(data)
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    self._finish(keeps=False)
            case Closed():
                self._finish(keeps=False)
            case Updated(idle=True):
                self._trailing = self._protocol.connection.trailing_data[0]
                self._finish(keeps=True)
            case _:
                pass

    def _finish(self, *, keeps: bool) -> None:
        if self._keeps is None:
            self._keeps = keeps
            self._body.close()
            self._reading.cancel()

    async def spawn_app(
        self,
        app: object,
        config: Config,
        scope: Scope,
        send: Callable[[ASGISendEvent | None], Awaitable[None]],
    ) -> Callable[[ASGIReceiveEvent], Awaitable[None]]:
        """Start the application; called by the protocol, for each request."""
        self._nursery.start_soon(self._run_app, cast(AppScope, scope), send)
        return self._body.put

    async def _run_app(
        self, scope: AppScope, send: Callable[[ASGISendEvent | None], Awaitable[None]]
    ) -> None:
        async def send_message(message: Message) -> None:
            if self._keeps is not None:
                await trio.lowlevel.checkpoint()  # the client has left
                return
            if message["type"] == "http.response.start" and not self._body.is_complete:
                # The body was not read to its end, so the connection cannot be used for another request.
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            await send(cast(ASGISendEvent, message))

        try:
            try:
                await self._server.app(scope, self._body.receive, send_message)
            except Exception as error:
                self._server.on_bug(scope, error)
            if self._keeps is None:
                await send(None)  # answers 500 if nothing was sent, else cuts the connection
        finally:
            self._finish(keeps=False)  # no effect if already decided
