"""The queue of messages to one peer.

`put`, for audio, waits while the queue is full, so a slow peer delays only its own streams.  `post`, for
notices (errors, final messages), never waits, because the reader calls it and must always be receiving.

If the queue is empty, a message goes into the transport at once, without waking the writer.  The writer sends
the rest if the transport takes only a part; later messages queue until then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

import attrs
import trio

from zelitrio.errors import ZelitrioError
from zelitrio.session.signals import Signal

PACKETS_PER_CONTEXT = 2
"""One is being sent and one is ready, so the writer never waits for an encoder.  A barge-in drops the
queue."""
MAX_NOTICES = 256
"""Unread error and final messages.  A normal peer causes far fewer.  It bounds a peer that sends malformed
messages and never reads."""


class OutboxOverflowError(ZelitrioError):
    """The peer causes notices faster than it reads them."""


@attrs.frozen(eq=False)
class Outgoing:
    """Messages to the peer that are sent together.

    Attributes:
        messages: in order.
        owner: their context; None: the socket.
        chunk: number of their chunk.
        sent: called after all of them were sent.
        begun: called when the transport takes them; then they cannot be dropped any more.
    """

    messages: tuple[str, ...]
    owner: object = None
    chunk: int = 0
    sent: Callable[[], None] | None = None
    begun: Callable[[], None] | None = None


def _takes_nothing(*messages: str) -> bool:
    return False


def _ignore() -> None:
    """Default `begin_writing`: the writer runs from the start."""


@attrs.define(eq=False)
class Outbox:
    """The queue of messages to one peer.

    Args:
        offer: gives messages to the transport and returns whether all were sent (`SocketTransport.offer`).
        begin_writing: called once, when `write` has something to do.
    """

    _offer: Callable[..., bool] = _takes_nothing
    _begin_writing: Callable[[], None] = _ignore
    _begun: Outgoing | None = attrs.field(default=None, init=False)
    """Messages that the transport has not sent completely."""
    _is_writing: bool = attrs.field(default=False, init=False)
    """Whether the writer is waiting for the transport."""
    _items: deque[Outgoing] = attrs.field(factory=deque, init=False)
    _notices: int = attrs.field(default=0, init=False)
    _changed: Signal = attrs.field(factory=Signal, init=False)
    _closing: tuple[int, str] | None = attrs.field(default=None, init=False)

    @property
    def is_closing(self) -> bool:
        """Whether `close` was called."""
        return self._closing is not None

    @property
    def is_idle(self) -> bool:
        """Whether the transport gets the next message at once, because the queue is empty."""
        return not (self._items or self._is_writing or self._begun or self._closing)

    @property
    def closing_now(self) -> tuple[int, str] | None:
        """Code and reason if `close` was called and everything was sent; None otherwise."""
        return None if self._items or self._is_writing or self._begun else self._closing

    def put_nowait(self, messages: tuple[str, ...], sent: Callable[[], None]) -> None:
        """Send messages together while `is_idle`; never waits.  They cannot be taken back.

        Args:
            messages: in order.
            sent: called when all of them were sent.
        """
        if self._offer(*messages):
            sent()
        else:
            self._begun = Outgoing(messages, sent=sent)
            self._wake_writer()

    async def put(self, item: Outgoing) -> None:
        """Wait until fewer than PACKETS_PER_CONTEXT packets of `item.owner` are queued, then queue the item.

        If cancelled, it queues nothing.  If there is room, it is not a checkpoint, because other tasks would
        delay first audio.  There is room for two packets only, so a caller in a loop still waits.
        """
        while (
            len(self._items) >= PACKETS_PER_CONTEXT
            and sum(waiting.owner is item.owner for waiting in self._items) >= PACKETS_PER_CONTEXT
        ):
            await self._changed.wait()
        # A task that was scheduled when its stream was cancelled also gets here.
        await trio.lowlevel.checkpoint_if_cancelled()
        if not self.is_closing:
            self._send(item)

    def post(self, text: str) -> None:
        """Queue a notice after everything that is queued; never waits.

        Raises:
            OutboxOverflowError: MAX_NOTICES are queued already.
        """
        if self.is_closing:
            return
        if self._notices >= MAX_NOTICES:
            raise OutboxOverflowError(f"{self._notices} notices wait unread")
        self._notices += 1
        self._send(Outgoing((text,), sent=self._notice_left))

    def drop(self, owner: object, since_chunk: int = 0) -> None:
        """Drop the queued audio of `owner`, from chunk `since_chunk` on."""
        self._items = deque(
            item for item in self._items if item.owner is not owner or item.chunk < since_chunk
        )
        self._changed.notify()

    def drop_audio(self) -> None:
        """Drop the queued audio of all contexts; notices stay."""
        self._items = deque(item for item in self._items if item.owner is None)
        self._changed.notify()

    def close(self, code: int, reason: str) -> None:
        """Close the conversation with this code after everything queued; later calls do nothing."""
        if self._closing is None:
            self._closing = (code, reason)
            self._wake_writer()

    def forget_writer(self) -> None:
        """Drop the callback that starts the writer, because it refers to the outbox's owner."""
        self._begin_writing = _ignore

    async def write(self, flush: Callable[[], Awaitable[None]]) -> tuple[int, str]:
        """Send the messages that the transport did not take at once, until `close` was called.

        Args:
            flush: waits until the transport has sent everything it took.

        Returns:
            The close code and reason, once the queue is empty.
        """
        while True:
            item, self._begun = self._begun, None
            if item is None and self._items:
                item = self._items.popleft()
                self._changed.notify()
                if self._give(item):
                    _left(item)
                    continue
            if item is not None:
                self._is_writing = True
                await flush()
                self._is_writing = False
                _left(item)
            elif self._closing is not None:
                return self._closing
            else:
                await self._changed.wait()

    def _send(self, item: Outgoing) -> None:
        if self._items or self._begun is not None or self._is_writing:
            self._items.append(item)
        elif self._give(item):
            _left(item)
            return
        else:
            self._begun = item
        self._wake_writer()

    def _wake_writer(self) -> None:
        begin, self._begin_writing = self._begin_writing, _ignore
        begin()
        self._changed.notify()

    def _give(self, item: Outgoing) -> bool:
        if item.begun is not None:
            item.begun()
        return self._offer(*item.messages)

    def _notice_left(self) -> None:
        self._notices -= 1


def _left(item: Outgoing) -> None:
    if item.sent is not None:
        item.sent()
