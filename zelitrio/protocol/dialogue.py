"""One text-to-dialogue socket, from the server's side: messages and time in, events and frames out.

Differences from text-to-speech: messages name the voices, and text comes as `inputs`, each with its voice.
Keys of replies are in snake_case.  A closing context speaks everything that was sent.  Each flush is answered
after its audio.

ElevenLabs' documents:
https://elevenlabs.io/docs/api-reference/text-to-dialogue/v-1-text-to-dialogue-multi-stream-input
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import orjson
import pybase64

from zelitrio.errors import RemoteError
from zelitrio.protocol.char_times import CharTimes
from zelitrio.protocol.events import Authenticate, Event, OpenContext, Recall, Text
from zelitrio.protocol.fields import Fields, on_socket, read_voice_settings
from zelitrio.protocol.halves import join_halves
from zelitrio.protocol.law import ContextState
from zelitrio.protocol.marks import Marks, marks_keys, read_timestamps
from zelitrio.protocol.messages import (
    MAX_CONTEXT_ID_CHARS,
    decode_message,
    read_credential,
    read_dictionaries,
    read_played_ms,
)
from zelitrio.protocol.outcomes import outcome_of
from zelitrio.protocol.reports import SpeechReport, report_keys
from zelitrio.protocol.socket_connection import SocketConnection, SocketContext, SocketState
from zelitrio.protocol.target import Dialect, SocketRequest
from zelitrio.settings import SessionSettings, VoiceSettings

MAX_VOICES = 10
MAX_INPUTS = 100
MAX_OPEN = 64
"""Limit of contexts of a socket, including those without text."""
MAX_CLOSING = 2
"""Closing contexts that continue when a new one opens.  A socket has one listener: it plays the context that
closed last while the next one is made; earlier ones were interrupted."""
DIALOGUE_SCHEDULE = (40.0, 120.0, 160.0, 250.0)
"""ElevenLabs releases the text of a turn from 40 characters on; clients cannot change this."""
CONTEXT_IDLE_S = 20.0
SOCKET_IDLE_S = 180.0
"""Longer than CONTEXT_IDLE_S, because between two turns LiveKit sends nothing and has no open context."""


@attrs.define(eq=False, kw_only=True)
class _Context(SocketContext):
    voices: tuple[str, ...]
    has_text: bool = False


class DialogueConnection(SocketConnection[_Context]):
    """One text-to-dialogue socket."""

    def __init__(self, request: SocketRequest, settings: SessionSettings, now: float) -> None:
        super().__init__(
            request,
            settings,
            now,
            context_idle_s=CONTEXT_IDLE_S,
            socket_idle_s=SOCKET_IDLE_S if request.dialect is Dialect.MULTI else CONTEXT_IDLE_S,
            no_key_code="authentication_required",
        )

    @property
    def wants_alignment(self) -> bool:
        """Whether audio frames carry times."""
        return self.request.sync_alignment

    def _receive(self, message: str | bytes, now: float) -> list[Event]:
        try:
            fields = Fields(decode_message(message), on_socket)
            take = self._interrupt if self._state is SocketState.ENDING else self._take
            return list(take(fields, now))
        except RemoteError as error:
            return [] if self._state is SocketState.ENDING else self._fail(error)

    def audio_message(
        self,
        context_id: str | None,
        audio: bytes,
        alignment: CharTimes | None = None,
        normalized_alignment: CharTimes | None = None,
        marks: Mapping[str, Marks] | None = None,
    ) -> str:
        """The frame of one packet of audio; its normalized alignment is null, as at ElevenLabs."""
        times = "null"
        if self.wants_alignment and alignment is not None and alignment.chars:
            times = orjson.dumps(
                {
                    "chars": alignment.chars,
                    "char_start_times_ms": alignment.starts_ms,
                    "char_durations_ms": alignment.durations_ms,
                }
            ).decode()
        text = pybase64.b64encode_as_string(audio)
        key = marks_keys(marks) + self._context_key(context_id)
        return f'{{"audio":"{text}","alignment":{times},"normalized_alignment":null{key}}}'

    def turn_message(self, context_id: str | None) -> str:
        """The frame after all audio of a turn or of a flush."""
        return f'{{"is_final_audio_for_turn":true{self._context_key(context_id)}}}'

    def error_message(self, error: RemoteError, context_id: str | None = None) -> str:
        """The error frame, with the id of the failed context if there is one."""
        frame: dict[str, Any] = {
            "message": error.message,
            "error": error.code,
            "code": outcome_of(error).close_code,
            "param": error.param,
        }
        if context_id is not None:
            frame["context_id"] = context_id
        return orjson.dumps(frame).decode()

    def _context_key(self, context_id: str | None) -> str:
        return f',"context_id":{orjson.dumps(context_id).decode()}' if self._multi else ""

    def _final_frame(self, context_id: str | None, report: SpeechReport | None) -> str:
        return f'{{"is_final":true{report_keys(report)}{self._context_key(context_id)}}}'

    def _silence_error(self) -> RemoteError:
        message = f"No message received within {CONTEXT_IDLE_S:.0f}s."
        return RemoteError("input_timeout_exceeded", message)

    def _take(self, fields: Fields, now: float) -> Iterator[Event]:
        if self._state is SocketState.WAITING:
            token = None if self.request.credential else self.request.single_use_token
            credential = self.request.credential or (None if token else read_credential(fields))
            self._state = SocketState.OPEN
            yield Authenticate(credential, token or fields.text("single_use_token"))
        ends_socket = bool(fields.flag("close_socket"))
        context_id = fields.text("context_id", max_chars=MAX_CONTEXT_ID_CHARS) if self._multi else None
        if context_id is not None or not self._multi:
            yield from self._in_context(context_id, fields, now)
        elif not ends_socket:
            raise fields.error("missing", "context_id", "a string")
        if ends_socket:
            yield from self._close_socket(discard=False)

    def _in_context(self, context_id: str | None, fields: Fields, now: float) -> Iterator[Event]:
        voices = _read_voices(fields)
        inputs = _read_inputs(fields)
        context = self._contexts.get(context_id)
        if fields.flag("cancel"):
            yield from self._cancel(context_id, read_played_ms(fields))
            return
        if context is None:
            if fields.flag("close_context") and fields.flag("report"):
                yield Recall(context_id, read_played_ms(fields))
                return
            if voices is None:
                if any(text for text, _, _ in inputs) or not self._multi:
                    raise fields.error("missing", "voices", "a list of voice ids in the first message")
                return  # a flush, a keep-alive or a close for a context that has ended
            yield from self._make_room()
            context = self._contexts[context_id] = _Context(voices=voices, heard_at=now)
            yield OpenContext(
                context_id,
                read_voice_settings(fields, VoiceSettings()),
                DIALOGUE_SCHEDULE,
                read_dictionaries(fields) or (),
                voices=voices,
                timestamps=read_timestamps(fields) or self.request.timestamps,
            )
        elif context.state is not ContextState.OPEN:
            return  # the client may not know yet that the context closes
        elif voices is not None and voices != context.voices:
            raise RemoteError(
                "invalid_input_message", "voices can only be set in the first message.", param="voices"
            )
        context.heard_at = now
        yield from _texts(context_id, context, inputs, fields)
        if fields.flag("flush"):
            flush_id = fields.text("flush_id", max_chars=MAX_CONTEXT_ID_CHARS)
            yield Text(context_id, "", flush=True, flush_id=flush_id)
        if fields.flag("close_context") and self._multi:
            yield from self._close(context_id, discard=False, wants_report=bool(fields.flag("report")))

    def _interrupt(self, fields: Fields, now: float) -> Iterator[Event]:
        """A client that has sent all its text may still interrupt."""
        if fields.flag("cancel"):
            context_id = fields.text("context_id", max_chars=MAX_CONTEXT_ID_CHARS) if self._multi else None
            yield from self._cancel(context_id, read_played_ms(fields))

    def _make_room(self) -> Iterator[Event]:
        """Evict closing contexts beyond MAX_CLOSING, the oldest first.

        Closing contexts do not count against the client's limit, because they were often interrupted.  But
        ten interruptions in a row must not fill the engine with unheard speech.

        Raises:
            RemoteError: `too_many_contexts`.
        """
        limit = self._settings.max_contexts
        contexts = self._contexts
        speaking = sum(one.has_text and one.state is ContextState.OPEN for one in contexts.values())
        if speaking >= limit or len(contexts) >= MAX_OPEN:
            raise RemoteError("too_many_contexts", f"Maximum simultaneous contexts ({limit}) exceeded.")
        closing = self._closing()
        yield from self._evict(closing[: max(0, len(closing) - MAX_CLOSING)])


_Input = tuple[str, str | None, bool]


def _read_voices(fields: Fields) -> tuple[str, ...] | None:
    items = fields.items("voices")
    if items is None:
        return None
    if not 1 <= len(items) <= MAX_VOICES or not all(isinstance(item, str) and item for item in items):
        raise fields.error("list_type", "voices", f"a list of 1 to {MAX_VOICES} voice ids")
    return tuple(items)


def _read_inputs(fields: Fields) -> list[_Input]:
    items = fields.items("inputs") or []
    if len(items) > MAX_INPUTS:
        raise fields.error("list_type", "inputs", f"a list of at most {MAX_INPUTS} inputs")
    read = []
    for at, item in enumerate(items):
        if not isinstance(item, dict):
            raise fields.error("dict_type", "inputs", "a list of objects with text and voice_id")
        inner = Fields(item, on_socket, f"inputs.{at}.")
        read.append((inner.text("text") or "", inner.text("voice_id"), bool(inner.flag("new_turn"))))
    return read


def _texts(
    context_id: str | None, context: _Context, inputs: list[_Input], fields: Fields
) -> Iterator[Event]:
    for text, voice_id, new_turn in inputs:
        if voice_id is not None and voice_id not in context.voices:
            raise fields.error("enum", "inputs", f"a voice_id among {', '.join(context.voices)}")
        if text:
            text, context.half = join_halves(context.half, text)
            context.has_text = True
        if text or new_turn:
            yield Text(context_id, text, voice_id=voice_id or context.voices[0], new_turn=new_turn)
