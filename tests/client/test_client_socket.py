"""A client's connection to its server, and the ways it fails."""

from __future__ import annotations

import base64
import hashlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import orjson
import pytest
import trio
import trustme
import wsproto
from echo_server import EchoServer, accepting, serving
from trio_websocket import WebSocketConnection, WebSocketRequest
from wsproto.events import AcceptConnection, CloseConnection, Request

from zelitrio.client import open_client
from zelitrio.errors import LocalError, RemoteError
from zelitrio.protocol import error_body


async def test_a_port_without_a_server_is_a_failed_connection() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    await listener.aclose()
    with pytest.raises(RemoteError, match="could not connect") as caught:
        async with open_client(f"ws://127.0.0.1:{port}"):
            raise AssertionError("never reached")
    assert caught.value.code == "connection_failed"


async def test_a_server_that_never_answers_is_given_up() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    with pytest.raises(RemoteError, match="no answer in time"):
        async with open_client(f"http://127.0.0.1:{port}", connect_timeout_s=0.1):
            raise AssertionError("never reached")
    await listener.aclose()


async def test_a_refused_upgrade_is_raised_with_the_servers_code() -> None:
    async def reject(upgrade: WebSocketRequest) -> None:
        body = orjson.dumps(error_body(RemoteError("unsupported_model", "no such model"), "r"))
        await upgrade.reject(400, extra_headers=[(b"content-length", b"%d" % len(body))], body=body)

    async with serving(reject) as url:
        with pytest.raises(RemoteError, match="no such model") as caught:
            async with open_client(url, model_id="eleven_v3"):
                raise AssertionError("never reached")
    assert caught.value.code == "unsupported_model"


async def test_an_error_in_the_block_is_raised_even_if_the_server_never_closes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("zelitrio.client.socket.CLOSE_TIMEOUT_S", 0.05)

    async def deaf(stream: trio.SocketStream) -> None:
        upgrade = await stream.receive_some()
        assert upgrade.startswith(b"GET")
        # The server answers the handshake, and then nothing.
        key = next(line for line in upgrade.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
        digest = hashlib.sha1(key.split(b": ")[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        await stream.send_all(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
        )
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, deaf, 0, host="127.0.0.1"))
        url = f"ws://127.0.0.1:{listener.socket.getsockname()[1]}"
        with pytest.raises(KeyError, match="mine"):
            async with open_client(url):
                raise KeyError("mine")
        async with open_client(url):
            pass
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def listening(behave: Callable[[trio.SocketStream], Awaitable[None]]) -> AsyncIterator[str]:
    """Run a server that is not a WebSocket server on a free port, and yield its URL."""
    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, behave, 0, host="127.0.0.1"))
        yield f"ws://127.0.0.1:{listener.socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
async def test_a_server_that_closes_in_the_handshake_is_distinguished_from_a_slow_one(answer: bytes) -> None:
    async def hang_up(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(answer)
        await stream.aclose()

    async with listening(hang_up) as url:
        with pytest.raises(RemoteError) as caught, trio.fail_after(5):
            async with open_client(url):
                raise AssertionError("never reached")
        assert caught.value.code == "connection_failed"


async def test_a_connection_that_is_reset_in_the_handshake_has_failed() -> None:
    async def reset(stream: trio.SocketStream) -> None:
        stream.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        await stream.receive_some()
        await stream.aclose()

    async with listening(reset) as url:
        with pytest.raises(RemoteError, match="hung up"):
            async with open_client(url):
                raise AssertionError("never reached")


async def test_tls_accepts_only_trusted_certificates() -> None:
    authority = trustme.CA()
    server_context, client_context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), None
    authority.issue_cert("localhost").configure_cert(server_context)
    client_context = ssl.create_default_context()
    authority.configure_trust(client_context)
    async with serving(EchoServer().handle, server_context) as url:
        secure = url.replace("ws://127.0.0.1", "wss://localhost")
        async with open_client(secure, ssl_context=client_context) as client:
            await client.send_text("Hi", flush=True)
            assert (await anext(client)).audio == b"Hi"
        with pytest.raises(RemoteError, match=r"could not connect.*certificate"):
            async with open_client(secure):
                raise AssertionError("never reached")


async def test_tls_to_a_silent_server_times_out() -> None:
    async def wait(stream: trio.SocketStream) -> None:
        await trio.sleep_forever()

    async with listening(wait) as url:
        with pytest.raises(RemoteError, match="no answer in time"):
            async with open_client(url.replace("ws:", "wss:"), connect_timeout_s=0.1):
                raise AssertionError("never reached")


@pytest.mark.parametrize("url", ["ftp://host", "ws://", "ws://host:99999", "ws://host:port"])
async def test_an_invalid_url_is_a_local_error(url: str) -> None:
    with pytest.raises(LocalError, match="url"):
        async with open_client(url):
            raise AssertionError("never reached")


async def test_a_client_that_is_cancelled_goes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zelitrio.client.socket.CLOSE_TIMEOUT_S", 60)

    async def stall(websocket: WebSocketConnection) -> None:
        await trio.sleep_forever()

    async with serving(accepting(stall)) as url:
        before = trio.current_time()
        with trio.move_on_after(0.1) as scope:
            async with open_client(url) as client:
                await anext(client)
        assert scope.cancelled_caught and trio.current_time() - before < 30


async def test_a_ping_that_crosses_the_close_frame_is_not_an_error() -> None:
    """trio-websocket answers pings also after its own close frame, and wsproto raises then."""

    async def ping_when_closed(stream: trio.SocketStream) -> None:
        protocol = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        while data := await stream.receive_some():
            protocol.receive_data(data)
            for event in protocol.events():
                if isinstance(event, Request):
                    await stream.send_all(protocol.send(AcceptConnection()))
                elif isinstance(event, CloseConnection):
                    await stream.send_all(b"\x89\x04ping" + protocol.send(event.response()))
                    return

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, ping_when_closed, 0, host="127.0.0.1"))
        port = listeners[0].socket.getsockname()[1]
        for _ in range(5):
            async with open_client(f"ws://127.0.0.1:{port}"):
                await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
