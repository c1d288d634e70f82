"""Read the head of a request within limits of time and size."""

from __future__ import annotations

import re
from http import HTTPStatus

import attrs
import h11
import trio

from zelitrio.server.guarded import GuardedStream

MAX_LINES = 128
"""Limit of header fields.  h11 takes 4 us for each; browsers send about 20."""
VERSIONS = ("1.0", "1.1")
_HEAD_END = re.compile(rb"\n\r?\n")
_UPGRADES = ("upgrade", "http2-settings")
_PLAIN_LINE = re.compile(rb"GET ([!-~]+) HTTP/1\.1")
_PLAIN_FIELD = re.compile(rb"([-!#$%&'*+.^_`|~0-9A-Za-z]+):[ \t]*((?:[!-~]+(?:[ \t]+[!-~]+)*)?)[ \t]*")
_BODY_FIELDS = frozenset({"content-length", "transfer-encoding"})


class BadHeadError(Exception):
    """The head is not valid; `status` is the HTTP status of the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@attrs.frozen
class RequestHead:
    """The head of a request, and the bytes read with it.

    Attributes:
        rest: the bytes after the head in `raw`.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    raw: bytes
    rest: bytes = b""
    version: str = "1.1"

    @property
    def is_websocket(self) -> bool:
        """Whether it asks for an upgrade to a WebSocket."""
        return any(name == "upgrade" and value.strip().lower() == "websocket" for name, value in self.headers)

    def without_upgrade(self) -> RequestHead:
        """The same request without its upgrade, which a server may ignore (RFC 9110, section 7.8)."""
        if not any(name in _UPGRADES for name, _ in self.headers):
            return self
        kept = tuple((name, value) for name, value in self.headers if name not in _UPGRADES)
        lines = [f"{self.method} {self.target} HTTP/{self.version}", *(f"{n}: {v}" for n, v in kept), "", ""]
        raw = "\r\n".join(lines).encode("latin-1") + self.rest
        return attrs.evolve(self, headers=kept, raw=raw)


async def read_head(stream: GuardedStream, timeout_s: float, max_bytes: int) -> RequestHead | None:
    """Wait for a whole head; return None if the peer leaves before.

    Raises:
        BadHeadError: too slow (408), too large (431), an unsupported version (505), a method in lower case
            (501), or not HTTP (400).
    """
    parser: h11.Connection | None = None
    raw = b""
    with trio.move_on_after(timeout_s):
        while True:
            try:
                data = bytes(await stream.receive_some())
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return None
            if not data:
                return None
            if not raw:
                data = data.lstrip(b"\r\n")  # some clients send CRLF after a body (RFC 9112, section 2.2)
                if (head := plain_upgrade(data, max_bytes)) is not None:
                    return head
            if data:  # h11 takes empty bytes as the end of the connection
                if parser is None:
                    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=max_bytes)
                raw += data
                parser.receive_data(data)
                if (head := _parse(parser, raw, max_bytes)) is not None:
                    return head
    raise BadHeadError(408, f"request head: expected within {timeout_s:g} s")


def plain_upgrade(raw: bytes, max_bytes: int) -> RequestHead | None:
    """Return the head of a usual request for a WebSocket; None for all other requests.

    h11 reads such a head the same, but takes four times as long.
    """
    end = raw.find(b"\r\n\r\n", 0, max_bytes + 4)
    line, *fields = raw[: max(end, 0)].split(b"\r\n")
    asked = _PLAIN_LINE.fullmatch(line)
    if asked is None or len(fields) + 2 > MAX_LINES:
        return None
    headers = []
    for field in fields:
        found = _PLAIN_FIELD.fullmatch(field)
        if found is None:
            return None
        headers.append((found[1].decode().lower(), found[2].decode()))
    names = [name for name, _ in headers]
    head = RequestHead("GET", asked[1].decode(), tuple(headers), raw, raw[end + 4 :])
    is_plain = names.count("host") == 1 and _BODY_FIELDS.isdisjoint(names)
    return head if is_plain and head.is_websocket else None


def _parse(parser: h11.Connection, raw: bytes, max_bytes: int) -> RequestHead | None:
    end = _HEAD_END.search(raw, 0, max_bytes + 4)
    if end is not None and raw.count(b"\n", 0, end.end()) > MAX_LINES:
        raise BadHeadError(431, f"request head: expected at most {MAX_LINES} header fields")
    if end is None and len(raw) > max_bytes:
        raise BadHeadError(431, f"request head: expected at most {max_bytes} bytes")
    try:
        event = parser.next_event()
    except h11.RemoteProtocolError as error:
        raise BadHeadError(error.error_status_hint, str(error)) from None
    if not isinstance(event, h11.Request):
        return None
    version = event.http_version.decode("ascii")
    if version not in VERSIONS:
        message = f"request head: expected HTTP/1.1, found HTTP/{version}"
        raise BadHeadError(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, message)
    method = event.method.decode("ascii")
    if method != method.upper():
        # Methods are case-sensitive (RFC 9110, section 9.1).  hypercorn reads `head` as HEAD, h11 does not.
        raise BadHeadError(501, f"request head: expected a method in capitals, found {method[:32]}")
    return RequestHead(
        method,
        event.target.decode("latin-1"),
        tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers),
        raw,
        parser.trailing_data[0],
        version,
    )
