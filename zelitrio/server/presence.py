"""Find out whether the client of a request is still connected.

A client sends a FIN both when it closes its connection and when it only ends its sending side.  If more bytes
are sent to it, a closed connection answers with a reset.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import trio

from zelitrio.server.guarded import READ_BYTES, GuardedStream

MAX_AHEAD_BYTES = 64 * 1024
"""Bytes of pipelined requests that are read during an answer."""
PROBE_AFTER_S = 0.2
"""Time until a client that ended its sending side is probed.  A short answer needs no probe."""
PROBE = b"HTTP/1.1 100 Continue\r\n\r\n"
"""Clients ignore unexpected interim responses (RFC 9110, section 15.2)."""
_LOOK_FIRST_S, _LOOK_MOST_S = 0.002, 0.25


class EarlyBytes:
    """Keeps bytes that a client sends during an answer, for later requests."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.is_ended = False
        """Whether the client's sending side has ended."""

    async def wait_left(self, stream: GuardedStream, may_probe: Callable[[], bool]) -> None:
        """Read ahead until the client has left.

        Args:
            stream: the connection.
            may_probe: returns whether an interim response may be sent now.
        """
        while len(self.data) < MAX_AHEAD_BYTES:
            try:
                data = await stream.receive_some(READ_BYTES)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return
            if not data:
                self.is_ended = True
                break
            self.data += data
        if self.is_ended and stream.is_encrypted:
            return  # with TLS, clients do not end one side only
        probe_at = trio.current_time() + PROBE_AFTER_S if self.is_ended else math.inf
        look_s = _LOOK_FIRST_S
        while not stream.has_failed():
            await trio.sleep(look_s)
            look_s = min(2 * look_s, _LOOK_MOST_S)
            if trio.current_time() >= probe_at and may_probe():
                stream.send_nowait(PROBE)
                probe_at, look_s = math.inf, _LOOK_FIRST_S
