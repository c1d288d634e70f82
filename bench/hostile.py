"""Seeded traffic of hostile, broken and impatient clients: bytes to send, and how the connection ends."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator, Sequence

import attrs

KEY = "sk-zeli-right"
HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
ENDINGS = ("close", "reset", "half", "stay")
UPGRADE = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13"
UPGRADE_KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
H2C = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c"
MAX_PIPELINED = 8
_WORDS = (
    b"\r\n", b"\n", b"\r\n\r\n", b"\0", b"\xff", b"\x1b[31m", b":", b" ", b"\t", b"%00", b"%ff", b"..", b"//",
    b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/9.9", b"GET", b"PRI", b"CONNECT", b"Host: a.b", b"chunked",
    b"Transfer-Encoding: chunked\r\n", b"Content-Length: 99999999999999999999\r\n", b"Content-Length: -1\r\n",
    b"Connection: close\r\n", b"Connection: Upgrade\r\n", b"Upgrade: h2c\r\n", b"Upgrade: websocket\r\n",
    b"Expect: 100-continue\r\n", b"ffffffffffffffff\r\n", b"0\r\n\r\n",
)  # fmt: skip


@attrs.frozen(kw_only=True)
class Visit:
    """One connection: its bytes and its end.

    Attributes:
        parts: sent one after the other, with a pause of `pause_s` between them.
        reads: bytes of the answer to wait for before the end.
        ending: `close` with a FIN, `reset` with a RST, `half` ends the sending side and reads on, `stay`
            waits for the server to close.
        times: number of such connections.
    """

    parts: tuple[bytes, ...]
    reads: int = 0
    ending: str = "close"
    times: int = 1
    pause_s: float = 0.0


def head(line: str, *fields: str, key: bool = False) -> bytes:
    """Return a request head for this machine."""
    named = [f"xi-api-key: {KEY}"] if key else []
    return "\r\n".join([line, "Host: localhost", *named, *fields, "", ""]).encode("latin-1")


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One HTTP/2 frame (RFC 9113, section 4.1)."""
    return struct.pack("!I", len(payload))[1:] + bytes((kind, flags)) + struct.pack("!I", stream) + payload


def http2(*frames: bytes) -> bytes:
    """Return the client's side of an HTTP/2 connection."""
    return HTTP2_PREFACE + frame(4, 0, 0) + b"".join(frames)


def request2(*pairs: tuple[bytes, bytes], stream: int = 1) -> bytes:
    """HEADERS with END_STREAM and END_HEADERS, in literals without indexing (RFC 7541, section 6.2.2)."""
    block = b"".join(b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value for name, value in pairs)
    return frame(1, 5, stream, block)


def requests(voice_id: str) -> tuple[bytes, ...]:
    """Twenty requests, most of them valid, with short texts."""
    speech = f"POST /v1/text-to-speech/{voice_id}"
    socket = f"GET /v1/text-to-speech/{voice_id}/stream-input HTTP/1.1"
    said = b'{"text": "Hi."}'
    sized = f"Content-Length: {len(said)}"
    frames = socket_frames(b'{"text": " "}')
    lives = head("GET /live HTTP/1.1")
    return (
        lives,
        head("HEAD /ready HTTP/1.1"),
        head("GET /v1/voices HTTP/1.1", key=True),
        head("GET /v1/voices/ HTTP/1.1"),
        head("GET http://localhost/live HTTP/1.1"),
        head("OPTIONS * HTTP/1.1"),
        b"GET /live HTTP/1.0\r\n\r\n\r\n",
        head("GET /live HTTP/1.1", "Connection: close") + lives,
        lives * 3,
        head(f"{speech} HTTP/1.1", sized, key=True) + said,
        head(f"{speech}/stream HTTP/1.1", "Transfer-Encoding: chunked", key=True)
        + b"f\r\n%b\r\n0\r\n\r\n" % said,
        head(f"{speech} HTTP/1.1", sized) + said,
        head(f"{speech} HTTP/1.1", sized, "Expect: 100-continue") + said,
        head("POST /nowhere HTTP/1.1", sized) + said + lives,
        head(socket, UPGRADE, UPGRADE_KEY, key=True) + frames,
        lives + head(socket, UPGRADE, UPGRADE_KEY) + frames,
        head("GET /elsewhere HTTP/1.1", UPGRADE, UPGRADE_KEY, sized) + said,
        head("GET /live HTTP/1.1", H2C, "HTTP2-Settings: AAMAAABkAAQAAP__"),
        http2(request2((b":method", b"GET"), (b":path", b"/live"), (b":scheme", b"http"))),
        head("CONNECT localhost:80 HTTP/1.1") + lives,
    )


def door_requests(voice_id: str) -> tuple[bytes, ...]:
    """Requests for contexts, dialogue, telephone formats and dictionaries."""
    contexts = socket_frames(
        b'{"text": " ", "context_id": "a"}',
        b'{"text": "Hi.", "context_id": "a", "flush": true, "flush_id": "f"}',
        b'{"context_id": "a", "cancel": true}',
        b'{"close_socket": true}',
    )
    turns = socket_frames(
        b'{"inputs": [{"text": "Hi.", "voice_id": "%b"}]}' % voice_id.encode(), b'{"close_socket": true}'
    )
    call = socket_frames(b'{"type": "stream", "text": "Hi."}', b'{"type": "flush"}', b'{"type": "stop"}')
    dialogue = b'{"inputs": [{"text": "Hi.", "voice_id": "%b"}]}' % voice_id.encode()
    vapi = b'{"message": {"type": "voice-request", "text": "Hi.", "sampleRate": 8000}}'
    rules = b'{"name": "a", "rules": [{"type": "alias", "string_to_replace": "a", "alias": "b"}]}'
    file = (
        b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\na\r\n'
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.pls"\r\n\r\n<lexicon/>\r\n--x--\r\n'
    )

    def posted(path: str, body: bytes, content_type: str = "application/json") -> bytes:
        fields = (f"Content-Type: {content_type}", f"Content-Length: {len(body)}")
        return head(f"POST {path} HTTP/1.1", *fields, key=True) + body

    def opened(path: str, frames: bytes) -> bytes:
        return head(f"GET {path} HTTP/1.1", UPGRADE, UPGRADE_KEY, key=True) + frames

    return (
        opened(f"/v1/text-to-speech/{voice_id}/multi-stream-input", contexts),
        opened("/v1/text-to-dialogue/stream-input", turns),
        opened("/v1/text-to-dialogue/multi-stream-input", contexts),
        opened("/v1/jambonz/stream", call),
        posted("/v1/text-to-dialogue/stream", dialogue),
        posted("/v1/jambonz/speech", b'{"text": "Hi."}'),
        posted("/v1/vapi/voice-request", vapi),
        posted("/v1/audio/speech", b'{"input": "Hi.", "model": "tts-1", "voice": "alloy"}'),
        posted("/v1/pronunciation-dictionaries/add-from-rules", rules),
        posted("/v1/pronunciation-dictionaries/add-from-file", file, "multipart/form-data; boundary=x"),
        head("GET /v2/voices?page_size=1&search=a HTTP/1.1", "X-Forwarded-For: 1.2.3.4", key=True),
        head("GET /v1/models HTTP/1.1", "X-Forwarded-Prefix: /a", key=True),
    )


def wyoming_requests() -> tuple[bytes, ...]:
    """Home Assistant's messages to the Wyoming port: a text at once, and a text in pieces."""

    def event(kind: str, data: bytes = b"{}") -> bytes:
        return b'{"type": "%b", "data_length": %d}\n%b' % (kind.encode(), len(data), data)

    return (
        event("describe") + event("ping", b'{"text": "a"}'),
        event("synthesize", b'{"text": "Hi."}'),
        event("synthesize-start")
        + event("synthesize-chunk", b'{"text": "Hi. "}')
        + event("synthesize", b'{"text": "Hi."}')
        + event("synthesize-stop"),
    )


def socket_frames(*messages: bytes) -> bytes:
    """Text frames with a mask of zeros, then a close frame (RFC 6455, section 5.2)."""
    return b"".join(
        b"\x81" + _frame_length(len(one)) + bytes(4) + one for one in messages
    ) + b"\x88\x80" + bytes(4)  # fmt: skip


def _frame_length(length: int) -> bytes:
    return bytes([0x80 | length]) if length < 126 else b"\xfe" + struct.pack("!H", length)


def cut_visits(known: Sequence[bytes], every: int = 1) -> Iterator[Visit]:
    """Every request, cut at every byte, with every ending."""
    for request in known:
        for cut in range(0, len(request) + 1, every):
            for ending in ENDINGS[:3]:
                yield Visit(parts=(request[:cut],), ending=ending)


def random_visits(known: Sequence[bytes], seed: int) -> Iterator[Visit]:
    """Endless mutated requests and pipelines of them, cut in pieces."""
    drawn = random.Random(seed)
    while True:
        data = b"".join(
            _mutated(drawn, drawn.choice(known))
            for _ in range(1 if drawn.random() < 0.7 else drawn.randint(2, MAX_PIPELINED))
        )
        cuts = sorted(drawn.randrange(len(data) + 1) for _ in range(drawn.choice((0, 0, 0, 1, 2, 5))))
        parts = [data[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
        yield Visit(
            parts=tuple(part for part in parts if part),
            reads=drawn.choice((0, 0, 0, 1, 200)),
            ending=drawn.choices(ENDINGS, (4, 4, 2, 1))[0],
            pause_s=drawn.choice((0.0, 0.0, 0.002)),
        )


def _mutated(drawn: random.Random, request: bytes) -> bytes:
    data = bytearray(request)
    for _ in range(drawn.choice((0, 1, 1, 2, 4))):
        at = drawn.randrange(len(data) + 1)
        match drawn.randrange(6):
            case 0 if at < len(data):
                data[at] = drawn.randrange(256)
            case 1:
                del data[at : at + drawn.randint(1, 20)]
            case 2:
                data[at:at] = drawn.choice(_WORDS)
            case 3:
                data[at:at] = data[at : at + drawn.randint(1, 80)]
            case 4:
                data[at:at] = bytes([drawn.randrange(256)]) * drawn.choice((1, 10, 300, 20_000))
            case _:
                del data[at:]
    return bytes(data)
