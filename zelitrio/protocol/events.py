"""The events of a Connection: one frozen value each.

Handle the events of one call in order.  `context_id` is null for the one context of `stream-input` and for
the default context of `multi-stream-input`.
"""

from __future__ import annotations

from typing import TypeAlias

import attrs

from zelitrio.errors import RemoteError
from zelitrio.settings import VoiceSettings


@attrs.frozen
class Authenticate:
    """Check who this is before anything else; it comes at most once, and first.

    Not sent when `Connection.authenticated` was called before (a credential in the handshake can be checked
    at once).  If the check fails: send `error_message(RemoteError("invalid_api_key", ...))`, close, and drop
    the events that follow it.
    """

    credential: str | None = attrs.field(default=None, repr=False)
    """The bare key ("Bearer " is gone); None: the peer brought none."""
    single_use_token: str | None = attrs.field(default=None, repr=False)
    """The token of the query string, when there is one and no key in the handshake."""


@attrs.frozen
class OpenContext:
    """A new context: its own chunk schedule, settings, encoder and engine stream."""

    context_id: str | None
    voice_settings: VoiceSettings
    chunk_schedule: tuple[float, ...]
    dictionaries: tuple[PronunciationDictionary, ...] = ()
    voices: tuple[str, ...] = ()
    """In a dialogue, the ids of its voices."""
    timestamps: tuple[str, ...] = ()
    """Kinds of times that audio messages carry beside those of the characters."""


@attrs.frozen
class PronunciationDictionary:
    """Which pronunciation dictionary the peer wants applied."""

    dictionary_id: str
    version_id: str | None = None


@attrs.frozen
class UpdateSettings:
    """Settings for what is generated from now on.  Both values are complete, changed or not."""

    context_id: str | None
    voice_settings: VoiceSettings
    chunk_schedule: tuple[float, ...]


@attrs.frozen
class Text:
    """Text for a context: feed it to the chunk schedule, then trigger, then flush, as asked.

    `text` may be empty (a bare flush or trigger).
    """

    context_id: str | None
    text: str
    flush: bool = False
    trigger: bool = False
    voice_id: str | None = None
    """In a dialogue, the voice that speaks it; None: the voice of the text before."""
    new_turn: bool = False
    """In a dialogue, whether the text before it is the end of a turn."""
    flush_id: str | None = None
    """With `flush`: acknowledge it with `flush_message` once its audio was sent."""


@attrs.frozen
class EndContext:
    """No more text comes for a context: speak the rest, send `final_message`, forget it.

    discard False (`stream-input`'s end of stream, a context idle for too long): the buffered text is spoken
    too.  discard True (`close_context`, `close_socket`): everything fed before the last `Text(flush=True)`
    is finished, whatever was fed after it is dropped, and cancelled where it was released already.  That is
    what makes `close_context` without a flush a barge-in.
    """

    context_id: str | None
    discard: bool
    wants_report: bool = False
    """Whether `final_message` is to say how far the context got."""


@attrs.frozen
class CancelContext:
    """End a context at once, one that is closing too, and say in `final_message` how far it got."""

    context_id: str | None
    played_ms: int | None = None
    """Audio that the client played; None: it does not say."""


@attrs.frozen
class Recall:
    """A context that is over: send `report_message`, if it is still known how far it got."""

    context_id: str | None
    played_ms: int | None = None


@attrs.frozen
class EvictContext:
    """A closing context must make room for a new one: cancel its audio and send `final_message` at once."""

    context_id: str | None


@attrs.frozen
class ContextError:
    """A message was refused, and only that: send `error_message(error, context_id)` and go on.

    The context, if there is one, keeps its state.  If the message had a wrong context id, there is no
    `context_id`.
    """

    context_id: str | None
    error: RemoteError


@attrs.frozen
class EndSocket:
    """Nothing more comes: when every context has had its final frame, close with 1000 and no reason."""


@attrs.frozen
class Fail:
    """The socket is lost: send `error_message(error)`, then close with `close_frame(error)`."""

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
