"""The events of a Connection; each docstring says what its owner has to do.

Handle the events of one call in order.  `context_id` is None for the only context of `stream-input` and for
the default context of `multi-stream-input`.
"""

from __future__ import annotations

from typing import TypeAlias

import attrs

from zelitrio.errors import RemoteError
from zelitrio.settings import VoiceSettings


@attrs.frozen
class Authenticate:
    """Check the peer's credential.  It comes at most once, before all other events.

    It does not come if `Connection.authenticated` was called, because the handshake had a valid credential.
    If the check fails: send `error_message(RemoteError("invalid_api_key", ...))`, close, and drop the events
    that follow it.
    """

    credential: str | None = attrs.field(default=None, repr=False)
    """The key without "Bearer "; None: the peer sent none."""
    single_use_token: str | None = attrs.field(default=None, repr=False)
    """The token of the query string, if the handshake had no key."""


@attrs.frozen
class OpenContext:
    """Open a context, with a chunk schedule, settings, an encoder and an engine stream of its own."""

    context_id: str | None
    voice_settings: VoiceSettings
    chunk_schedule: tuple[float, ...]
    dictionaries: tuple[PronunciationDictionary, ...] = ()
    voices: tuple[str, ...] = ()
    """In a dialogue, the ids of its voices."""
    timestamps: tuple[str, ...] = ()
    """Kinds of times that audio messages carry besides those of the characters: word, phone, viseme."""


@attrs.frozen
class PronunciationDictionary:
    """A pronunciation dictionary that the peer wants to use; no version: the latest."""

    dictionary_id: str
    version_id: str | None = None


@attrs.frozen
class UpdateSettings:
    """Use these settings for text that is released from now on.  Both values are complete."""

    context_id: str | None
    voice_settings: VoiceSettings
    chunk_schedule: tuple[float, ...]


@attrs.frozen
class Text:
    """Feed text to the context's chunk schedule, then trigger, then flush, if these are set.

    `text` is empty for a flush or trigger without text.
    """

    context_id: str | None
    text: str
    flush: bool = False
    trigger: bool = False
    voice_id: str | None = None
    """In a dialogue, the voice that speaks it; None: the voice of the text before."""
    new_turn: bool = False
    """In a dialogue, whether the text begins a new turn."""
    flush_id: str | None = None
    """With `flush`: send `flush_message` with this id once its audio was sent."""


@attrs.frozen
class EndContext:
    """End a context, for which no more text comes: speak the rest, send `final_message`, forget it.

    With `discard` False (the end of `stream-input`, or a context that was idle for too long) all buffered
    text is spoken.  With `discard` True (`close_context`, `close_socket`) text up to the last
    `Text(flush=True)` is spoken.  Later text is dropped, and cancelled if it was released already.  So
    `close_context` without a flush is a barge-in.
    """

    context_id: str | None
    discard: bool
    wants_report: bool = False
    """Whether `final_message` must contain a `SpeechReport`."""


@attrs.frozen
class CancelContext:
    """End a context at once, even a closing one, and send `final_message` with a `SpeechReport`."""

    context_id: str | None
    played_ms: int | None = None
    """Audio that the client says it played; None: it did not say."""


@attrs.frozen
class Recall:
    """The client asks about a context that has ended: send `report_message` if its progress is kept."""

    context_id: str | None
    played_ms: int | None = None


@attrs.frozen
class EvictContext:
    """Cancel the audio of a closing context and send its `final_message` at once: a new one needs room."""

    context_id: str | None


@attrs.frozen
class ContextError:
    """A message was refused: send `error_message(error, context_id)` and go on.

    The context, if there is one, keeps its state.  `context_id` is None if the message's own was invalid.
    """

    context_id: str | None
    error: RemoteError


@attrs.frozen
class EndSocket:
    """No more messages count: when all contexts have had their final frame, close with 1000, no reason."""


@attrs.frozen
class Fail:
    """End the socket with an error: send `error_message(error)`, then close with `close_frame(error)`."""

    error: RemoteError


Event: TypeAlias = (
    Authenticate
    | OpenContext
    | UpdateSettings
    | Text
    | EndContext
    | CancelContext
    | Recall
    | EvictContext
    | ContextError
    | EndSocket
    | Fail
)
