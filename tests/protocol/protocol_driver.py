"""A session without audio: the text that a socket's messages speak, context by context."""

from __future__ import annotations

from typing import Any

import attrs
import orjson
from hypothesis import HealthCheck, settings

from zelitrio.errors import RemoteError
from zelitrio.protocol import (
    ChunkSchedule,
    Connection,
    ContextError,
    Dialect,
    EndContext,
    Event,
    EvictContext,
    Fail,
    OpenContext,
    SocketRequest,
    Text,
    UpdateSettings,
)
from zelitrio.settings import SessionSettings
from zelitrio.text import find_phrase_end, find_sentence_end

steady = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
"""The same examples in every run, and enough time on a busy machine."""


def request(dialect: Dialect = Dialect.SINGLE, **fields: Any) -> SocketRequest:
    return SocketRequest(dialect=dialect, voice_id="zeli-voice-1", **fields)


def connect(dialect: Dialect = Dialect.SINGLE, max_contexts: int = 5, **fields: Any) -> Connection:
    """An authenticated connection, opened at second 0."""
    connection = Connection(request(dialect, **fields), SessionSettings(max_contexts=max_contexts), 0.0)
    connection.authenticated(0.0)
    return connection


def message(**fields: Any) -> str:
    return orjson.dumps(fields).decode()


def tell(connection: Connection, now: float = 0.0, **fields: Any) -> list[Event]:
    """Pass one message to a connection."""
    return connection.receive(message(**fields), now)


def opened(**fields: Any) -> Connection:
    """A `stream-input` connection after its greeting."""
    connection = connect(**fields)
    tell(connection, text=" ")
    return connection


def opened_multi(*context_ids: str, **fields: Any) -> Connection:
    """A `multi-stream-input` connection with these contexts open."""
    connection = connect(Dialect.MULTI, **fields)
    for context_id in context_ids:
        tell(connection, text=" ", context_id=context_id)
    return connection


def only_error(events: list[Event]) -> RemoteError:
    """The error of the only event."""
    (event,) = events
    assert isinstance(event, Fail | ContextError)
    return event.error


def schedule(**options: Any) -> ChunkSchedule:
    """A schedule with the real sentence finders."""
    return ChunkSchedule(find_sentence_end=find_sentence_end, find_phrase_end=find_phrase_end, **options)


@attrs.define
class Spoken:
    """The text that one context would have spoken."""

    chunks: list[str] = attrs.field(factory=list)
    is_final: bool = False

    @property
    def words(self) -> list[str]:
        return " ".join(self.chunks).split()


@attrs.define
class Listener:
    """Passes a script to a connection, message by message, and records what each context speaks."""

    connection: Connection
    contexts: list[tuple[str | None, Spoken]] = attrs.field(factory=list)
    _schedules: dict[str | None, tuple[ChunkSchedule, Spoken]] = attrs.field(factory=dict)
    now: float = 0.0

    def play(self, script: list[dict[str, Any]], step_s: float = 0.0) -> Listener:
        for fields in script:
            self.now += step_s
            for event in tell(self.connection, self.now, **fields):
                self._handle(event)
        return self

    def words(self, context_id: str | None = None) -> list[list[str]]:
        return [spoken.words for name, spoken in self.contexts if name == context_id]

    def _handle(self, event: Event) -> None:
        match event:
            case OpenContext(context_id=context_id):
                spoken = Spoken()
                self.contexts.append((context_id, spoken))
                auto_mode = self.connection.request.auto_mode
                made = schedule(schedule_chars=event.chunk_schedule, auto_mode=auto_mode)
                self._schedules[context_id] = (made, spoken)
            case Text(context_id=context_id):
                made, spoken = self._schedules[context_id]
                chunks = made.feed(event.text, self.now)
                chunks += made.trigger(self.now) if event.trigger else []
                chunks += made.flush(self.now) if event.flush else []
                spoken.chunks += [chunk.text for chunk in chunks]
            case EndContext(context_id=context_id):
                made, spoken = self._schedules.pop(context_id)
                if not event.discard:
                    spoken.chunks += [chunk.text for chunk in made.end(self.now)]
                self._finish(context_id, spoken)
            case EvictContext(context_id=context_id):
                raise AssertionError("no script here needs more room")
            case UpdateSettings(context_id=context_id):
                self._schedules[context_id][0].reschedule(event.chunk_schedule)

    def _finish(self, context_id: str | None, spoken: Spoken) -> None:
        final = orjson.loads(self.connection.final_message(context_id, self.now))
        assert final["isFinal"] is True and final["audio"] is None
        spoken.is_final = True
