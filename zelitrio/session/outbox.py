"""What waits to be sent to one peer, in order.

Audio waits for room (so that a slow peer holds back its own streams and nobody else's); short
notices never wait, because the reader posts them and must always be reading.

A peer that takes what it gets needs no queue: with nothing before it, a message goes straight into the
transport, in the task that made it, and no writer has to be woken for it.  What the transport does not
take whole is the writer's to push after, and until that has left, all others queue.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

import attrs
import trio

from zelitrio.errors import ZelitrioError
from zelitrio.session.signals import Signal

PACKETS_PER_CONTEXT = 2
"""One on its way and one ready, so that the writer never waits for an encoder; more would only be
audio that a barge-in has to take back."""
MAX_NOTICES = 256
"""Errors and finals a peer may leave unread: far above what an honest one causes, and a bound for one
that sends nonsense without ever reading."""


class OutboxOverflowError(ZelitrioError):
    """The peer causes notices faster than it reads them."""


@attrs.frozen(eq=False)
class Outgoing:
    """One message to the peer: whose it is (None: the socket's own), and what to do once it left."""

    text: str
    owner: object = None
    chunk: int = 0
    """Which chunk of its owner's it speaks."""
    sent: Callable[[], None] | None = None


def _takes_nothing(text: str) -> bool:
    """Stands for a transport that always has to be waited for."""
    return False


@attrs.define(eq=False)
class Outbox:
    """A queue with two doors: `put` for audio waits for room, `post` for notices does not.

    Args:
        offer: gives a message to the transport and says whether it left whole (`SocketTransport.offer`).
    """

    _offer: Callable[[str], bool] = _takes_nothing
    _begun: Outgoing | None = attrs.field(default=None, init=False)
    """The transport has it, but could not send all of it."""
    _is_writing: bool = attrs.field(default=False, init=False)
    """The writer is waiting for the transport."""
    _items: deque[Outgoing] = attrs.field(factory=deque, init=False)
    _notices: int = attrs.field(default=0, init=False)
    _changed: Signal = attrs.field(factory=Signal, init=False)
    _closing: tuple[int, str] | None = attrs.field(default=None, init=False)

    @property
    def is_closing(self) -> bool:
        """Whether `close` was called."""
        return self._closing is not None

    async def put(self, item: Outgoing) -> None:
        """Queue audio of `item.owner` once fewer than PACKETS_PER_CONTEXT of its packets wait.

        Cancelled, it queues nothing, but it lets nobody else run while there is room: first audio would
        pay for it, and room ends after two.
        """
        while sum(waiting.owner is item.owner for waiting in self._items) >= PACKETS_PER_CONTEXT:
            await self._changed.wait()
        # A task that was about to run when its stream was silenced gets here all the same.
        await trio.lowlevel.checkpoint_if_cancelled()
        if not self.is_closing:
            self._send(item)

    def post(self, text: str) -> None:
        """Queue a notice behind everything that waits already; never waits.

        Raises:
            OutboxOverflowError: MAX_NOTICES wait already.
        """
        if self.is_closing:
            return
        if self._notices >= MAX_NOTICES:
            raise OutboxOverflowError(f"{self._notices} notices wait unread")
        self._notices += 1
        self._send(Outgoing(text, sent=self._notice_left))

    def drop(self, owner: object, since_chunk: int = 0) -> None:
        """Take back the audio of `owner` from this chunk on, as far as it was not sent yet."""
        self._items = deque(
            item for item in self._items if item.owner is not owner or item.chunk < since_chunk
        )
        self._changed.notify()

    def drop_audio(self) -> None:
        """Take back all audio of everybody; notices stay."""
        self._items = deque(item for item in self._items if item.owner is None)
        self._changed.notify()

    def close(self, code: int, reason: str) -> None:
        """End the conversation with this code once everything queued has left; the first call wins."""
        if self._closing is None:
            self._closing = (code, reason)
            self._changed.notify()

    async def write(self, flush: Callable[[], Awaitable[None]]) -> tuple[int, str]:
        """Send what could not leave at once, until the close code and reason are all that is left.

        Args:
            flush: waits until the transport has sent all it was offered.
        """
        while True:
            item, self._begun = self._begun, None
            if item is None and self._items:
                item = self._items.popleft()
                self._changed.notify()
                if self._offer(item.text):
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
        elif self._offer(item.text):
            _left(item)
            return
        else:
            self._begun = item
        self._changed.notify()

    def _notice_left(self) -> None:
        self._notices -= 1


def _left(item: Outgoing) -> None:
    if item.sent is not None:
        item.sent()
