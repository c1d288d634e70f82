"""Reading the head of a request, bounded in time and size, to know who is to answer it."""

from __future__ import annotations

import attrs
import h11
import trio

from zelitrio.server.guarded import GuardedStream


class BadHeadError(Exception):
    """The head is not one.  `status` is what to answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@attrs.frozen
class RequestHead:
    """The first request on a connection: its head, and all bytes read so far."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    raw: bytes
    rest: bytes = b""
    """Of `raw`, what came behind the head."""

    @property
    def is_websocket(self) -> bool:
        """Whether it asks for an upgrade to a WebSocket."""
        return any(name == "upgrade" and value.strip().lower() == "websocket" for name, value in self.headers)


async def read_head(stream: GuardedStream, timeout_s: float, max_bytes: int) -> RequestHead | None:
    """Wait for a whole head; None when the peer left before its end.

    Raises:
        BadHeadError: too slow (408), too large (431) or not HTTP (400).
    """
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=max_bytes)
    raw = b""
    with trio.move_on_after(timeout_s):
        while True:
            try:
                event = parser.next_event()
            except h11.RemoteProtocolError as error:
                raise BadHeadError(error.error_status_hint, str(error)) from None
            if isinstance(event, h11.Request):
                headers = tuple(
                    (name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers
                )
                method, target = event.method.decode("ascii"), event.target.decode("latin-1")
                return RequestHead(method, target, headers, raw, parser.trailing_data[0])
            if len(raw) > max_bytes:
                raise BadHeadError(431, f"request head: expected at most {max_bytes} bytes")
            try:
                data = bytes(await stream.receive_some())
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return None
            if not data:
                return None
            raw += data
            parser.receive_data(data)
    raise BadHeadError(408, f"request head: expected within {timeout_s:g} s")
