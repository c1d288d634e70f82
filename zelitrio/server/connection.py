"""One connection, from accept to close: TLS, then requests or one realtime socket."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable

import attrs
import trio

from zelitrio.errors import RemoteError
from zelitrio.server.answer import answer_status, refuse
from zelitrio.server.exchange import HttpServer, answer_request
from zelitrio.server.full import refuse_full
from zelitrio.server.guarded import GuardedStream, RawStream
from zelitrio.server.head import BadHeadError, RequestHead, read_head
from zelitrio.server.idle import IdleConnections
from zelitrio.server.jambonz_socket import read_call, serve_call
from zelitrio.server.places import Place
from zelitrio.server.realtime import read_request, serve_realtime
from zelitrio.server.state import ServerState
from zelitrio.server.wall import serve_walled

TURNED_AWAY = 64
"""Connections above the limit that get an answer at the same time; others are closed without one."""
TURN_AWAY_S = 1.0
"""Time for the request and the answer of a connection above the limit."""


@attrs.define(eq=False)
class Reception:
    """Serves connections, and refuses those above the limit.

    Attributes:
        tls: context for all connections; None: plain text.
        idle: connections that wait for a request.
    """

    state: ServerState
    http: HttpServer
    tls: ssl.SSLContext | None
    idle: IdleConnections = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.idle = IdleConnections(self.state.settings.http_idle_s)

    async def take(self, socket: trio.SocketStream) -> None:
        """Serve one connection until it is closed.

        Raises no `Exception`: an error ends only this connection.
        """
        await serve_walled(self.state, socket, self._take)

    async def _take(self, socket: trio.SocketStream) -> None:
        state = self.state
        if not state.clients.are_full:
            state.clients.connected(1)
            try:
                await self._converse(socket, self._route)
            finally:
                state.clients.connected(-1)
            return
        state.metrics.doors.refused.labels("full").inc()
        if state.clients.turned_away < TURNED_AWAY:
            state.clients.turned_away += 1
            try:
                with trio.move_on_after(TURN_AWAY_S):
                    await self._converse(socket, self._turn_away)
            finally:
                state.clients.turned_away -= 1

    async def _converse(
        self, socket: trio.SocketStream, talk: Callable[[GuardedStream], Awaitable[None]]
    ) -> None:
        settings = self.state.settings
        raw: RawStream = socket
        if self.tls is not None:
            raw = trio.SSLStream(socket, self.tls, server_side=True, https_compatible=True)
        stream = GuardedStream(raw, settings.write_timeout_s)
        try:
            if not isinstance(raw, trio.SSLStream) or await _shake_hands(raw, settings.head_timeout_s):
                await talk(stream)
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the peer is gone
        finally:
            await stream.aclose()

    async def _turn_away(self, stream: GuardedStream) -> None:
        """Read a request and answer that the server is full."""
        try:
            head = await read_head(stream, TURN_AWAY_S, self.state.settings.max_head_bytes)
        except BadHeadError as error:
            await answer_status(stream, error.status, str(error))
            return
        if head is not None:
            await refuse_full(stream, head, self.state.access.origins, self._place(stream, head))

    async def _route(self, stream: GuardedStream) -> None:
        """Answer requests until the connection ends or a request asks for a realtime socket."""
        while (head := await self._read_head(stream)) is not None:
            if head.is_websocket and await self._upgrade(stream, head):
                return
            if not await answer_request(self.http, stream, head.without_upgrade()):
                return
            if not await self.idle.wait_next(stream):
                return

    async def _read_head(self, stream: GuardedStream) -> RequestHead | None:
        settings = self.state.settings
        try:
            return await read_head(stream, settings.head_timeout_s, settings.max_head_bytes)
        except BadHeadError as error:
            self.state.metrics.doors.refused.labels("bad_head").inc()
            await answer_status(stream, error.status, str(error))
            return None

    def _place(self, stream: GuardedStream, head: RequestHead) -> Place:
        peer = stream.peer_address() if self.state.places.trusts_some else None
        scheme = "http" if self.tls is None else "https"
        return self.state.places.find(dict(head.headers), peer[0] if peer else None, scheme)

    async def _upgrade(self, stream: GuardedStream, head: RequestHead) -> bool:
        """Serve a realtime socket; return False for other requests."""
        state = self.state
        try:
            place = self._place(stream, head)
            asked = state.places.head_within(head, place)
            call = read_call(asked, state)
            request = read_request(asked) if call is None else None
            if call is None and request is None:
                return False
            state.access.origins.check(head.headers, place.host)
            state.check_ready()
        except RemoteError as error:
            state.metrics.doors.refused.labels(error.code).inc()
            state.metrics.request_refused(None, error.code)
            await refuse(stream, error)
            return True
        state.clients.begin()
        try:
            with state.tracing.request("socket", head.headers, is_socket=True):
                if call is not None:
                    await serve_call(stream, head, call, state)
                elif request is not None:
                    await serve_realtime(
                        stream, head, request, state.service, state.settings, state.keep_alive
                    )
        finally:
            state.clients.end()
        return True


async def _shake_hands(stream: trio.SSLStream[trio.SocketStream], timeout_s: float) -> bool:
    with trio.move_on_after(timeout_s):
        try:
            await stream.do_handshake()
        except trio.BrokenResourceError:  # plain text on a TLS port, an unknown authority
            return False
        return True
    return False
