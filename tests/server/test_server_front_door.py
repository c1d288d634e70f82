"""Before the first request: slow, large or invalid heads, addresses, signals, TLS."""

from __future__ import annotations

import os
import signal

import pytest
import trio
from running import KEY, VOICE, hear, read_all, running, say
from scripted_engine import ScriptedEngine

from zelitrio.errors import LocalError
from zelitrio.server import serve
from zelitrio.settings import ServerSettings
from zelitrio.text import load_front_end

TEXT = "Hello there, this is a sentence. "


async def ask(server, data: bytes) -> bytes:
    async with await server.connect() as stream:
        await stream.send_all(data)
        return await read_all(stream)


async def test_a_slow_head_is_given_up_with_408():
    async with running(head_timeout_s=0.3) as server, await server.connect() as stream:
        async with trio.open_nursery() as nursery:

            async def drip():
                for byte in b"GET /live HTTP/1.1\r\nX: " + b"y" * 1000:
                    await stream.send_all(bytes([byte]))
                    await trio.sleep(0.02)

            nursery.start_soon(drip)
            with trio.fail_after(2):
                answer = await read_all(stream)
            nursery.cancel_scope.cancel()
        assert b"408" in answer.partition(b"\r\n")[0]


async def test_a_silent_connection_is_closed():
    async with running(head_timeout_s=0.2) as server, await server.connect() as stream:
        with trio.fail_after(2):
            await read_all(stream)


async def test_a_head_too_large_is_431():
    async with running(max_head_bytes=2048) as server:
        answer = await ask(server, b"GET /live HTTP/1.1\r\nX: " + b"y" * 100_000)
    assert b"431" in answer.partition(b"\r\n")[0]


@pytest.mark.parametrize(
    "data", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"hello\r\n\r\n", b"\0" * 300]
)
async def test_invalid_http_is_400(data):
    async with running() as server:
        answer = await ask(server, data)
    assert b"400" in answer.partition(b"\r\n")[0]


async def test_a_websocket_at_another_path_is_refused():
    upgrade = (
        "Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    )
    async with running() as server, await server.connect() as stream:
        await stream.send_all(f"GET /v1/elsewhere HTTP/1.1\r\n{upgrade}\r\n".encode())
        with trio.fail_after(2):
            answer = bytes(await stream.receive_some())
    assert b"403" in answer.partition(b"\r\n")[0] or b"404" in answer.partition(b"\r\n")[0]


async def test_two_hundred_half_open_connections_do_not_block_clients():
    async with running() as server, server.http() as http:
        streams = [await server.connect() for _ in range(200)]
        for stream in streams:
            await stream.send_all(b"GET /live HTT")
        with trio.fail_after(2):
            assert (await http.get("/live")).status_code == 200
        for stream in streams:
            await stream.aclose()


async def test_without_a_key_only_loopback_is_served():
    with pytest.raises(LocalError, match=r"0\.0\.0\.0"):
        await serve(ScriptedEngine(), load_front_end(), ServerSettings(host=("0.0.0.0",), port=0))
    async with running(host=("localhost",)) as server:
        assert server.port


async def test_an_embedding_program_may_cancel_it_at_any_time():
    for pause_s in (0.0, 0.001, 0.01, 0.05):
        with trio.move_on_after(pause_s):
            await serve(ScriptedEngine(), load_front_end(), ServerSettings(port=0))


async def test_the_first_signal_drains_and_the_second_ends_at_once():
    engine = ScriptedEngine(step_s=5)
    async with running(engine, handle_signals=True) as server, server.socket() as socket:
        await say(socket, text=TEXT * 5, flush=True)
        await socket.get_message()
        os.kill(os.getpid(), signal.SIGTERM)
        await server.drain.wait()
        await trio.sleep(0.1)
        assert not server.ended.is_set()
        os.kill(os.getpid(), signal.SIGINT)
        with trio.fail_after(1):
            await server.ended.wait()


async def test_tls_serves_sockets_and_http_on_the_same_port(certificates):
    async with running(**certificates) as server, server.http() as http:
        assert server.url.startswith("https://")
        assert (await http.get("/live")).status_code == 200
        answer = await http.post(f"/v1/text-to-speech/{VOICE}", json={"text": TEXT})
        assert answer.status_code == 200 and answer.content
        async with server.socket() as socket:
            await say(socket, text=TEXT)
            await say(socket, text="")
            assert (await hear(socket))[-1]["isFinal"] and socket.closed.code == 1000


async def test_plain_text_on_a_tls_port_is_dropped_and_tls_still_served(certificates):
    async with running(**certificates, head_timeout_s=0.5) as server, server.http() as http:
        stream = await trio.open_tcp_stream("127.0.0.1", server.port)
        async with stream:
            await stream.send_all(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
            with trio.fail_after(2):
                await read_all(stream)
        silent = await trio.open_tcp_stream("127.0.0.1", server.port)
        async with silent:
            with trio.fail_after(2):
                await read_all(silent)
        assert (await http.get("/live")).status_code == 200


async def test_half_of_a_certificate_is_refused(certificates):
    with pytest.raises(LocalError, match="tls"):
        await serve(
            ScriptedEngine(), load_front_end(), ServerSettings(port=0, tls_cert=certificates["tls_cert"])
        )
    with pytest.raises(LocalError, match="tls"):
        swapped = {"tls_cert": certificates["tls_key"], "tls_key": certificates["tls_cert"]}
        await serve(ScriptedEngine(), load_front_end(), ServerSettings(port=0, **swapped))


async def test_a_key_may_also_be_needed_for_http_over_tls(certificates):
    async with running(**certificates, keys=[KEY]) as server, server.http() as http:
        assert (await http.get("/v1/voices")).status_code == 401
        assert (await http.get("/v1/voices", headers={"xi-api-key": KEY})).status_code == 200
