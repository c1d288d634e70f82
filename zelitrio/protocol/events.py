"""The events of a Connection; each docstring says what its owner must do.

Handle the events of one call in order.  The only context of `stream-input` and the default context of
`multi-stream-input` have the id None.
"""

from __future__ import annotations

from typing import TypeAlias

import attrs

from zelitrio.errors import RemoteError
from zelitrio.settings import VoiceSettings


@attrs.frozen
class Authenticate:
    """Check the peer's credential.  It comes at most once, before all other events.

    It does not come after `Connection.authenticated`.  If the check fails: send
    `error_message(RemoteError("invalid_api_key", ...))`, close, and drop the events that follow.
    """

    credential: str | None = attrs.field(default=None, repr=False)
    """The key without "Bearer ", if the peer sent one."""
    single_use_token: str | None = attrs.field(default=None, repr=False)
    """The token of the query string, if the handshake had no key."""


@attrs.frozen
class OpenContext:
    """Open a context with its own chunk schedule, settings, encoder and engine stream."""

    context_id: str | None
    voice_settings: VoiceSettings
    chunk_schedule: tuple[float, ...]
    dictionaries: tuple[PronunciationDictionary, ...] = ()
    voices: tuple[str, ...] = ()
    """In a dialogue, the ids of the voices."""
    timestamps: tuple[str, ...] = ()
    """Kinds of times besides character times: word, phone, viseme."""


@attrs.frozen
class PronunciationDictionary:
    """A requested pronunciation dictionary; no version: the latest."""

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
    """In a dialogue, the voice that speaks it; None: the voice of the previous text."""
    new_turn: bool = False
    """In a dialogue, whether the text begins a new turn."""
    flush_id: str | None = None
    """With `flush`: send `flush_message` with this id after its audio."""


@attrs.frozen
class EndContext:
    """End a context after all its text: speak the rest, send `final_message`, remove it.

    With `discard` False (the end of `stream-input`, or an idle context) all buffered text is spoken.  With
    `discard` True (`close_context`, `close_socket`) only text up to the last `Text(flush=True)` is spoken;
    later text is dropped, also if it was released.  So `close_context` without a flush is a barge-in.
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
    """Audio that the client reports as played; None: not reported."""


@attrs.frozen
class Recall:
    """The client asks about an ended context: send `report_message` if its progress is kept."""

    context_id: str | None
    played_ms: int | None = None


@attrs.frozen
class EvictContext:
    """Cancel a closing context's audio and send its `final_message`, because a new one needs room."""

    context_id: str | None


@attrs.frozen
class ContextError:
    """A message was refused: send `error_message(error, context_id)` and continue.

    The context, if any, keeps its state.  An invalid id in the message becomes None.
    """

    context_id: str | None
    error: RemoteError


@attrs.frozen
class EndSocket:
    """No more messages count: close with 1000 and no reason after the final frames of all contexts."""


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
