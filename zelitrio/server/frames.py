"""The frames of one client: small text messages are read here, and wsproto reads everything else.

Nearly every message of a client is one small text frame.  It is read here in 1.2 us; wsproto, which reads all
kinds of frames in pieces of any size, takes 12 us.  wsproto gets each whole control frame.  The first frame
of any other kind hands the connection over to wsproto, so that each byte has one reader.
"""

from __future__ import annotations

from typing import TypeAlias

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import Event

_TEXT = 0x81
"""The first byte of a text message in one frame (RFC 6455, section 5.2)."""
_CONTROL = (0x88, 0x89, 0x8A)
"""The first byte of a close frame, a ping and a pong."""
_MASKED = 0x80
_LONG = 126
"""In place of a length: the length is in the next two bytes."""
MOST_BYTES = 4096
"""The longest payload that is read here."""

Found: TypeAlias = "str | Event"


class Frames:
    """Bytes of one WebSocket's client in, messages and events out.

    Args:
        received: bytes after the request.
    """

    def __init__(self, received: bytes = b"") -> None:
        self._others = Connection(ConnectionType.SERVER)
        self._held = received
        self._at = 0
        """The first unread byte of `_held`."""
        self._is_handed_over = False

    @property
    def state(self) -> ConnectionState:
        """Which side has closed."""
        return self._others.state

    def send(self, event: Event) -> bytes:
        """The bytes of a control frame to the client."""
        return self._others.send(event)

    def receive_data(self, data: bytes) -> None:
        """Take bytes of the client."""
        if self._is_handed_over:
            self._others.receive_data(data)
        else:
            self._held = self._held[self._at :] + data
            self._at = 0

    def next(self) -> Found | None:
        """A text message in one frame, or wsproto's event for anything else; None: more bytes are needed."""
        if self._is_handed_over:
            return next(self._others.events(), None)
        held, at = self._held, self._at
        if len(held) - at < 2:
            return None
        kind, length, begin = held[at], held[at + 1] - _MASKED, at + 6
        if kind == _TEXT and length == _LONG:
            if len(held) - at < 4:
                return None
            length, begin = int.from_bytes(held[at + 2 : at + 4]), at + 8
            is_known = _LONG <= length <= MOST_BYTES
        else:
            is_known = 0 <= length < _LONG and (kind == _TEXT or kind in _CONTROL)
        if not is_known:
            return self._hand_over()
        end = begin + length
        if len(held) < end:
            return None
        self._at = end
        if kind != _TEXT:
            self._others.receive_data(held[at:end])
            return next(self._others.events(), None)
        try:
            return _unmasked(held[begin:end], held[begin - 4 : begin]).decode()
        except UnicodeDecodeError:
            self._at = at
            return self._hand_over()

    def _hand_over(self) -> Event | None:
        self._is_handed_over = True
        self._others.receive_data(self._held[self._at :])
        self._held = b""
        return next(self._others.events(), None)


def _unmasked(payload: bytes, key: bytes) -> bytes:
    size = len(payload)
    keys = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload) ^ int.from_bytes(keys)).to_bytes(size)
