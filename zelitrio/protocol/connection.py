"""One text-to-speech socket, from the server's side: messages and time in, events and frames out.

One class serves both dialects.  On `stream-input` the first message opens the only context, whose id is None,
and the socket ends with it.  `multi-stream-input` has many contexts.  `law` has the legal moves of a context.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import attrs
import orjson
import pybase64

from zelitrio.errors import LocalError, RemoteError
from zelitrio.protocol.char_times import CharTimes
from zelitrio.protocol.events import (
    Authenticate,
    CancelContext,
    ContextError,
    EndContext,
    EndSocket,
    Event,
    EvictContext,
    Fail,
    OpenContext,
    Recall,
    Text,
    UpdateSettings,
)
from zelitrio.protocol.fields import DEFAULT_CHUNK_SCHEDULE
from zelitrio.protocol.frames import alignment_json, context_json
from zelitrio.protocol.halves import join_halves
from zelitrio.protocol.law import LAW, ContextState, Move, Step, moves_of
from zelitrio.protocol.marks import Marks, marks_keys
from zelitrio.protocol.messages import ClientMessage, ContextMessageError, read_message
from zelitrio.protocol.outcomes import outcome_of
from zelitrio.protocol.reports import SpeechReport, flush_message, report_keys, report_message
from zelitrio.protocol.target import Dialect, SocketRequest
from zelitrio.settings import SessionSettings, VoiceSettings


class _SocketState(enum.Enum):
    WAITING = "waiting"  # the peer has not authenticated
    OPEN = "open"
    ENDING = "ending"  # the peer sends no more; final frames are still to be sent
    DEAD = "dead"  # an error ended it


@attrs.define(eq=False)
class _Context:
    voice_settings: VoiceSettings
    chunk_schedule: tuple[float, ...]
    heard_at: float
    state: ContextState = ContextState.OPEN
    is_busy: bool = False
    half: str = ""
    """The first UTF-16 half of a character, if the last text ended with it."""


class Connection:
    """The state of one text-to-speech socket.  Never waits; `now` is in seconds of the caller's clock.

    `receive` and `expire` never raise, whatever the peer sends: an invalid message becomes a `Fail`, or a
    `ContextError` if it concerns only one of several contexts.  Not thread-safe.

    Args:
        request: from the handshake.
        settings: limits and timeouts.
        now: when the socket was opened.
    """

    def __init__(self, request: SocketRequest, settings: SessionSettings, now: float) -> None:
        self.request = request
        self._settings = settings
        self._multi = request.dialect is Dialect.MULTI
        self._state = _SocketState.WAITING
        self._contexts: dict[str | None, _Context] = {}
        self._opened_at = now
        self._heard_at = now
        self._wants_alignment = self._multi or request.sync_alignment

    # Questions of the owner.

    @property
    def wants_alignment(self) -> bool:
        """Whether audio frames carry times: always on `multi-stream-input`, else only with `sync_alignment`.

        If not, `audio_message` ignores the alignments that it is given.
        """
        return self._wants_alignment

    @property
    def is_finished(self) -> bool:
        """Whether the socket has ended and all final frames were made: close it now, with 1000, no reason."""
        return self._state is _SocketState.ENDING and not self._contexts

    # Calls of the owner.

    def authenticated(self, now: float) -> None:
        """Note that the handshake had a valid credential: then no `Authenticate` event comes."""
        if self._state is _SocketState.WAITING:
            self._state = _SocketState.OPEN
            self._heard_at = now

    def busy(self, context_id: str | None, is_busy: bool, now: float) -> None:
        """Note whether audio of a context is being made or sent; while it is, the context cannot time out."""
        context = self._contexts.get(context_id)
        if context is not None:
            context.is_busy = is_busy
            context.heard_at = max(context.heard_at, now)

    # Messages and time.

    def receive(self, message: str | bytes, now: float) -> list[Event]:
        """Take one WebSocket message."""
        if self._state is _SocketState.DEAD or self.is_finished:
            return []
        self._heard_at = now
        try:
            read = read_message(message, self.request.dialect)
        except ContextMessageError as error:
            if self._state is _SocketState.ENDING:
                return []
            context = self._contexts.get(error.context_id)
            if context is not None:
                context.heard_at = now
            plain = RemoteError(error.code, error.message, param=error.param)
            return [*self._identify(ClientMessage()), ContextError(error.context_id, plain)]
        except RemoteError as error:
            return [] if self._state is _SocketState.ENDING else self._fail(error)
        if self._state is _SocketState.ENDING:
            # A client that has sent all its text may still interrupt.
            return list(self._make(Move.CANCEL, read, now, is_opening=False)) if read.cancel else []
        return list(self._take(read, now))

    def deadline(self) -> float | None:
        """When to call `expire` unless a message comes first; None: there is no deadline."""
        return min((when for when, _ in self._timers()), default=None)

    def expire(self, now: float) -> list[Event]:
        """Handle all deadlines that are due at `now`."""
        return [event for when, act in list(self._timers()) if when <= now for event in act()]

    # Frames.

    def audio_message(
        self,
        context_id: str | None,
        audio: bytes,
        alignment: CharTimes | None = None,
        normalized_alignment: CharTimes | None = None,
        marks: Mapping[str, Marks] | None = None,
    ) -> str:
        """The frame of one packet of audio: JSON with base64, a third longer than `audio`, plus the times."""
        text = pybase64.b64encode_as_string(audio)
        if self._wants_alignment:
            times = (
                f'"normalizedAlignment":{alignment_json(normalized_alignment)},'
                f'"alignment":{alignment_json(alignment)}'
            )
        else:
            times = '"normalizedAlignment":null,"alignment":null'
        return (
            f'{{"audio":"{text}","isFinal":null,{times}{marks_keys(marks)}{self._context_key(context_id)}}}'
        )

    def final_message(self, context_id: str | None, now: float, report: SpeechReport | None = None) -> str:
        """Forget a context and return its last frame; the client may then use the id again.

        Raises:
            LocalError: the context has had its final frame already, or never existed.
        """
        if self._contexts.pop(context_id, None) is None:
            raise LocalError(f"final frame: expected a context that is open or closing, found {context_id!r}")
        self._heard_at = max(self._heard_at, now)
        if not self._multi:
            self._state = _SocketState.ENDING
        return (
            '{"audio":null,"isFinal":true,"normalizedAlignment":null,"alignment":null'
            f"{report_keys(report)}{self._context_key(context_id)}}}"
        )

    def report_message(self, context_id: str | None, report: SpeechReport) -> str:
        """The frame that reports how much of an ended context was spoken."""
        return report_message(report, self._context_key(context_id))

    def flush_message(self, context_id: str | None, flush_id: str) -> str:
        """The frame that says that all audio up to a flush was sent."""
        return flush_message(flush_id, self._context_key(context_id))

    def error_message(self, error: RemoteError, context_id: str | None = None) -> str:
        """The error frame; on `multi-stream-input` with the id of the context that failed, or null."""
        frame = {"message": error.message, "error": error.code, "code": outcome_of(error).close_code}
        text = orjson.dumps(frame).decode()
        return f"{text[:-1]}{self._context_key(context_id)}}}"

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
        is_opening = not self._multi and not self._contexts
        if is_opening:
            # The first message always opens the only context.
            yield from self._open(message, now)
        for move in moves_of(message, self.request.dialect):
            yield from self._make(move, message, now, is_opening=is_opening)
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
        token = None if self.request.credential else self.request.single_use_token
        credential = self.request.credential or (None if token else message.credential)
        if not self._multi or credential or token or not _is_keep_alive(message):
            # On `multi-stream-input` a keep-alive without a key is not judged: Pipecat sends one before any
            # context, and the message that opens the first context may carry the key.
            self._state = _SocketState.OPEN
            yield Authenticate(credential, token)

    def _make(self, move: Move, message: ClientMessage, now: float, *, is_opening: bool) -> Iterator[Event]:
        context_id = message.context_id
        context = self._contexts.get(context_id)
        step = LAW[ContextState.ABSENT if context is None else context.state, move]
        if step is Step.OPEN:
            yield from self._make_room()
            if self._live_contexts() >= self._settings.max_contexts:
                yield ContextError(context_id, _too_many(self._settings.max_contexts))
                return
            yield from self._open(message, now)
            yield from self._say(message, is_opening=True)
        elif step is Step.REFUSE:
            yield ContextError(context_id, _still_closing())
        elif step is Step.GO_ON and context is not None:
            context.heard_at = now
            yield from self._update(context_id, context, message)
            yield from self._say(message, is_opening=is_opening)
        elif step is Step.END and context is not None:
            context.state = ContextState.CLOSING
            yield EndContext(context_id, discard=self._multi, wants_report=message.report)
            if not self._multi:
                self._state = _SocketState.ENDING
        elif step is Step.CANCEL and context is not None:
            context.state = ContextState.CLOSING
            yield CancelContext(context_id, message.played_ms)
            if not self._multi:
                self._state = _SocketState.ENDING
        elif step is Step.RECALL and (message.cancel or message.report):
            yield Recall(context_id, message.played_ms)

    def _live_contexts(self) -> int:
        return sum(context.state is not ContextState.EVICTED for context in self._contexts.values())

    def _make_room(self) -> Iterator[Event]:
        # The vendor closes the whole socket at the sixth context, its users' most frequent complaint.  Here a
        # closing context makes room: it was often interrupted, so that nothing plays its audio any more.
        if self._live_contexts() < self._settings.max_contexts:
            return
        for context_id, context in self._contexts.items():
            if context.state is ContextState.CLOSING:
                context.state = ContextState.EVICTED
                yield EvictContext(context_id)
                return

    def _open(self, message: ClientMessage, now: float) -> Iterator[Event]:
        context = _Context(
            voice_settings=message.voice_settings_over(VoiceSettings()),
            chunk_schedule=message.chunk_schedule or DEFAULT_CHUNK_SCHEDULE,
            heard_at=now,
        )
        self._contexts[message.context_id] = context
        yield OpenContext(
            message.context_id,
            context.voice_settings,
            context.chunk_schedule,
            message.dictionaries or (),
            timestamps=self.request.timestamps if message.timestamps is None else message.timestamps,
        )

    def _update(self, context_id: str | None, context: _Context, message: ClientMessage) -> Iterator[Event]:
        voice_settings = message.voice_settings_over(context.voice_settings)
        chunk_schedule = message.chunk_schedule or context.chunk_schedule
        if (voice_settings, chunk_schedule) != (context.voice_settings, context.chunk_schedule):
            context.voice_settings, context.chunk_schedule = voice_settings, chunk_schedule
            yield UpdateSettings(context_id, voice_settings, chunk_schedule)

    def _say(self, message: ClientMessage, *, is_opening: bool) -> Iterator[Event]:
        text = message.text or ""
        if is_opening and text == " ":
            text = ""  # this text opens the stream and is not spoken
        if text and (context := self._contexts.get(message.context_id)) is not None:
            text, context.half = join_halves(context.half, text)
        if text or message.flush or message.trigger:
            yield Text(
                message.context_id,
                text,
                flush=message.flush,
                trigger=message.trigger,
                flush_id=message.flush_id if message.flush else None,
            )

    # Time.  A timer is a time and a function to call then; busy and closing contexts have none.

    def _timers(self) -> Iterator[tuple[float, Callable[[], list[Event]]]]:
        request = self.request
        idle_s = request.inactivity_timeout_s
        if self._state is _SocketState.WAITING and not (request.credential or request.single_use_token):
            yield self._opened_at + self._settings.auth_timeout_s, self._nobody
        elif self._state in (_SocketState.WAITING, _SocketState.OPEN):
            for context_id, context in self._contexts.items():
                if context.state is ContextState.OPEN and not context.is_busy:
                    yield context.heard_at + idle_s, partial(self._context_idle, context_id)
            if not self._contexts:
                yield self._heard_at + idle_s, self._socket_idle

    def _nobody(self) -> list[Event]:
        limit_s = self._settings.auth_timeout_s
        message = f"No API key was given within {limit_s:.1f} seconds."
        return self._fail(RemoteError("missing_api_key", message))

    def _context_idle(self, context_id: str | None) -> list[Event]:
        if not self._multi:
            return self._fail(_silent(self.request.inactivity_timeout_s))
        self._contexts[context_id].state = ContextState.CLOSING
        return [EndContext(context_id, discard=False)]

    def _socket_idle(self) -> list[Event]:
        if not self._multi:
            return self._fail(_silent(self.request.inactivity_timeout_s))
        self._state = _SocketState.ENDING
        return [EndSocket()]


def _is_keep_alive(message: ClientMessage) -> bool:
    says = message.text or message.flush or message.trigger or message.has_settings
    return not (says or message.close_context or message.close_socket or message.cancel)


def _silent(limit_s: float) -> RemoteError:
    return RemoteError(
        "input_timeout_exceeded",
        f"Have not received a new text input within the timeout of {limit_s:.1f} seconds. "
        "Streaming input terminated. Please make sure to either send new text, or to send the end of input "
        'text (empty string "") when done.',
    )


def _too_many(limit: int) -> RemoteError:
    return RemoteError(
        "max_active_conversations",
        f"Maximum simultaneous contexts per WebSocket connection exceeded ({limit}). "
        "Please close an existing context before opening a new one.",
    )


def _still_closing() -> RemoteError:
    return RemoteError(
        "invalid_input_message",
        "context_id: expected an open or a new context, found one that is closing; "
        "the id may be used again after its isFinal.",
        param="context_id",
    )
