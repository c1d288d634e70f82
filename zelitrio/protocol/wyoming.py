"""Wyoming, the protocol of Home Assistant's voice services: bytes in, events out.

An event is a line of JSON, `data_length` bytes of JSON, and `payload_length` bytes of payload.  The line can
also contain data.  https://github.com/OHF-Voice/wyoming

Home Assistant streams every text: `synthesize-start`, `synthesize-chunk`, then for older servers the whole
text again as `synthesize`, then `synthesize-stop`.  So a `synthesize` inside a stream is ignored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import attrs
import orjson

from zelitrio.errors import RemoteError
from zelitrio.protocol.fields import Fields, decode_object, on_socket
from zelitrio.protocol.replies import BeginReply, EndReply, RefuseReply, ReplyEvent, ReplyText

MAX_LINE_BYTES = 64 * 1024
"""The limit of the `wyoming` package, which is asyncio's limit for a line."""


@attrs.frozen
class Describe:
    """Send `info`."""


@attrs.frozen
class Ping:
    """Send `pong` with the same text."""

    text: str | None


WyomingEvent: TypeAlias = "Describe | Ping | ReplyEvent"


@attrs.frozen
class _Head:
    kind: str
    data: dict[str, Any]
    data_bytes: int
    payload_bytes: int


class WyomingConnection:
    """The peer's side of one connection.  Never waits.

    Args:
        max_bytes: limit for the data and for the payload of one event.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._unread = bytearray()
        self._searched = 0
        """Bytes of `_unread` that were searched for a line end."""
        self._head: _Head | None = None
        self._skip = 0
        """Payload bytes to skip; no event for a speech service has a payload."""
        self._is_in_reply = False

    @property
    def is_in_event(self) -> bool:
        """Whether an event is incomplete."""
        return bool(self._unread) or self._head is not None or self._skip > 0

    @property
    def is_in_reply(self) -> bool:
        """Whether more text of a streamed reply will come."""
        return self._is_in_reply

    def receive(self, data: bytes | bytearray) -> list[WyomingEvent]:
        """Take bytes and return the events that they complete.

        Raises:
            RemoteError: `invalid_input_message` or `message_too_big`; then the connection is not usable.
        """
        self._unread += data
        events: list[WyomingEvent] = []
        while (whole := self._next()) is not None:
            events += self._understand(*whole)
        return events

    def _next(self) -> tuple[str, dict[str, Any]] | None:
        """Take the next event from the bytes, if complete."""
        if self._skip:
            skipped = min(self._skip, len(self._unread))
            del self._unread[:skipped]
            self._skip -= skipped
            if self._skip:
                return None
        if self._head is None:
            line = self._take_line()
            if line is None:
                return None
            self._head = _read_head(line, self._max_bytes)
        head = self._head
        if len(self._unread) < head.data_bytes:
            return None
        more = bytes(self._unread[: head.data_bytes])
        del self._unread[: head.data_bytes]
        self._skip, self._head = head.payload_bytes, None
        return head.kind, head.data | (decode_object(more, on_socket) if more else {})

    def _take_line(self) -> bytes | None:
        end = self._unread.find(b"\n", self._searched)
        if max(end, len(self._unread) if end < 0 else 0) > MAX_LINE_BYTES:
            raise RemoteError("message_too_big", f"Event: expected a line of at most {MAX_LINE_BYTES} bytes.")
        if end < 0:
            self._searched = len(self._unread)
            return None
        line = bytes(self._unread[:end])
        del self._unread[: end + 1]
        self._searched = 0
        return line

    def _understand(self, kind: str, data: dict[str, Any]) -> Iterator[WyomingEvent]:
        """Translate one event; events for other kinds of services are ignored."""
        fields = Fields(data, on_socket)
        match kind:
            case "describe":
                yield Describe()
            case "ping":
                text = data.get("text")
                yield Ping(text if isinstance(text, str) else None)
            case "synthesize" if not self._is_in_reply:
                yield from _begin(fields, is_streamed=False)
                yield from _text(fields)
                yield EndReply()
            case "synthesize-start":
                if self._is_in_reply:
                    yield EndReply()
                self._is_in_reply = True
                yield from _begin(fields, is_streamed=True)
            case "synthesize-chunk" if self._is_in_reply:
                yield from _text(fields)
            case "synthesize-stop" if self._is_in_reply:
                self._is_in_reply = False
                yield EndReply()


def event_bytes(kind: str, data: Mapping[str, Any] | None = None, payload: bytes = b"") -> bytes:
    """The bytes of one event; its data follows the line, because the line has a limit."""
    head: dict[str, Any] = {"type": kind}
    encoded = orjson.dumps(data) if data else b""
    if encoded:
        head["data_length"] = len(encoded)
    if payload:
        head["payload_length"] = len(payload)
    return orjson.dumps(head) + b"\n" + encoded + payload


def _read_head(line: bytes, max_bytes: int) -> _Head:
    fields = Fields(decode_object(line, on_socket), on_socket)
    kind = fields.text("type")
    if kind is None:
        raise fields.error("missing", "type", "the name of an event")
    data = fields.inner("data")
    sizes = []
    for name in ("data_length", "payload_length"):
        size = fields.whole(name, 0, 2**62) or 0
        if size > max_bytes:
            raise RemoteError("message_too_big", f"{name}: expected at most {max_bytes} bytes, found {size}.")
        sizes.append(size)
    return _Head(kind, data.to_dict() if data is not None else {}, *sizes)


def _begin(fields: Fields, *, is_streamed: bool) -> Iterator[WyomingEvent]:
    try:
        voice = fields.inner("voice")
        name = voice.text("name") if voice is not None else None
        language = voice.text("language") if voice is not None else None
        is_ssml = fields.choice("text_format", ("text", "ssml")) == "ssml"
    except RemoteError as error:
        yield BeginReply(is_streamed=is_streamed)
        yield RefuseReply(error)
    else:
        yield BeginReply(voice=name, language=language, is_ssml=is_ssml, is_streamed=is_streamed)


def _text(fields: Fields) -> Iterator[WyomingEvent]:
    try:
        text = fields.text("text")
        if text is None:
            raise fields.error("missing", "text", "a string")
    except RemoteError as error:
        yield RefuseReply(error)
    else:
        if text:
            yield ReplyText(text)
