"""The client's half of a WebSocket in as few instructions as Python allows.

The measured side must be the server, so this does what a bench needs of RFC 6455 and no more: text
frames out, whole unmasked frames in.  Frames are masked with the key 0, which is legal and leaves the
payload as it is.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import orjson

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
ACCEPTED = b"HTTP/1.1 101"


class WireError(Exception):
    """The server said something that a bench cannot use."""


def upgrade(host: str, target: str) -> bytes:
    """The request that opens a socket."""
    return (
        f"GET {target} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def frame(opcode: int, payload: bytes) -> bytes:
    """One whole frame."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    elif size < 65536:
        head = struct.pack("!BBH", 0x80 | opcode, 0xFE, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0xFF, size)
    return head + bytes(4) + payload


def message(fields: dict[str, object]) -> bytes:
    """A JSON object as a text frame."""
    return frame(TEXT, orjson.dumps(fields))


def close(code: int = 1000) -> bytes:
    """A close frame."""
    return frame(CLOSE, struct.pack("!H", code))


class FrameReader:
    """Bytes in, frames out, after the answer to the upgrade was read."""

    def __init__(self) -> None:
        self._held = bytearray()
        self.is_open = False

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Take bytes; yields (opcode, payload) of each frame that is whole.

        Raises:
            WireError: the upgrade was refused, or a message came in several frames.
        """
        held = self._held
        held += data
        if not self.is_open:
            end = held.find(b"\r\n\r\n")
            if end < 0:
                return
            if not held.startswith(ACCEPTED):
                raise WireError(f"upgrade: expected 101, found {bytes(held[:200])!r}")
            del held[: end + 4]
            self.is_open = True
        at = 0
        while len(held) - at >= 2:
            first, size = held[at], held[at + 1]
            begin = at + 2
            if size == 126:
                begin += 2
                size = int.from_bytes(held[at + 2 : begin], "big") if len(held) >= begin else 1 << 62
            elif size == 127:
                begin += 8
                size = int.from_bytes(held[at + 2 : begin], "big") if len(held) >= begin else 1 << 62
            if len(held) < begin + size:
                break
            if not first & 0x80:
                raise WireError("frame: expected whole messages, found a fragment")
            yield first & 0x0F, bytes(held[begin : begin + size])
            at = begin + size
        del held[:at]
