"""A failure is injected into each kind of task, and another client must not be affected."""

from __future__ import annotations

import contextvars
import errno
import inspect
import os
import signal

import attrs
import orjson
import pytest
import structlog
import trio
from running import VOICE, hear, pcm_in, read_all, running, say, until
from scripted_engine import ScriptedEngine, ScriptedStream

from zelitrio.errors import ServerError
from zelitrio.server.connection import Reception
from zelitrio.server.guarded import GuardedStream
from zelitrio.server.metrics import Metrics
from zelitrio.server.websocket import WebSocket

TEXT = "The bystander hears every sample of this, whatever fails meanwhile. " * 3
SPEECH = f"/v1/text-to-speech/{VOICE}"
GET = b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n"

is_victim = contextvars.ContextVar("is_victim", default=False)


class Boom(Exception):  # noqa: N818 - no error of ours
    pass


def boom(*args):
    raise Boom("injected")


@attrs.define
class Fault:
    """A method that raises in the tasks of connections accepted while it is `armed`."""

    armed: bool = False
    raised: int = 0


def inject(monkeypatch, owner: type, name: str) -> Fault:
    """Replace the method before the server starts, because the server may keep a reference to it."""
    original, take, fault = getattr(owner, name), Reception.take, Fault()

    async def take_victim(self, stream):
        is_victim.set(fault.armed)
        await take(self, stream)

    def broken(*args, **kwargs):
        if is_victim.get():
            fault.raised += 1
            raise Boom("injected")
        return original(*args, **kwargs)

    async def broken_later(*args, **kwargs):
        if is_victim.get():
            await trio.lowlevel.checkpoint()
            fault.raised += 1
            raise Boom("injected")
        return await original(*args, **kwargs)

    monkeypatch.setattr(owner, name, broken_later if inspect.iscoroutinefunction(original) else broken)
    monkeypatch.setattr(Reception, "take", take_victim)
    return fault


async def listen(server, trigger=None) -> bytes:
    """Return the audio of a seeded stream while `trigger` runs."""
    async with server.socket(seed="7") as bystander:
        await say(bystander, text=TEXT, flush=True)
        await say(bystander, text="")
        async with trio.open_nursery() as nursery:
            if trigger is not None:
                nursery.start_soon(trigger, server)
            frames = await hear(bystander)
        return pcm_in(frames).tobytes()


async def ask(server, data: bytes = GET) -> bytes:
    async with await server.connect() as stream:
        with trio.move_on_after(5):
            try:
                await stream.send_all(data)
                await stream.send_eof()
            except trio.BrokenResourceError:
                pass
            return await read_all(stream)
    return b""


async def speak_over_socket(server) -> None:
    for _ in range(3):
        try:
            async with server.socket() as socket:
                await say(socket, text="Hello there, this one breaks. ", flush=True)
                await say(socket, text="")
                await hear(socket)
        except* Exception:
            pass  # the handshake may fail as well


async def stay_on_a_socket(server) -> None:
    with trio.move_on_after(2):
        async with server.socket() as socket:
            await hear(socket)


async def speak_over_http(server) -> None:
    body = orjson.dumps({"text": "Hello there, this one breaks."})
    head = f"POST {SPEECH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    for _ in range(3):
        await ask(server, head.encode() + body)


async def ask_often(server) -> None:
    nowhere = GET.replace(b"/live", b"/nowhere")
    for data in (GET, GET, b"nonsense\r\n\r\n", nowhere, GET.replace(b"/live", b"/metrics")):
        await ask(server, data)


KINDS = {
    "a connection before its first byte": (GuardedStream, "__init__", ask_often),
    "a connection that is read": (GuardedStream, "receive_some", ask_often),
    "a connection that is written": (GuardedStream, "send_all", ask_often),
    "a connection that is closed": (GuardedStream, "aclose", ask_often),
    "the application": (Metrics, "expose", ask_often),
    "speech over HTTP": (ScriptedStream, "feed", speak_over_http),
    "a stream of the engine, over HTTP": (ScriptedStream, "__anext__", speak_over_http),
    "a context": (ScriptedStream, "feed", speak_over_socket),
    "a stream of the engine": (ScriptedStream, "__anext__", speak_over_socket),
    "a socket's message": (WebSocket, "receive", speak_over_socket),
    "a socket's packet": (WebSocket, "offer", speak_over_socket),
    "a ping": (WebSocket, "ping", stay_on_a_socket),
    "a metric of first audio": (Metrics, "first_audio", speak_over_socket),
    "a metric of a stream": (Metrics, "audio", speak_over_socket),
    "a metric of a stream's end": (Metrics, "stream_closed", speak_over_socket),
    "a metric of a socket": (Metrics, "socket_opened", speak_over_socket),
    "a metric of a socket's end": (Metrics, "socket_closed", speak_over_socket),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_failure_ends_only_its_own_connection_or_stream(kind, monkeypatch):
    owner, name, trigger = KINDS[kind]
    fault = inject(monkeypatch, owner, name)
    async with running(ScriptedEngine(step_s=0.01), ping_s=0.2) as server:
        alone = await listen(server)

        async def arm_and_trigger(server) -> None:
            fault.armed = True
            await trigger(server)
            fault.armed = False

        assert await listen(server, arm_and_trigger) == alone
        assert fault.raised
        assert b"200" in (await ask(server)).partition(b"\r\n")[0]
        assert not server.ended.is_set()
        await until(lambda: not server.engine.lanes)


async def test_a_failed_connection_is_counted(monkeypatch):
    fault = inject(monkeypatch, GuardedStream, "receive_some")
    async with running() as server, server.http() as http:
        fault.armed = True
        await ask(server)
        fault.armed = False
        assert "zelitrio_connections_failed_total 1.0" in (await http.get("/metrics")).text


async def test_a_socket_whose_conversation_breaks_is_closed_with_1011(monkeypatch):
    inject(monkeypatch, Metrics, "socket_opened").armed = True
    async with running() as server, server.socket() as socket:
        await hear(socket)
        assert socket.closed.code == 1011


async def test_a_log_that_raises_changes_nothing():
    def fail(logger, method, values):
        raise OSError(errno.ENOSPC, "No space left on device")

    async with running(ScriptedEngine(step_s=0.01), handle_signals=True, drain_s=0) as server:
        alone = await listen(server)
        structlog.configure(processors=[fail])
        try:
            assert await listen(server, ask_often) == alone
            assert await listen(server, speak_over_socket) == alone
            os.kill(os.getpid(), signal.SIGTERM)
            with trio.fail_after(3):
                await server.ended.wait()
        finally:
            structlog.reset_defaults()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ECONNABORTED, errno.ENETDOWN, errno.EPROTO])
async def test_an_accept_that_fails_is_tried_again(number, monkeypatch):
    accept, failures = trio.SocketListener.accept, [number] * 3

    async def fail_at_first(self):
        if failures:
            raise OSError(failures.pop(), "injected")
        return await accept(self)

    monkeypatch.setattr(trio.SocketListener, "accept", fail_at_first)
    async with running() as server, server.http() as http:
        assert (await http.get("/live")).status_code == 200
        assert "zelitrio_accept_errors_total 3.0" in (await http.get("/metrics")).text


@pytest.mark.parametrize("is_engine_silent", [False, True])
async def test_a_failed_server_task_lets_speech_end_and_notifies_sockets(is_engine_silent, monkeypatch):
    accept = trio.SocketListener.accept
    is_broken = False

    async def fail_later(self):
        stream = await accept(self)
        if is_broken:
            await stream.aclose()
            raise Boom("a bug")
        return stream

    monkeypatch.setattr(trio.SocketListener, "accept", fail_later)
    with pytest.raises(BaseExceptionGroup) as raised:
        async with (
            running(ScriptedEngine(step_s=0.02)) as server,
            server.socket() as speaker,
            server.socket() as idle,
        ):
            await say(speaker, text=TEXT, flush=True)
            await say(speaker, text="")
            await speaker.get_message()
            is_broken = True
            if is_engine_silent:
                monkeypatch.setattr(ScriptedEngine, "statistics", boom)
            async with await server.connect():
                last = (await hear(speaker))[-1]
                assert last.get("error") if is_engine_silent else last["isFinal"]
                await hear(idle)
            assert idle.closed.code == 1011
            await server.ended.wait()
    assert raised.group_contains(ServerError, match="a bug")


async def test_a_client_that_closes_while_it_is_written_to_is_no_error():
    async with running() as server, server.http() as http:
        for _ in range(20):
            async with await server.connect() as stream:
                await stream.send_all(GET * 3)
        assert "zelitrio_connections_failed_total 0.0" in (await http.get("/metrics")).text


async def test_an_empty_line_and_a_pause_before_a_request_are_no_failure():
    async with running() as server, server.http() as http:
        async with await server.connect() as stream:
            await stream.send_all(b"\r\n")
            await trio.sleep(0.05)
            await stream.send_all(GET)
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 200")
        assert "zelitrio_connections_failed_total 0.0" in (await http.get("/metrics")).text


@pytest.mark.parametrize("method", [b"head", b"hEAD", b"get", b"Post", b"options"])
async def test_a_method_in_small_letters_is_refused_and_no_failure(method):
    async with running() as server, server.http() as http:
        answer = await ask(server, method + b" /live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 501") and b"in capitals, found " + method in answer
        assert "zelitrio_connections_failed_total 0.0" in (await http.get("/metrics")).text
