"""Speak the replies of one connection, one after the other, while their text is coming.

The reader puts the peer's events into the `Inbox` without waiting.  `ReplySpeaker.run` takes them and is the
only task that sends audio.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from typing import Protocol

import attrs
import trio

from zelitrio.errors import RemoteError, ZelitrioError
from zelitrio.protocol import BeginReply, RefuseReply, ReplyEvent, ReplyText, to_remote_error
from zelitrio.server.quiet_log import get_log
from zelitrio.server.state import ServerState
from zelitrio.session import AccountLike, Meter, Packet, Signal, StreamOptions, speak

EVENT_CHARS = 64
"""Each event counts as this many more characters, so that events without text are limited too."""
log = get_log()


class Inbox:
    """Waiting events.

    Args:
        max_chars: limit for the text of all waiting events.
    """

    def __init__(self, max_chars: int) -> None:
        self._max_chars = max_chars
        self._events: deque[ReplyEvent] = deque()
        self._chars = 0
        self._is_closed = False
        self._changed = Signal()

    def put(self, event: ReplyEvent) -> None:
        """Add an event; never waits.  After `close` it is dropped.

        Raises:
            RemoteError: `message_too_big`: more than `max_chars` would wait.
        """
        if self._is_closed:
            return
        self._chars += _size(event)
        if self._chars > self._max_chars:
            raise RemoteError(
                "message_too_big", f"Text that waits: expected at most {self._max_chars} characters."
            )
        self._events.append(event)
        self._changed.notify()

    def close(self) -> None:
        """Note that no more events will come."""
        self._is_closed = True
        self._changed.notify()

    async def take(self) -> ReplyEvent | None:
        """Wait for the next event; None after the last one."""
        await trio.lowlevel.checkpoint()
        while not self._events:
            if self._is_closed:
                return None
            await self._changed.wait()
        event = self._events.popleft()
        self._chars -= _size(event)
        return event


class ReplyWire(Protocol):
    """The messages with which one protocol carries replies."""

    def choose(self, reply: BeginReply) -> StreamOptions:
        """Choose voice and format.

        Raises:
            RemoteError: the voice or format is unknown.
        """

    async def start(self, reply: BeginReply, options: StreamOptions) -> None:
        """Announce a reply's audio, before its first packet, or at its end without audio."""

    async def send(self, packet: Packet) -> None:
        """Send audio."""

    async def finish(self, reply: BeginReply, *, is_heard: bool) -> None:
        """Send the end of a reply; `is_heard` is false if it failed."""

    async def fail(self, error: RemoteError) -> None:
        """Send an error."""


@attrs.define(eq=False)
class ReplySpeaker:
    """Speaks the replies of one connection.

    Attributes:
        account: of the peer.
        kind: of the protocol, for the account; a `zelitrio.accounts.Kind`.
        stops_at_failure: whether a failed reply ends the connection.
        is_speaking: whether a reply is open.
    """

    state: ServerState
    account: AccountLike
    kind: str
    inbox: Inbox
    wire: ReplyWire
    stops_at_failure: bool = False
    is_speaking: bool = False
    _is_written: bool = attrs.field(default=False, init=False)
    """Whether all text of the open reply was taken."""

    async def run(self) -> None:
        """Speak replies until the inbox is closed, or until a failed reply ends the connection.

        Raises:
            trio.BrokenResourceError: the peer is gone.
        """
        while (event := await self.inbox.take()) is not None:
            if isinstance(event, RefuseReply):
                await self.wire.fail(event.error)
            if isinstance(event, BeginReply) and not await self._answer(event) and self.stops_at_failure:
                return

    async def _answer(self, reply: BeginReply) -> bool:
        """Speak one reply and send its end; return whether it succeeded."""
        state, began_at = self.state, trio.current_time()
        outcome = "gone"
        self.is_speaking, self._is_written = True, False
        state.clients.begin()
        try:
            failure = await self._try_speak(reply)
            outcome = "done" if failure is None else failure.code
        finally:
            state.clients.end()
            self.is_speaking = False
            state.metrics.doors.replies.labels(self.kind, outcome).inc()
            took_s = round(trio.current_time() - began_at, 3)
            log.info("reply", door=self.kind, seconds=took_s, outcome=outcome)
        return failure is None

    async def _try_speak(self, reply: BeginReply) -> RemoteError | None:
        """Speak one reply; if it fails, read the rest of its text and return the error."""
        failure: RemoteError | None = None
        try:
            await self._speak(reply)
        except ZelitrioError as error:
            log.warning("speech_failed", error=str(error), kind=type(error).__name__)
            failure = to_remote_error(error)
            self.state.metrics.request_refused(self.account.name, failure.code)
            await self.wire.fail(failure)
            while not self._is_written:
                await self._next_text()
        await self.wire.finish(reply, is_heard=failure is None)
        return failure

    async def _speak(self, reply: BeginReply) -> None:
        self.state.check_ready()
        options = self.wire.choose(reply)
        with closing(self.account.open(options.voice.voice_id, self.kind, options)) as meter:
            is_started = False
            async with speak(self.state.service, options, _Written(self, meter)) as packets:
                async for packet in packets:
                    if not is_started:
                        is_started = True
                        await self.wire.start(reply, options)
                    meter.keep(audio=packet.audio)
                    await self.wire.send(packet)
                    meter.spoke(packet.seconds)
            if not is_started:
                await self.wire.start(reply, options)

    async def _next_text(self, meter: Meter | None = None) -> str | None:
        """Wait for more text of the open reply; None at its end.

        Raises:
            RemoteError: a message of the peer is invalid, or its account has no characters left.
        """
        event = await self.inbox.take()
        match event:
            case ReplyText(text=text):
                if meter is not None and not text.isspace():
                    meter.spend(len(text))
                if meter is not None:
                    meter.keep(text=text)
                return text
            case RefuseReply(error=error):
                if meter is not None:
                    raise error
                return ""
        self._is_written = True
        return None


@attrs.define(eq=False)
class ReplyConversation:
    """Runs speaker and reader of one connection until either side ends it.

    Attributes:
        failure: the error for which this side ended it, already sent to the peer.
    """

    state: ServerState
    speaker: ReplySpeaker
    failure: RemoteError | None = None
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)

    @property
    def has_left(self) -> bool:
        """Whether the peer ended the connection."""
        return self._scope.cancel_called and self.failure is None

    async def run(self, read: Callable[[], Awaitable[None]]) -> None:
        """Speak the events that `read` puts into the inbox.  In a drain, finish the open reply, then end.

        Raises:
            trio.BrokenResourceError: the peer is gone.
        """
        with self._scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._watch_drain)
                nursery.start_soon(read)
                await self.speaker.run()
                nursery.cancel_scope.cancel()
        if self.failure is not None:
            try:
                self.state.metrics.doors.refused.labels(self.failure.code).inc()
                await self.speaker.wire.fail(self.failure)
            finally:
                self.state.clients.end()

    def leave(self) -> None:
        """Stop speaking: the peer has left."""
        self._scope.cancel()

    def end(self, failure: RemoteError) -> None:
        """Stop speaking, then send an error."""
        if self.failure is None and not self._scope.cancel_called:
            self.failure = failure
            self.state.clients.begin()  # a server that is ending must wait until the error is sent
            self._scope.cancel()

    async def _watch_drain(self) -> None:
        service = self.state.service
        await service.drain.wait()
        if service.failure is not None:
            self.end(to_remote_error(service.failure))
            return
        self.speaker.inbox.close()
        await service.cut_off.wait()
        self.end(RemoteError("service_restart", "The server is restarting. Please try again."))


@attrs.define(eq=False)
class _Written:
    """Iterates over the text of the open reply.  Not an async generator, because that must be closed."""

    speaker: ReplySpeaker
    meter: Meter

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        text = await self.speaker._next_text(self.meter)
        if text is None:
            raise StopAsyncIteration
        return text


def _size(event: ReplyEvent) -> int:
    return EVENT_CHARS + (len(event.text) if isinstance(event, ReplyText) else 0)
