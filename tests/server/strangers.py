"""What a client without a key, or an ordinary one that leaves, has ended a server with: bytes and how to end.

Every way is a list of `Visit`s.  They need nothing but a TCP socket.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import attrs

KEY = "sk-zeli-right"
SPEECH = "/v1/text-to-speech/zeli-voice-1"
UPGRADE = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
UPGRADE_KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


@attrs.frozen(kw_only=True)
class Visit:
    """One connection: what it sends, and how it ends.

    Attributes:
        parts: sent one after the other, with a pause of `pause_s` between them.
        reads: bytes of the answer to wait for before it ends.
        ending: `close` with a FIN, `reset` with a RST, `half` closes the sending side and reads on,
            `stay` waits for the server to close, a second at most.
        times: how many such connections.
    """

    parts: tuple[bytes, ...]
    reads: int = 0
    ending: str = "close"
    times: int = 16
    pause_s: float = 0.0


def head(line: str, *fields: str, key: bool = False) -> bytes:
    """A request head for this machine."""
    named = [f"xi-api-key: {KEY}"] if key else []
    return "\r\n".join([line, "Host: localhost", *named, *fields, "", ""]).encode("latin-1")


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One HTTP/2 frame (RFC 9113, section 4.1)."""
    return struct.pack("!I", len(payload))[1:] + bytes((kind, flags)) + struct.pack("!I", stream) + payload


def fields(*pairs: tuple[bytes, bytes]) -> bytes:
    """HPACK literals without indexing (RFC 7541, section 6.2.2)."""
    return b"".join(b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value for name, value in pairs)


def http2(*frames: bytes) -> bytes:
    """The client's side of an HTTP/2 connection."""
    return PREFACE + frame(4, 0, 0) + b"".join(frames)


def request2(*pairs: tuple[bytes, bytes], stream: int = 1) -> bytes:
    """HEADERS with END_STREAM and END_HEADERS."""
    return frame(1, 5, stream, fields(*pairs))


_GOOD2 = ((b":scheme", b"http"), (b":authority", b"localhost"))
_JSON = ("Content-Type: application/json", "Content-Length: 100")
_H2C = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c")


def _ways() -> Iterator[tuple[str, list[Visit]]]:
    """All of them by name."""
    for ending in ("close", "reset"):
        half_a_body = (head(f"POST {SPEECH} HTTP/1.1", *_JSON, key=True), b'{"text": "' + b"y" * 40)
        yield f"leaves in mid-body, {ending}", [Visit(parts=half_a_body, ending=ending, pause_s=0.01)]
        chunked = (head(f"POST {SPEECH} HTTP/1.1", "Transfer-Encoding: chunked", key=True), b"a\r\n01234")
        yield f"leaves in a chunk, {ending}", [Visit(parts=chunked, ending=ending, pause_s=0.01)]
        unsent = head(f"POST {SPEECH} HTTP/1.1", *_JSON)
        yield f"401 and no body, {ending}", [Visit(parts=(unsent,), reads=12, ending=ending, times=64)]
        cross = head(f"POST {SPEECH} HTTP/1.1", *_JSON, "Origin: https://elsewhere.example")
        yield f"403 and no body, {ending}", [Visit(parts=(cross,), reads=12, ending=ending, times=64)]
        lost = head("POST /nowhere HTTP/1.1", *_JSON)
        yield f"404 and no body, {ending}", [Visit(parts=(lost,), reads=12, ending=ending, times=64)]
    yield "401 and half a body, stays", [Visit(parts=(unsent, b"y" * 50), ending="stay", times=16)]
    last = head("GET /live HTTP/1.1", "Connection: close")
    twice = last + head("GET /live HTTP/1.1")
    yield "asks after close", [Visit(parts=(twice,), reads=12), Visit(parts=(twice,), ending="stay")]
    yield "asks after close, later", [Visit(parts=(last, head("GET /live HTTP/1.1")), reads=12, pause_s=0.01)]
    old = b"GET /live HTTP/1.0\r\n\r\n"
    yield "an empty line after HTTP/1.0", [Visit(parts=(old + b"\r\n",), reads=12)]
    yield "an empty line after HTTP/1.0, later", [Visit(parts=(old, b"\r\n"), reads=12, pause_s=0.01)]
    for settings in ("%%%", "a", "\xff\xfe", "AAMAAABkAAQAAP__", ""):
        h2c = head("GET /live HTTP/1.1", *_H2C, f"HTTP2-Settings: {settings}")
        yield f"h2c with settings {settings!r}", [Visit(parts=(h2c,), reads=12, times=4)]
    yield "h2c without settings", [Visit(parts=(head("GET /live HTTP/1.1", *_H2C),), reads=12, times=4)]
    odd = [
        ("a method not ASCII", request2((b":method", b"G\xffT"), (b":path", b"/live"), *_GOOD2)),
        ("a path not ASCII", request2((b":method", b"GET"), (b":path", b"/\xff\xfe"), *_GOOD2)),
        ("CONNECT without a path", request2((b":method", b"CONNECT"), (b":authority", b"localhost"))),
        (
            "priorities",
            b"".join(frame(2, 0, 2 * n + 1, struct.pack("!IB", 0, 16)) for n in range(3000)),
        ),
    ]
    for name, sent in odd:
        yield f"HTTP/2: {name}", [Visit(parts=(http2(sent),), ending="stay", times=2)]
    elsewhere = f"GET /v1/elsewhere HTTP/1.1\r\nHost: localhost\r\n{UPGRADE}{UPGRADE_KEY}"
    for name, added in [
        ("a byte above 127", "X-Name: \xe9\r\n\r\n"),
        ("a protocol above 127", "Sec-WebSocket-Protocol: \xe9\r\n\r\n"),
        ("a body", "Content-Length: 5\r\n\r\nhello"),
        ("a chunked body", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    ]:
        sent = (elsewhere + added).encode("latin-1")
        yield f"upgrade elsewhere with {name}", [Visit(parts=(sent,), reads=12, times=4)]


WAYS = dict(_ways())
