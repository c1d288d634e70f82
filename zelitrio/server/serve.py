"""One port: accept, read the head, hand the stream on; and the way to an orderly end."""

from __future__ import annotations

import signal
import ssl
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from functools import partial

import structlog
import trio

from zelitrio.errors import EngineError, RemoteError
from zelitrio.server.addresses import urls_of
from zelitrio.server.answer import answer_status, refuse
from zelitrio.server.app import make_app
from zelitrio.server.full import refuse_full
from zelitrio.server.guarded import GuardedStream, RawStream
from zelitrio.server.head import BadHeadError, read_head
from zelitrio.server.inner_http import GRACE_S, InnerHttp, open_inner_http
from zelitrio.server.metrics import ServedEngine
from zelitrio.server.port import Port, open_port
from zelitrio.server.realtime import read_request, serve_realtime
from zelitrio.server.state import ServerState, make_state
from zelitrio.settings import ServerSettings, SessionSettings
from zelitrio.text import Dictionaries, FrontEnd

FAREWELL_S = 2.0
"""For telling every peer before the process ends: the engine broke, or time is up."""
TURNED_AWAY = 64
"""Connections above the limit that are told so at a time; those beyond are closed without a word."""
TURN_AWAY_S = 1.0
"""For hearing what such a connection asks and answering it."""
log = structlog.get_logger("zelitrio.server")


async def serve(
    engine: ServedEngine,
    front_end: FrontEnd,
    settings: ServerSettings | None = None,
    session_settings: SessionSettings | None = None,
    *,
    handle_signals: bool = False,
    drain: trio.Event | None = None,
    dictionaries: Dictionaries | None = None,
    port: Port | None = None,
    task_status: trio.TaskStatus[tuple[str, ...]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve realtime sockets and HTTP on one port until drained or cancelled.

    Started with the bound base URLs ("http://127.0.0.1:8020").  Cancelling it ends everything at
    once.  Setting `drain` ends it in order: new conversations are refused and `/ready` says 503, those
    in hand finish their speech for at most `drain_s`, sockets are closed with 1012, those that still speak
    as well, and it returns.

    Args:
        engine: warmed up; it must outlive this call.
        front_end: shared by all conversations.
        settings: address, keys, bounds.
        session_settings: rules of a conversation.
        handle_signals: drain on the first SIGTERM or SIGINT, end at once on the second.  For the
            program that owns the process, in its main thread.
        drain: set it to drain.
        dictionaries: pronunciations that requests may choose from; `front_end` serves those that do not.
        port: where to serve, if it was opened before (`open_port`); else the address in `settings`.

    Raises:
        LocalError: the address cannot be bound, no key is set and the host is not loopback, or a
            certificate cannot be used.
        EngineError: the engine broke; every peer was told before.
    """
    chosen = settings or ServerSettings()
    state = make_state(
        engine,
        front_end,
        chosen,
        session_settings or SessionSettings(),
        trio.Event() if drain is None else drain,
        dictionaries,
    )
    failure: EngineError | None = None
    async with (
        open_port(chosen) if port is None else nullcontext(port) as port,
        open_inner_http(make_app(state), chosen.max_head_bytes, chosen.http_idle_s) as http,
        trio.open_nursery() as nursery,
    ):

        async def watch_engine() -> None:
            nonlocal failure
            try:
                await engine.wait_failed()
            except EngineError as error:
                failure = error
                await _say_farewell(state, error)
                nursery.cancel_scope.cancel()

        listeners = port.listen()
        handler = partial(_handle, state, port.tls, http)
        nursery.start_soon(trio.serve_listeners, handler, listeners)
        nursery.start_soon(watch_engine)
        nursery.start_soon(_drain, state, http, nursery.cancel_scope)
        if handle_signals:
            await nursery.start(_handle_signals, state, nursery.cancel_scope)
        urls = urls_of(listeners, port.tls is not None)
        log.info("serving", urls=urls, keys=len(chosen.api_key_hashes))
        task_status.started(urls)
    log.info("stopped")
    if failure is not None:
        raise failure


async def _drain(state: ServerState, http: InnerHttp, server: trio.CancelScope) -> None:
    await state.service.drain.wait()
    if state.service.failure is not None:
        return
    log.info("draining", conversations=state.conversations)
    with trio.move_on_after(state.settings.drain_s) as patience:
        await state.wait_quiet()
        # The last bytes of the last answers may still be on their way through.
        http.finish()
        with trio.move_on_after(GRACE_S):
            await state.wait_unconnected()
    if patience.cancelled_caught:
        state.service.cut_off.set()
        with trio.move_on_after(FAREWELL_S):
            await state.wait_quiet()
    server.cancel()


async def _say_farewell(state: ServerState, error: EngineError) -> None:
    log.error("engine_failed", error=str(error))
    state.service.failure = error
    state.service.drain.set()
    with trio.move_on_after(FAREWELL_S):
        await state.wait_quiet()


async def _handle_signals(
    state: ServerState,
    server: trio.CancelScope,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for number in signals:
            log.info("signal", name=signal.Signals(number).name)
            if state.service.drain.is_set():
                server.cancel()
            state.service.drain.set()


async def _handle(
    state: ServerState, tls: ssl.SSLContext | None, http: InnerHttp, socket: trio.SocketStream
) -> None:
    """One connection, from accept to close.  Nothing that happens on it may touch another."""
    if state.connections < state.settings.max_connections:
        state.connected(1)
        try:
            await _converse(state, tls, socket, partial(_route, state, http))
        finally:
            state.connected(-1)
        return
    state.metrics.refused.labels("full").inc()
    if state.turned_away < TURNED_AWAY:  # else the listener's task closes it
        state.turned_away += 1
        try:
            with trio.move_on_after(TURN_AWAY_S):
                await _converse(state, tls, socket, partial(_turn_away, state))
        finally:
            state.turned_away -= 1


async def _converse(
    state: ServerState,
    tls: ssl.SSLContext | None,
    socket: trio.SocketStream,
    talk: Callable[[GuardedStream], Awaitable[None]],
) -> None:
    settings = state.settings
    try:
        raw: RawStream = (
            socket if tls is None else trio.SSLStream(socket, tls, server_side=True, https_compatible=True)
        )
        stream = GuardedStream(raw, settings.write_timeout_s)
        try:
            if not isinstance(raw, trio.SSLStream) or await _shake_hands(raw, settings.head_timeout_s):
                await talk(stream)
        finally:
            await stream.aclose()
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass  # the peer is gone
    except Exception:
        log.exception("connection_failed")


async def _shake_hands(stream: trio.SSLStream[trio.SocketStream], timeout_s: float) -> bool:
    with trio.move_on_after(timeout_s):
        try:
            await stream.do_handshake()
        except trio.BrokenResourceError:  # plain text on a TLS port, an unknown authority
            return False
        return True
    return False


async def _turn_away(state: ServerState, stream: GuardedStream) -> None:
    """Hear what is asked and say that there is no room."""
    try:
        head = await read_head(stream, TURN_AWAY_S, state.settings.max_head_bytes)
    except BadHeadError as error:
        await answer_status(stream, error.status, str(error))
        return
    if head is not None:
        await refuse_full(stream, head, state.origins)


async def _route(state: ServerState, http: InnerHttp, stream: GuardedStream) -> None:
    """Requests for HTTP until the end, or until one asks for a WebSocket."""
    settings = state.settings
    while True:
        try:
            head = await read_head(stream, settings.head_timeout_s, settings.max_head_bytes)
        except BadHeadError as error:
            state.metrics.refused.labels("bad_head").inc()
            await answer_status(stream, error.status, str(error))
            return
        if head is None:
            return
        try:
            request = read_request(head)
            if request is not None:  # HTTP asks for itself, of every request on a connection
                state.origins.check(head.headers)
        except RemoteError as error:
            state.metrics.refused.labels(error.code).inc()
            await refuse(stream, error)
            return
        if request is not None:
            break
        stream.put_back(head.raw)
        if not await http.pump(stream):
            return
    state.begin()
    try:
        await serve_realtime(stream, head, request, state.service, settings)
    finally:
        state.end()
