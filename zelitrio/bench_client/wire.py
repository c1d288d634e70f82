"""The client's side of WebSocket (RFC 6455), with as little work in Python as possible.

The client must not limit the result, so this has only what a benchmark needs: it sends text frames and reads
complete messages.  It masks frames with the key 0, which is legal and leaves the payload unchanged.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

import orjson

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
MOST_UNSENT_BYTES = 64 * 1024
"""More pings than this are not answered if the server does not read."""
_MOST_HEAD_BYTES = 64 * 1024
_MOST_MESSAGE_BYTES = 1 << 24
"""Five minutes of PCM in one message.  The head of a frame can claim any length."""


class WireError(Exception):
    """The server sent an answer that cannot be measured.

    Attributes:
        kind: the kind of failure (see `failures`).
    """

    def __init__(self, message: str, kind: str = "wrong_protocol") -> None:
        super().__init__(message)
        self.kind = kind


def upgrade(host: str, target: str, headers: Mapping[str, str] | None = None) -> bytes:
    """Make the request that opens a socket."""
    more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    return (
        f"GET {target} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{more}"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def frame(opcode: int, payload: bytes) -> bytes:
    """Make one complete frame."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    elif size < 65536:
        head = struct.pack("!BBH", 0x80 | opcode, 0xFE, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0xFF, size)
    return head + bytes(4) + payload


def message(fields: Mapping[str, object]) -> bytes:
    """Make a text frame with a JSON object."""
    return frame(TEXT, orjson.dumps(fields))


def close(code: int = 1000) -> bytes:
    """Make a close frame."""
    return frame(CLOSE, struct.pack("!H", code))


def refusal_kind(status: int) -> str:
    """The kind of failure for an HTTP status."""
    return "redirect" if 300 <= status < 400 else f"http_{status}"


class FrameReader:
    """Reads the answer to the upgrade, then messages.

    `is_open` is true once the server has accepted the upgrade.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self._parts: bytearray | None = None
        self._opcode = 0
        self.is_open = False

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Take bytes; yield (opcode, payload) of each message or control frame that is complete.

        Raises:
            WireError: the server refused the upgrade, or does not speak WebSocket.
        """
        held = self._held
        held += data
        if not self.is_open:
            if not self._read_answer():
                return
            self.is_open = True
        at = 0
        while len(held) - at >= 2:
            first, size = held[at], held[at + 1]
            if first & 0x70 or size & 0x80:
                raise WireError(f"frame: expected a server's, found {bytes(held[at : at + 8])!r}")
            begin = at + 2
            if size == 126:
                begin += 2
                size = int.from_bytes(held[at + 2 : begin], "big") if len(held) >= begin else 1 << 62
            elif size == 127:
                begin += 8
                size = int.from_bytes(held[at + 2 : begin], "big") if len(held) >= begin else 1 << 62
            if size > _MOST_MESSAGE_BYTES and len(held) >= begin:
                raise WireError(f"frame: expected at most {_MOST_MESSAGE_BYTES} bytes, found {size}")
            if len(held) < begin + size:
                break
            payload = bytes(held[begin : begin + size])
            at = begin + size
            opcode = first & 0x0F
            if first & 0x80 and (self._parts is None or opcode >= CLOSE):
                yield opcode, payload
            else:
                yield from self._join(opcode, payload, is_last=bool(first & 0x80))
        del held[:at]

    def _read_answer(self) -> bool:
        held = self._held
        end = held.find(b"\r\n\r\n")
        if not held.startswith(b"HTTP/1."[: len(held)]) or (end < 0 and len(held) > _MOST_HEAD_BYTES):
            raise WireError(f"upgrade: expected an HTTP answer, found {bytes(held[:80])!r}")
        if end < 0:
            return False
        status = held[9:12]
        if status != b"101":
            known = int(status) if status.isdigit() else 0
            kind = refusal_kind(known) if known else "wrong_protocol"
            raise WireError(f"upgrade: expected 101, found {bytes(held[:200])!r}", kind)
        del held[: end + 4]
        return True

    def _join(self, opcode: int, payload: bytes, *, is_last: bool) -> Iterator[tuple[int, bytes]]:
        if self._parts is None:
            self._parts, self._opcode = bytearray(), opcode
        self._parts += payload
        if len(self._parts) > _MOST_MESSAGE_BYTES:
            raise WireError(f"message: expected at most {_MOST_MESSAGE_BYTES} bytes")
        if is_last:
            whole, self._parts = bytes(self._parts), None
            yield self._opcode, whole
