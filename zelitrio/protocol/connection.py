"""One text-to-speech socket, from the server's side: messages and time in, events and frames out.

One class serves both dialects.  On `stream-input` the first message opens the only context, with the id None,
and the socket ends with it.  `multi-stream-input` has many contexts.  `law` has the legal moves of a context.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs
import orjson
import pybase64

from zelitrio.errors import RemoteError
from zelitrio.protocol.char_times import CharTimes
from zelitrio.protocol.events import (
    Authenticate,
    ContextError,
    Event,
    OpenContext,
    Recall,
    Text,
    UpdateSettings,
)
from zelitrio.protocol.fields import DEFAULT_CHUNK_SCHEDULE
from zelitrio.protocol.frames import alignment_json, context_json
from zelitrio.protocol.halves import join_halves
from zelitrio.protocol.law import ContextState, Move, Step, moves_of
from zelitrio.protocol.marks import Marks, marks_keys
from zelitrio.protocol.messages import ClientMessage, ContextMessageError, read_message
from zelitrio.protocol.outcomes import outcome_of
from zelitrio.protocol.reports import SpeechReport, report_keys
from zelitrio.protocol.socket_connection import SocketConnection, SocketContext, SocketState
from zelitrio.protocol.target import SocketRequest
from zelitrio.settings import SessionSettings, VoiceSettings


@attrs.define(eq=False, kw_only=True)
class _Context(SocketContext):
    voice_settings: VoiceSettings
    chunk_schedule: tuple[float, ...]


class Connection(SocketConnection[_Context]):
    """The state of one text-to-speech socket.

    An invalid message becomes a `Fail`, or a `ContextError` if it concerns only one of several contexts.
    """

    def __init__(self, request: SocketRequest, settings: SessionSettings, now: float) -> None:
        idle_s = request.inactivity_timeout_s
        super().__init__(
            request,
            settings,
            now,
            context_idle_s=idle_s,
            socket_idle_s=idle_s,
            no_key_code="missing_api_key",
        )
        self._wants_alignment = self._multi or request.sync_alignment

    @property
    def wants_alignment(self) -> bool:
        """Whether audio frames carry times: always on `multi-stream-input`, else only with `sync_alignment`.

        If not, `audio_message` ignores its alignments.
        """
        return self._wants_alignment

    def _receive(self, message: str | bytes, now: float) -> list[Event]:
        try:
            read = read_message(message, self.request.dialect)
        except ContextMessageError as error:
            if self._state is SocketState.ENDING:
                return []
            context = self._contexts.get(error.context_id)
            if context is not None:
                context.heard_at = now
            plain = RemoteError(error.code, error.message, param=error.param)
            return [*self._identify(ClientMessage()), ContextError(error.context_id, plain)]
        except RemoteError as error:
            return [] if self._state is SocketState.ENDING else self._fail(error)
        if self._state is SocketState.ENDING:
            # A client that has sent all its text may still interrupt.
            return list(self._cancel(read.context_id, read.played_ms)) if read.cancel else []
        return list(self._take(read, now))

    def audio_message(
        self,
        context_id: str | None,
        audio: bytes,
        alignment: CharTimes | None = None,
        normalized_alignment: CharTimes | None = None,
        marks: Mapping[str, Marks] | None = None,
    ) -> str:
        """The frame of one packet of audio: JSON with base64, a third longer than `audio`, and the times."""
        text = pybase64.b64encode_as_string(audio)
        if self._wants_alignment:
            times = (
                f'"normalizedAlignment":{alignment_json(normalized_alignment)},'
                f'"alignment":{alignment_json(alignment)}'
            )
        else:
            times = '"normalizedAlignment":null,"alignment":null'
        if marks:
            times += marks_keys(marks)
        return f'{{"audio":"{text}","isFinal":null,{times}{self._context_key(context_id)}}}'

    def error_message(self, error: RemoteError, context_id: str | None = None) -> str:
        """The error frame; on `multi-stream-input` with the id of the failed context, or null."""
        frame = {"message": error.message, "error": error.code, "code": outcome_of(error).close_code}
        text = orjson.dumps(frame).decode()
        return f"{text[:-1]}{self._context_key(context_id)}}}"

    def _context_key(self, context_id: str | None) -> str:
        return f',"contextId":{context_json(context_id)}' if self._multi else ""

    def _final_frame(self, context_id: str | None, report: SpeechReport | None) -> str:
        return (
            '{"audio":null,"isFinal":true,"normalizedAlignment":null,"alignment":null'
            f"{report_keys(report)}{self._context_key(context_id)}}}"
        )

    def _silence_error(self) -> RemoteError:
        return RemoteError(
            "input_timeout_exceeded",
            "Have not received a new text input within the timeout of "
            f"{self.request.inactivity_timeout_s:.1f} seconds. Streaming input terminated. Please make sure "
            'to either send new text, or to send the end of input text (empty string "") when done.',
        )

    def _take(self, message: ClientMessage, now: float) -> Iterator[Event]:
        yield from self._identify(message)
        if self._state is SocketState.WAITING:
            return
        is_opening = not self._multi and not self._contexts
        if is_opening:
            # The first message always opens the only context.
            yield from self._open(message, now)
        for move in moves_of(message, self.request.dialect):
            yield from self._make(move, message, now, is_opening=is_opening)
        if message.close_socket:
            yield from self._close_socket(discard=True)

    def _identify(self, message: ClientMessage) -> Iterator[Event]:
        if self._state is not SocketState.WAITING:
            return
        token = None if self.request.credential else self.request.single_use_token
        credential = self.request.credential or (None if token else message.credential)
        if not self._multi or credential or token or not _is_keep_alive(message):
            # On `multi-stream-input` a keep-alive without a key decides nothing: Pipecat sends one before any
            # context, and the message that opens the first context may carry the key.
            self._state = SocketState.OPEN
            yield Authenticate(credential, token)

    def _make(self, move: Move, message: ClientMessage, now: float, *, is_opening: bool) -> Iterator[Event]:
        context_id = message.context_id
        context = self._contexts.get(context_id)
        step = self._step(context_id, move)
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
        elif step is Step.END:
            yield from self._close(context_id, discard=self._multi, wants_report=message.report)
            self._end_if_single()
        elif move is Move.CANCEL:
            yield from self._cancel(context_id, message.played_ms)
        elif step is Step.RECALL and message.report:
            yield Recall(context_id, message.played_ms)

    def _live_contexts(self) -> int:
        return sum(context.state is not ContextState.EVICTED for context in self._contexts.values())

    def _make_room(self) -> Iterator[Event]:
        # ElevenLabs closes the whole socket at the sixth context, its users' most frequent complaint.  Here a
        # closing context makes room, because it was often interrupted and nothing plays its audio.
        if self._live_contexts() >= self._settings.max_contexts:
            yield from self._evict(self._closing()[:1])

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


def _is_keep_alive(message: ClientMessage) -> bool:
    says = message.text or message.flush or message.trigger or message.has_settings
    return not (says or message.close_context or message.close_socket or message.cancel)


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
