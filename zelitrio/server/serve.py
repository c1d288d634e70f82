"""One server: its listeners, its connections, and the tasks that watch them."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import nullcontext
from functools import partial

import trio
from starlette.types import Scope

from zelitrio.server.accepting import accept_all
from zelitrio.server.accounting import request_id_of
from zelitrio.server.addresses import urls_of
from zelitrio.server.agent import serve_agent, weight_line
from zelitrio.server.announcing import announce
from zelitrio.server.app import make_app
from zelitrio.server.connection import Reception
from zelitrio.server.ending import Ending
from zelitrio.server.exchange import make_http_server
from zelitrio.server.logs import flush_log
from zelitrio.server.metrics import ServedEngine
from zelitrio.server.port import Port, open_port
from zelitrio.server.quiet_log import get_log
from zelitrio.server.state import ServerState, make_state
from zelitrio.server.wyoming import WyomingReception
from zelitrio.server.wyoming_port import open_wyoming_port
from zelitrio.settings import ServerSettings, SessionSettings
from zelitrio.text import Dictionaries, FrontEnd

FLUSH_LOG_EVERY_S = 1.0
log = get_log()


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

    Cancelling ends everything at once.  Setting `drain` ends it in order: new conversations are refused,
    `/ready` answers 503, and conversations finish their speech for at most `drain_s`.  Then all sockets are
    closed with 1012, and the call returns.

    No client can end the server.  After an error in one of its own tasks, it refuses new conversations, lets
    others finish for at most `drain_s`, closes every socket with 1011, and raises ServerError.

    Args:
        engine: warmed up, and running until this call returns.
        front_end: shared by all conversations.
        settings: address, keys, limits; None: the defaults.
        session_settings: settings of conversations; None: the defaults.
        handle_signals: whether to drain on the first SIGTERM or SIGINT and end at once on the second;
            only for the program that owns the process, in its main thread.
        drain: set it to drain; None: only a signal drains.
        dictionaries: pronunciations that requests can name, if any.
        port: from `open_port`; None: bind the address in `settings`.
        task_status: started with the base URLs ("http://127.0.0.1:8020") when the server listens.

    Raises:
        LocalError: the address cannot be bound, the host is not loopback and there is no key, a certificate
            cannot be used, or the Wyoming port cannot be opened or announced.
        EngineError: the engine failed; every peer was notified.
        ServerError: the server failed; every peer was notified.
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
    async with (
        state.access.accounts.open(),
        state.history.open() if state.history is not None else nullcontext(),
        open_port(chosen, has_key=state.access.accounts.has_usable_key)
        if port is None
        else nullcontext(port) as port,
        open_wyoming_port(chosen) as wyoming,
        trio.open_nursery() as nursery,
    ):
        http = make_http_server(make_app(state), chosen.max_head_bytes, partial(_note_bug, state))
        reception = Reception(state, http, port.tls)
        ending = Ending(state, reception.idle, nursery.cancel_scope)
        if handle_signals:
            await nursery.start(_handle_signals, ending)
        listeners = port.listen()
        for listener in listeners:
            nursery.start_soon(ending.watch, accept_all, listener, reception.take, nursery, state.metrics)
        nursery.start_soon(ending.watch, ending.watch_engine)
        nursery.start_soon(ending.watch, ending.drain)
        nursery.start_soon(ending.watch, state.service.watch_drain)
        nursery.start_soon(ending.watch, _keep_log_moving)
        nursery.start_soon(ending.watch, state.access.accounts.run)
        nursery.start_soon(ending.watch, state.tracing.run)
        nursery.start_soon(ending.watch, state.keep_alive.run)
        if state.history is not None:
            nursery.start_soon(ending.watch, state.history.run)
        if chosen.agent_port:
            answer = partial(_agent_line, state)
            agent = partial(serve_agent, chosen.host[0], chosen.agent_port, answer, state.metrics)
            await nursery.start(agent)
        for listener in wyoming:
            take = WyomingReception(state).take
            nursery.start_soon(ending.watch, accept_all, listener, take, nursery, state.metrics)
        if chosen.wyoming_announce and wyoming:
            await nursery.start(announce, chosen.wyoming_host, chosen.wyoming_port)
        urls = urls_of(listeners, port.tls is not None)
        log.info("serving", urls=urls, keys=len(chosen.api_key_hashes))
        task_status.started(urls)
    log.info("stopped")
    flush_log()
    if ending.failure is not None:
        raise ending.failure


async def _handle_signals(
    ending: Ending, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        await ending.watch(_obey, ending, signals)


async def _obey(ending: Ending, signals: AsyncIterator[int]) -> None:
    drain = ending.state.service.drain
    async for number in signals:
        log.info("signal", name=signal.Signals(number).name)
        if drain.is_set():
            ending.scope.cancel()
        drain.set()


def _agent_line(state: ServerState) -> bytes:
    return weight_line(state.engine.statistics().load, is_ready=state.is_ready)


async def _keep_log_moving() -> None:
    """Write log lines that wait for a slow reader, even if no new line comes."""
    while True:
        await trio.sleep(FLUSH_LOG_EVERY_S)
        flush_log()


def _note_bug(state: ServerState, scope: Scope, error: Exception) -> None:
    """Log and count an error of the application; the client gets a 500 if possible."""
    state.metrics.doors.connections_failed.inc()
    log.error("request_failed", request_id=request_id_of(scope), path=scope.get("path"), exc_info=error)
