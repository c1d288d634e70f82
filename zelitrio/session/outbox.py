"""The queue of messages to one peer.

Audio waits for room, so that a slow peer holds back only its own streams.  Short notices never wait, because
the reader posts them and must always be reading.

With an empty queue a message goes straight into the transport, in the task that made it, and wakes no writer.
If the transport does not take all of it, the writer sends the rest, and later messages queue until then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

import attrs
import trio

from zelitrio.errors import ZelitrioError
from zelitrio.session.signals import Signal

PACKETS_PER_CONTEXT = 2
"""One on its way and one ready, so that the writer never waits for an encoder.  A barge-in has to take back
every further one."""
MAX_NOTICES = 256
"""Error and final messages that may wait unread.  A normal peer causes far fewer; this bounds a peer that
sends malformed messages and never reads."""


class OutboxOverflowError(ZelitrioError):
    """The peer causes notices faster than it reads them."""


@attrs.frozen(eq=False)
class Outgoing:
    """Messages to the peer that leave together.

    Attributes:
        messages: in order.
        owner: the context that they belong to; None: the socket.
        chunk: number of the chunk that they speak.
        sent: called when they have left.
        begun: called when the transport gets them: from then on all of them will leave.
    """

    messages: tuple[str, ...]
    owner: object = None
    chunk: int = 0
    sent: Callable[[], None] | None = None
    begun: Callable[[], None] | None = None


def _takes_nothing(*messages: str) -> bool:
    """Default `offer`: the transport takes nothing at once."""
    return False


@attrs.define(eq=False)
class Outbox:
    """A queue with two entrances: `put` for audio waits for room, `post` for notices does not.

    Args:
        offer: gives messages to the transport and says whether they left whole (`SocketTransport.offer`).
    """

    _offer: Callable[..., bool] = _takes_nothing
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

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits, so that the transport gets the next message at once."""
        return not (self._items or self._is_writing or self._begun or self._closing)

    def put_nowait(self, item: Outgoing) -> None:
        """Send audio while `is_idle`; never waits."""
        self._send(item)

    async def put(self, item: Outgoing) -> None:
        """Queue audio of `item.owner` once fewer than PACKETS_PER_CONTEXT of its packets wait.

        Queues nothing if cancelled.  While there is room it lets no other task run: that would delay first
        audio, and there is room for two packets only.
        """
        while (
            len(self._items) >= PACKETS_PER_CONTEXT
            and sum(waiting.owner is item.owner for waiting in self._items) >= PACKETS_PER_CONTEXT
        ):
            await self._changed.wait()
        # A task that was about to run when its stream was cancelled gets here, too.
        await trio.lowlevel.checkpoint_if_cancelled()
        if not self.is_closing:
            self._send(item)

    def post(self, text: str) -> None:
        """Queue a notice after everything that waits already; never waits.

        Raises:
            OutboxOverflowError: MAX_NOTICES wait already.
        """
        if self.is_closing:
            return
        if self._notices >= MAX_NOTICES:
            raise OutboxOverflowError(f"{self._notices} notices wait unread")
        self._notices += 1
        self._send(Outgoing((text,), sent=self._notice_left))

    def drop(self, owner: object, since_chunk: int = 0) -> None:
        """Take back the audio of `owner` from this chunk on that was not sent yet."""
        self._items = deque(
            item for item in self._items if item.owner is not owner or item.chunk < since_chunk
        )
        self._changed.notify()

    def drop_audio(self) -> None:
        """Take back the audio of all contexts; notices stay."""
        self._items = deque(item for item in self._items if item.owner is None)
        self._changed.notify()

    def close(self, code: int, reason: str) -> None:
        """End the conversation with this code once everything queued has left; the first call wins."""
        if self._closing is None:
            self._closing = (code, reason)
            self._changed.notify()

    async def write(self, flush: Callable[[], Awaitable[None]]) -> tuple[int, str]:
        """Send what could not leave at once, until only the close code and reason are left.

        Args:
            flush: waits until the transport has sent all it was offered.
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
