"""Noticing an upgrade among the requests of one HTTP connection.

Clients keep connections, and some open a WebSocket on one that HTTP was spoken on before: aiohttp's
session does, and with it LiveKit's agents.  Where a request begins is for an HTTP parser to say: a body
may hold anything, also what looks like the head of another request.
"""

from __future__ import annotations

import h11


class UpgradeWatch:
    """Follows the bytes of a client, request by request.  Plain and synchronous.

    The first request is passed on whatever it asks for: somebody has looked at it before.

    Args:
        max_head_bytes: a longer head is passed on unread; it is refused there.
    """

    def __init__(self, max_head_bytes: int) -> None:
        self._max_head_bytes = max_head_bytes
        self._parser = self._new_parser()
        self._held = b""
        self._in_body = False
        self._is_first = True
        self._is_lost = False

    @property
    def held(self) -> bytes:
        """What was received and not passed on: an unfinished head, or the upgrade and what follows it."""
        return self._held

    def receive(self, data: bytes) -> tuple[bytes, bool]:
        """Take what the client sent.

        Returns:
            The bytes to pass on (a head only when it is whole), and whether `held` is an upgrade.
        """
        if self._is_lost or not data:
            return data, False
        self._held += data
        ready = b""
        try:
            self._parser.receive_data(data)
            while True:
                event = self._parser.next_event()
                if isinstance(event, h11.Request):
                    if not self._is_first and _asks_for_websocket(event):
                        return ready, True
                    self._in_body, self._is_first = True, False
                elif isinstance(event, h11.EndOfMessage):
                    rest = self._parser.trailing_data[0]
                    ready += self._held[: len(self._held) - len(rest)]
                    self._held, self._in_body, self._parser = rest, False, self._new_parser()
                    if not rest:
                        break
                    self._parser.receive_data(rest)
                elif not isinstance(event, h11.Data):
                    break
        except h11.RemoteProtocolError:
            self._is_lost = True  # whoever answers the requests says what is wrong
        if self._in_body or self._is_lost:
            ready, self._held = ready + self._held, b""
        return ready, False

    def _new_parser(self) -> h11.Connection:
        return h11.Connection(h11.SERVER, max_incomplete_event_size=self._max_head_bytes)


def _asks_for_websocket(request: h11.Request) -> bool:
    return any(
        name == b"upgrade" and value.strip().lower() == b"websocket" for name, value in request.headers
    )
