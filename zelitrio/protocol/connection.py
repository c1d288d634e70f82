"""One realtime socket, from the server's side: messages and time in, events and frames out.

Both endpoints are this one class: `stream-input` is the socket with one context, whose id is None;
`multi-stream-input` has many.  What differs is what a message means (`_moves`), not what a context is.

The life of a context:

    ABSENT --text, settings--> OPEN --close--> CLOSING --final frame--> ABSENT
                                                  |                        ^
                                                  +--room needed--> EVICTED+

`_LAW` is the whole of it.  Flush, keep-alive and close for a context that is not there do nothing: at the
vendor they open one that is never closed (https://github.com/pipecat-ai/pipecat/pull/4126).
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import attrs
import orjson
import pybase64

from zelitrio.errors import LocalError, RemoteError
from zelitrio.protocol.events import (
    Authenticate,
    ContextError,
    EndContext,
    EndSocket,
    Event,
    EvictContext,
    Fail,
    OpenContext,
    Text,
    UpdateSettings,
)
from zelitrio.protocol.fields import DEFAULT_CHUNK_SCHEDULE
from zelitrio.protocol.frames import CharTimes, alignment_json, context_json
from zelitrio.protocol.messages import ClientMessage, ContextMessageError, read_message
from zelitrio.protocol.outcomes import close_frame, outcome_of
from zelitrio.protocol.target import Dialect, SocketRequest
from zelitrio.settings import SessionSettings, VoiceSettings


class ContextState(enum.Enum):
    """Where a context is in its life."""

    ABSENT = "absent"
    OPEN = "open"
    CLOSING = "closing"
    EVICTED = "evicted"


class Move(enum.Enum):
    """What one message does to one context."""

    SAY = "say"
    """Text, or settings that set a context up."""
    URGE = "urge"
    """A flush or trigger without text."""
    KEEP = "keep"
    """A keep-alive."""
    CLOSE = "close"


class Step(enum.Enum):
    """What the connection does about a move."""

    OPEN = "open"
    GO_ON = "go on"
    END = "end"
    NOTHING = "nothing"
    REFUSE = "refuse"


_LAW: Mapping[tuple[ContextState, Move], Step] = MappingProxyType(
    {
        (ContextState.ABSENT, Move.SAY): Step.OPEN,
        (ContextState.ABSENT, Move.URGE): Step.NOTHING,
        (ContextState.ABSENT, Move.KEEP): Step.NOTHING,
        (ContextState.ABSENT, Move.CLOSE): Step.NOTHING,
        (ContextState.OPEN, Move.SAY): Step.GO_ON,
        (ContextState.OPEN, Move.URGE): Step.GO_ON,
        (ContextState.OPEN, Move.KEEP): Step.GO_ON,
        (ContextState.OPEN, Move.CLOSE): Step.END,
        # An id is free again after its final frame.  Text for it before that would be lost in silence if it
        # were ignored, and would cut the old context's last words if it opened a new one: so it is refused.
        (ContextState.CLOSING, Move.SAY): Step.REFUSE,
        (ContextState.CLOSING, Move.URGE): Step.NOTHING,
        (ContextState.CLOSING, Move.KEEP): Step.NOTHING,
        (ContextState.CLOSING, Move.CLOSE): Step.NOTHING,
        (ContextState.EVICTED, Move.SAY): Step.REFUSE,
        (ContextState.EVICTED, Move.URGE): Step.NOTHING,
        (ContextState.EVICTED, Move.KEEP): Step.NOTHING,
        (ContextState.EVICTED, Move.CLOSE): Step.NOTHING,
    }
)


class _SocketState(enum.Enum):
    WAITING = "waiting"  # nobody has said who they are
    OPEN = "open"
    ENDING = "ending"  # the peer has said all it will; final frames are still to come
    DEAD = "dead"  # an error ended it


@attrs.define(eq=False)
class _Context:
    state: ContextState
    voice_settings: VoiceSettings
    chunk_schedule: tuple[float, ...]
    heard_at: float
    is_busy: bool = False


class Connection:
    """The state of one realtime socket.  Never waits, knows no clock: `now` is seconds on the caller's clock.

    `receive` and `expire` never raise, whatever the peer sends: a broken message becomes a `Fail`, or a
    `ContextError` where only one context of several is concerned.  Not thread-safe.
    """

    def __init__(self, request: SocketRequest, settings: SessionSettings, now: float) -> None:
        self.request = request
        self._settings = settings
        self._multi = request.dialect is Dialect.MULTI
        self._state = _SocketState.WAITING
        self._contexts: dict[str | None, _Context] = {}
        self._opened_at = now
        self._heard_at = now
        # A frame's tail never changes but for its context id.
        self._wants_alignment = self._multi or request.sync_alignment

    # What the owner may ask.

    @property
    def wants_alignment(self) -> bool:
        """Whether audio frames carry times: always on `multi-stream-input`, else only with `sync_alignment`.

        Where they do not, `audio_message` writes null whatever it is given.
        """
        return self._wants_alignment

    @property
    def is_finished(self) -> bool:
        """Whether every final frame has been made after the end: now close the socket, 1000, no reason."""
        return self._state is _SocketState.ENDING and not self._contexts

    def context_ids(self) -> tuple[str | None, ...]:
        """The contexts that have not had their final frame, oldest first."""
        return tuple(self._contexts)

    # What the owner tells.

    def authenticated(self, now: float) -> None:
        """The peer is known from its handshake: no `Authenticate` event, no deadline for one."""
        if self._state is _SocketState.WAITING:
            self._state = _SocketState.OPEN
            self._heard_at = now

    def busy(self, context_id: str | None, is_busy: bool, now: float) -> None:
        """Say whether audio of a context is still being made or sent; meanwhile it cannot time out."""
        context = self._contexts.get(context_id)
        if context is not None:
            context.is_busy = is_busy
            context.heard_at = max(context.heard_at, now)

    def forget(self, context_id: str | None, now: float) -> None:
        """A context is gone without a final frame (it failed, and an error frame was its last)."""
        if self._contexts.pop(context_id, None) is not None:
            self._heard_at = max(self._heard_at, now)

    # Messages and time.

    def receive(self, message: str | bytes, now: float) -> list[Event]:
        """Take one WebSocket message."""
        if self._state in (_SocketState.ENDING, _SocketState.DEAD):
            return []
        self._heard_at = now
        try:
            read = read_message(message, self.request.dialect)
        except ContextMessageError as error:
            context = self._contexts.get(error.context_id)
            if context is not None:
                context.heard_at = now
            plain = RemoteError(error.code, error.message, param=error.param)
            return [*self._identify(ClientMessage()), ContextError(error.context_id, plain)]
        except RemoteError as error:
            return self._fail(error)
        return list(self._take(read, now))

    def deadline(self) -> float | None:
        """When to call `expire` unless something comes before; None: there is nothing to wait for."""
        return min((when for when, _ in self._timers()), default=None)

    def expire(self, now: float) -> list[Event]:
        """Act on every deadline that is due at `now`."""
        events: list[Event] = []
        for when, context_id in list(self._timers()):
            if when > now or self._state in (_SocketState.ENDING, _SocketState.DEAD):
                continue
            events += self._time_out(context_id, now)
        return events

    # Frames.

    def audio_message(
        self,
        context_id: str | None,
        audio: bytes,
        alignment: CharTimes | None = None,
        normalized_alignment: CharTimes | None = None,
    ) -> str:
        """One packet of audio as a text frame: base64, at most a third longer than `audio`, plus 90 bytes."""
        text = pybase64.b64encode_as_string(audio)
        if self._wants_alignment:
            times = (
                f'"normalizedAlignment":{alignment_json(normalized_alignment)},'
                f'"alignment":{alignment_json(alignment)}'
            )
        else:
            times = '"normalizedAlignment":null,"alignment":null'
        return f'{{"audio":"{text}","isFinal":null,{times}{self._context_key(context_id)}}}'

    def final_message(self, context_id: str | None, now: float) -> str:
        """The last frame of a context, and its end: the id may be used again.

        Raises:
            LocalError: the context has had its final frame already, or never was.
        """
        if self._contexts.pop(context_id, None) is None:
            raise LocalError(f"final frame: expected a context that is open or closing, found {context_id!r}")
        self._heard_at = max(self._heard_at, now)
        if not self._multi:
            self._state = _SocketState.ENDING
        return (
            '{"audio":null,"isFinal":true,"normalizedAlignment":null,"alignment":null'
            f"{self._context_key(context_id)}}}"
        )

    def error_message(self, error: RemoteError, context_id: str | None = None) -> str:
        """The error frame; on `multi-stream-input` it carries the context it is about, or null."""
        frame = {"message": error.message, "error": error.code, "code": outcome_of(error).close_code}
        text = orjson.dumps(frame).decode()
        return f"{text[:-1]}{self._context_key(context_id)}}}"

    def close_frame(self, error: RemoteError) -> tuple[int, str]:
        """Close code and reason (cut to what a close frame holds) for an error that ends the socket."""
        return close_frame(error)

    # Inside.

    def _context_key(self, context_id: str | None) -> str:
        return f',"contextId":{context_json(context_id)}' if self._multi else ""

    def _fail(self, error: RemoteError) -> list[Event]:
        self._state = _SocketState.DEAD
        self._contexts.clear()
        return [Fail(error)]

    def _take(self, message: ClientMessage, now: float) -> Iterator[Event]:
        yield from self._identify(message)
        if self._state is _SocketState.WAITING:
            return
        if not self._multi and not self._contexts:
            # The first message opens the one context, whatever else it says.
            yield from self._open(message, now)
        for move in _moves(message, self._multi):
            yield from self._make(move, message, now)
        if message.close_socket:
            for context_id, context in self._contexts.items():
                if context.state is ContextState.OPEN:
                    context.state = ContextState.CLOSING
                    yield EndContext(context_id, discard=True)
            self._state = _SocketState.ENDING
            yield EndSocket()

    def _identify(self, message: ClientMessage) -> Iterator[Event]:
        if self._state is not _SocketState.WAITING:
            return
        request = self.request
        brought = request.credential or message.credential
        if self._multi and not brought and not request.single_use_token and _is_keep_alive(message):
            # Pipecat keeps a socket alive before any context; who it is may come with the first of those.
            return
        self._state = _SocketState.OPEN
        yield Authenticate(brought, None if brought else request.single_use_token)

    def _make(self, move: Move, message: ClientMessage, now: float) -> Iterator[Event]:
        context_id = message.context_id
        context = self._contexts.get(context_id)
        step = _LAW[ContextState.ABSENT if context is None else context.state, move]
        if step is Step.OPEN:
            yield from self._make_room(context_id)
            if context_id is None or self._has_room():
                pass
            if not self._has_room():
                yield ContextError(context_id, _too_many(self._settings.max_contexts))
                return
            yield from self._open(message, now)
            yield from self._say(message)
        elif step is Step.REFUSE:
            yield ContextError(context_id, _still_closing(context_id))
        elif step is Step.GO_ON and context is not None:
            context.heard_at = now
            if move is not Move.KEEP:
                yield from self._update(context_id, context, message)
                yield from self._say(message)
        elif step is Step.END and context is not None:
            context.state = ContextState.CLOSING
            yield EndContext(context_id, discard=self._multi)
            if not self._multi:
                self._state = _SocketState.ENDING

    def _has_room(self) -> bool:
        return not self._multi or self._live() < self._settings.max_contexts

    def _live(self) -> int:
        return sum(context.state is not ContextState.EVICTED for context in self._contexts.values())

    def _make_room(self, context_id: str | None) -> Iterator[Event]:
        if self._has_room():
            return
        for other_id, other in self._contexts.items():
            if other.state is ContextState.CLOSING:
                other.state = ContextState.EVICTED
                yield EvictContext(other_id)
                return

    def _open(self, message: ClientMessage, now: float) -> Iterator[Event]:
        context = _Context(
            state=ContextState.OPEN,
            voice_settings=message.voice_settings_over(VoiceSettings()),
            chunk_schedule=message.chunk_schedule or DEFAULT_CHUNK_SCHEDULE,
            heard_at=now,
        )
        self._contexts[message.context_id] = context
        yield OpenContext(
            message.context_id, context.voice_settings, context.chunk_schedule, message.dictionaries or ()
        )

    def _update(self, context_id: str | None, context: _Context, message: ClientMessage) -> Iterator[Event]:
        voice_settings = message.voice_settings_over(context.voice_settings)
        chunk_schedule = message.chunk_schedule or context.chunk_schedule
        if (voice_settings, chunk_schedule) != (context.voice_settings, context.chunk_schedule):
            context.voice_settings, context.chunk_schedule = voice_settings, chunk_schedule
            yield UpdateSettings(context_id, voice_settings, chunk_schedule)

    def _say(self, message: ClientMessage) -> Iterator[Event]:
        text = message.text or ""
        if text or message.flush or message.trigger:
            yield Text(message.context_id, text, flush=message.flush, trigger=message.trigger)

    def _timers(self) -> Iterator[tuple[float, str | None]]:
        if self._state is _SocketState.OPEN:
            for context_id, context in self._contexts.items():
                if context.state is ContextState.OPEN and not context.is_busy:
                    yield context.heard_at + self.request.inactivity_timeout_s, context_id
        if self._state in (_SocketState.WAITING, _SocketState.OPEN) and not self._contexts:
            yield self._heard_at + self.request.inactivity_timeout_s, None

    def _time_out(self, context_id: str | None, now: float) -> list[Event]:
        return []


def _is_keep_alive(message: ClientMessage) -> bool:
    return not (message.text or message.flush or message.has_settings or message.close_socket)


def _moves(message: ClientMessage, multi: bool) -> list[Move]:
    return []


def _too_many(limit: int) -> RemoteError:
    return RemoteError(
        "max_active_conversations",
        f"Maximum simultaneous contexts per WebSocket connection exceeded ({limit}). "
        "Please close an existing context before opening a new one.",
    )


def _still_closing(context_id: str | None) -> RemoteError:
    return RemoteError("invalid_input_message", "context_id: is closing", param="context_id")
