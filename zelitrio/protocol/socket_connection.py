"""The part of a realtime socket that all dialects share: its state, the life of its contexts, and time.

`Connection` and `DialogueConnection` add their clients' messages and frames.  This class decides how a
context is cancelled, recalled, evicted and ended, and which report it gets.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Generic, TypeVar

import attrs

from zelitrio.errors import LocalError, RemoteError
from zelitrio.protocol.events import CancelContext, EndContext, EndSocket, Event, EvictContext, Fail, Recall
from zelitrio.protocol.law import LAW, ContextState, Move, Step
from zelitrio.protocol.reports import SpeechReport, flush_message, report_message
from zelitrio.protocol.target import Dialect, SocketRequest
from zelitrio.settings import SessionSettings


class SocketState(enum.Enum):
    """The state of a socket."""

    WAITING = "waiting"
    """The peer has not authenticated."""
    OPEN = "open"
    ENDING = "ending"
    """The peer sends no more; final frames are not sent yet."""
    DEAD = "dead"
    """An error ended it."""


@attrs.define(eq=False, kw_only=True)
class SocketContext:
    """The state of one context that all dialects share."""

    heard_at: float
    state: ContextState = ContextState.OPEN
    is_busy: bool = False
    half: str = ""
    """The first UTF-16 half of a character, if the last text ended with it."""


ContextT = TypeVar("ContextT", bound=SocketContext)


class SocketConnection(ABC, Generic[ContextT]):
    """The state of one realtime socket.  Never waits; `now` is in seconds of the caller's clock.

    `receive` and `expire` never raise, whatever the peer sends.  Not thread-safe.

    Args:
        request: the handshake.
        settings: limits and timeouts.
        now: when the socket was opened.
        context_idle_s: time without a message after which a silent context ends.
        socket_idle_s: the same for a socket without contexts.
        no_key_code: error code for a peer that never authenticates.
    """

    def __init__(
        self,
        request: SocketRequest,
        settings: SessionSettings,
        now: float,
        *,
        context_idle_s: float,
        socket_idle_s: float,
        no_key_code: str,
    ) -> None:
        self.request = request
        self._settings = settings
        self._multi = request.dialect is Dialect.MULTI
        self._state = SocketState.WAITING
        self._contexts: dict[str | None, ContextT] = {}
        self._opened_at = now
        self._heard_at = now
        self._context_idle_s = context_idle_s
        self._socket_idle_s = socket_idle_s
        self._no_key_code = no_key_code

    # The owner's calls.

    @property
    def is_finished(self) -> bool:
        """Whether the socket has ended and all final frames were made: close it now, with 1000, no reason."""
        return self._state is SocketState.ENDING and not self._contexts

    def authenticated(self, now: float) -> None:
        """Note that the handshake had a valid credential; then no `Authenticate` event comes."""
        if self._state is SocketState.WAITING:
            self._state = SocketState.OPEN
            self._heard_at = now

    def busy(self, context_id: str | None, is_busy: bool, now: float) -> None:
        """Note whether audio of a context is being made or sent; meanwhile it cannot time out."""
        context = self._contexts.get(context_id)
        if context is not None:
            context.is_busy = is_busy
            context.heard_at = max(context.heard_at, now)

    def receive(self, message: str | bytes, now: float) -> list[Event]:
        """Take one WebSocket message."""
        if self._state is SocketState.DEAD or self.is_finished:
            return []
        self._heard_at = now
        return self._receive(message, now)

    def deadline(self) -> float | None:
        """Time of the next `expire` unless a message comes first, if any."""
        return min((when for when, _ in self._timers()), default=None)

    def expire(self, now: float) -> list[Event]:
        """Handle all deadlines that are due at `now`."""
        return [event for when, act in list(self._timers()) if when <= now for event in act()]

    # Frames.

    def final_message(self, context_id: str | None, now: float, report: SpeechReport | None = None) -> str:
        """Remove a context and return its last frame; then the client may reuse the id.

        Raises:
            LocalError: the context has had its final frame, or never existed.
        """
        if self._contexts.pop(context_id, None) is None:
            raise LocalError(f"final frame: expected a context that is open or closing, found {context_id!r}")
        self._heard_at = max(self._heard_at, now)
        if not self._multi:
            self._state = SocketState.ENDING
        return self._final_frame(context_id, report)

    def report_message(self, context_id: str | None, report: SpeechReport) -> str:
        """The frame with the report of an ended context."""
        return report_message(report, self._context_key(context_id))

    def flush_message(self, context_id: str | None, flush_id: str) -> str:
        """The frame after all audio up to a flush."""
        return flush_message(flush_id, self._context_key(context_id))

    # Methods of each dialect.

    @abstractmethod
    def _receive(self, message: str | bytes, now: float) -> list[Event]:
        """Take a message while the socket is alive."""

    @abstractmethod
    def _final_frame(self, context_id: str | None, report: SpeechReport | None) -> str:
        """The frame that ends a context."""

    @abstractmethod
    def _context_key(self, context_id: str | None) -> str:
        """The key that names a context, to follow other keys; empty if the socket has only one context."""

    @abstractmethod
    def _silence_error(self) -> RemoteError:
        """The error for a peer that is silent for too long."""

    # The life of contexts.

    def _step(self, context_id: str | None, move: Move) -> Step:
        context = self._contexts.get(context_id)
        return LAW[ContextState.ABSENT if context is None else context.state, move]

    def _cancel(self, context_id: str | None, played_ms: int | None) -> Iterator[Event]:
        """End a context at once; report on a context that has ended."""
        match self._step(context_id, Move.CANCEL):
            case Step.RECALL:
                yield Recall(context_id, played_ms)
            case Step.CANCEL:
                self._contexts[context_id].state = ContextState.CLOSING
                yield CancelContext(context_id, played_ms)
                self._end_if_single()

    def _close(self, context_id: str | None, *, discard: bool, wants_report: bool = False) -> Iterator[Event]:
        self._contexts[context_id].state = ContextState.CLOSING
        yield EndContext(context_id, discard=discard, wants_report=wants_report)

    def _close_socket(self, *, discard: bool) -> Iterator[Event]:
        for context_id, context in self._contexts.items():
            if context.state is ContextState.OPEN:
                yield from self._close(context_id, discard=discard)
        self._state = SocketState.ENDING
        yield EndSocket()

    def _closing(self) -> list[str | None]:
        """The contexts that take no more text and still speak, the oldest first."""
        return [name for name, one in self._contexts.items() if one.state is ContextState.CLOSING]

    def _evict(self, names: Sequence[str | None]) -> Iterator[Event]:
        for name in names:
            self._contexts[name].state = ContextState.EVICTED
            yield EvictContext(name)

    def _end_if_single(self) -> None:
        if not self._multi:
            self._state = SocketState.ENDING

    def _fail(self, error: RemoteError) -> list[Event]:
        self._state = SocketState.DEAD
        self._contexts.clear()
        return [Fail(error)]

    # Time.  A timer is a time and a function; busy and closing contexts have no timer.

    def _timers(self) -> Iterator[tuple[float, Callable[[], list[Event]]]]:
        has_key = self.request.credential or self.request.single_use_token
        if self._state is SocketState.WAITING and not has_key:
            yield self._opened_at + self._settings.auth_timeout_s, self._unknown
        elif self._state in (SocketState.WAITING, SocketState.OPEN):
            for context_id, context in self._contexts.items():
                if context.state is ContextState.OPEN and not context.is_busy:
                    yield context.heard_at + self._context_idle_s, partial(self._context_idle, context_id)
            if not self._contexts:
                yield self._heard_at + self._socket_idle_s, self._socket_idle

    def _unknown(self) -> list[Event]:
        limit_s = self._settings.auth_timeout_s
        return self._fail(
            RemoteError(self._no_key_code, f"No API key was given within {limit_s:.1f} seconds.")
        )

    def _context_idle(self, context_id: str | None) -> list[Event]:
        if not self._multi:
            return self._fail(self._silence_error())
        return list(self._close(context_id, discard=False))

    def _socket_idle(self) -> list[Event]:
        if not self._multi:
            return self._fail(self._silence_error())
        self._state = SocketState.ENDING
        return [EndSocket()]
