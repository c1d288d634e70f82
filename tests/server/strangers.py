"""Behaviour of clients that once ended a server."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Iterator

import trio

from bench.hostile import H2C, UPGRADE, UPGRADE_KEY, Visit, frame, head, http2, request2

WAIT_S = 2.0
SPEECH = "/v1/text-to-speech/zeli-voice-1"
_GOOD2 = ((b":scheme", b"http"), (b":authority", b"localhost"))
_JSON = ("Content-Type: application/json", "Content-Length: 100")


def _ways() -> Iterator[tuple[str, list[Visit]]]:
    """Yield each kind by name."""
    for ending in ("close", "reset"):
        half_a_body = (head(f"POST {SPEECH} HTTP/1.1", *_JSON, key=True), b'{"text": "' + b"y" * 40)
        yield (
            f"leaves in mid-body, {ending}",
            [Visit(parts=half_a_body, ending=ending, times=16, pause_s=0.01)],
        )
        chunked = (head(f"POST {SPEECH} HTTP/1.1", "Transfer-Encoding: chunked", key=True), b"a\r\n01234")
        yield f"leaves in a chunk, {ending}", [Visit(parts=chunked, ending=ending, times=16, pause_s=0.01)]
        unsent = head(f"POST {SPEECH} HTTP/1.1", *_JSON)
        yield f"401 and no body, {ending}", [Visit(parts=(unsent,), reads=12, ending=ending, times=64)]
        cross = head(f"POST {SPEECH} HTTP/1.1", *_JSON, "Origin: https://elsewhere.example")
        yield f"403 and no body, {ending}", [Visit(parts=(cross,), reads=12, ending=ending, times=64)]
        lost = head("POST /nowhere HTTP/1.1", *_JSON)
        yield f"404 and no body, {ending}", [Visit(parts=(lost,), reads=12, ending=ending, times=64)]
    yield "401 and half a body, stays", [Visit(parts=(unsent, b"y" * 50), ending="stay", times=16)]
    last = head("GET /live HTTP/1.1", "Connection: close")
    twice = last + head("GET /live HTTP/1.1")
    yield (
        "asks after close",
        [Visit(parts=(twice,), reads=12, times=16), Visit(parts=(twice,), ending="stay", times=16)],
    )
    later = (last, head("GET /live HTTP/1.1"))
    yield "asks after close, later", [Visit(parts=later, reads=12, times=16, pause_s=0.01)]
    old = b"GET /live HTTP/1.0\r\n\r\n"
    yield "an empty line after HTTP/1.0", [Visit(parts=(old + b"\r\n",), reads=12, times=16)]
    yield (
        "an empty line after HTTP/1.0, later",
        [Visit(parts=(old, b"\r\n"), reads=12, times=16, pause_s=0.01)],
    )
    for settings in ("%%%", "a", "\xff\xfe", "AAMAAABkAAQAAP__", ""):
        h2c = head("GET /live HTTP/1.1", H2C, f"HTTP2-Settings: {settings}")
        yield f"h2c with settings {settings!r}", [Visit(parts=(h2c,), reads=12, times=4)]
    yield "h2c without settings", [Visit(parts=(head("GET /live HTTP/1.1", H2C),), reads=12, times=4)]
    odd = [
        ("a method not ASCII", request2((b":method", b"G\xffT"), (b":path", b"/live"), *_GOOD2)),
        ("a path not ASCII", request2((b":method", b"GET"), (b":path", b"/\xff\xfe"), *_GOOD2)),
        ("CONNECT without a path", request2((b":method", b"CONNECT"), (b":authority", b"localhost"))),
        ("priorities", b"".join(frame(2, 0, 2 * n + 1, struct.pack("!IB", 0, 16)) for n in range(3000))),
    ]
    for name, sent in odd:
        yield f"HTTP/2: {name}", [Visit(parts=(http2(sent),), ending="stay", times=2)]
    for name, field, body in [
        ("a byte above 127", "X-Name: \xe9", b""),
        ("a protocol above 127", "Sec-WebSocket-Protocol: \xe9", b""),
        ("a body", "Content-Length: 5", b"hello"),
        ("a chunked body", "Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n"),
    ]:
        sent = head("GET /v1/elsewhere HTTP/1.1", UPGRADE, UPGRADE_KEY, field) + body
        yield f"upgrade elsewhere with {name}", [Visit(parts=(sent,), reads=12, times=4)]


WAYS = dict(_ways())


async def visit(port: int, one: Visit, wait_s: float = WAIT_S, tls: ssl.SSLContext | None = None) -> bytes:
    """Make one connection and return the answer."""
    heard = b""
    try:
        socket_stream = await trio.open_tcp_stream("127.0.0.1", port)
    except OSError:
        return heard
    stream: trio.SocketStream | trio.SSLStream[trio.SocketStream] = socket_stream
    if tls is not None:
        stream = trio.SSLStream(socket_stream, tls, server_hostname="localhost", https_compatible=True)
    try:
        for number, part in enumerate(one.parts):
            if number:
                await trio.sleep(one.pause_s)
            await stream.send_all(part)
        with trio.move_on_after(wait_s):
            while len(heard) < one.reads and (data := await stream.receive_some(65536)):
                heard += data
        if one.ending == "half":
            await socket_stream.send_eof()
        if one.ending in ("half", "stay"):
            with trio.move_on_after(wait_s):
                while data := await stream.receive_some(65536):
                    heard += data
        if one.ending == "reset":
            linger = struct.pack("ii", 1, 0)
            socket_stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        elif one.ending == "close" and tls is not None:
            await stream.aclose()  # with close_notify
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass
    finally:
        await trio.aclose_forcefully(socket_stream)
    return heard
