"""What all conversations of one process share: the engine, the front end, the rules and the hooks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol

import attrs
import trio

from zelitrio.errors import ZelitrioError
from zelitrio.session.encoding import Turns
from zelitrio.session.traces import Trace
from zelitrio.settings import SessionSettings, VoiceSettings

if TYPE_CHECKING:  # the engine brings torch; a session needs only its face
    from zelitrio.engine import AudioBlock
    from zelitrio.text import Dictionaries, FrontEnd, Utterance
    from zelitrio.voices import Catalogue, Voice


class EngineStreamLike(Protocol):
    """One stream of the engine; `zelitrio.engine.EngineStream` and the scripted fake of the tests."""

    def feed(self, utterance: Utterance, *, settings: VoiceSettings | None = None) -> None:
        """Hand in the next utterance; never waits."""

    def finish(self) -> None:
        """Say that nothing more will be fed; never waits."""

    def close_softly(self, *, is_abandoned: bool = False) -> None:
        """Let open streams go first from now on.  Never waits.

        An abandoned one takes no place from others: its iteration may end early.
        """

    def hand_to(self, take: Callable[[AudioBlock], bool] | None) -> None:
        """Offer blocks to a function as they come, outside of any task; None: to none any more.

        A block that it refuses (False), and what comes before that one was read, goes to the iteration, and
        so does an error that it raises.
        """

    def __aiter__(self) -> AsyncIterator[AudioBlock]:
        """Iterate over the audio.  A cancelled `__anext__` loses no block and may be called again."""


class EngineLike(Protocol):
    """The engine as a session sees it."""

    @property
    def catalogue(self) -> Catalogue:
        """The voices that can be asked for."""

    def open_stream(
        self, voice: Voice, settings: VoiceSettings = ..., *, seed: int | None = None
    ) -> AbstractAsyncContextManager[EngineStreamLike]:
        """Take a lane; leaving the block frees it, whatever happened inside."""


class Meter(Protocol):
    """Counts what one stream uses, and keeps it if the account has a history.  No method waits."""

    @property
    def item_id(self) -> str | None:
        """The id of the stream's item in the history; None: it is not kept."""

    def keep(self, text: str = "", audio: bytes = b"") -> None:
        """Keep text that is spoken, or audio that was made."""

    def spend(self, characters: int) -> None:
        """Count text that is going to be spoken.

        Raises:
            RemoteError: the account has fewer characters left; nothing is counted.
        """

    def spoke(self, audio_s: float) -> None:
        """Count audio that left, in seconds."""

    def close(self) -> None:
        """End the stream; a second call does nothing."""


class AccountLike(Protocol):
    """The owner of a key."""

    @property
    def name(self) -> str:
        """Unique."""

    def open(self, voice_id: str, kind: str, options: object = None) -> Meter:
        """Begin a stream that came through a door: socket, multi, http or openai.

        Args:
            voice_id: who speaks.
            kind: the door.
            options: `StreamOptions`, for the history; None: it is not kept.

        Raises:
            RemoteError: the account may not have another stream, or no characters are left.
        """


class Unmetered:
    """A meter that counts nothing."""

    item_id: str | None = None

    def keep(self, text: str = "", audio: bytes = b"") -> None:
        """See Meter."""

    def spend(self, characters: int) -> None:
        """See Meter."""

    def spoke(self, audio_s: float) -> None:
        """See Meter."""

    def close(self) -> None:
        """See Meter."""


@attrs.frozen
class Account:
    """An account without limits."""

    name: str

    def open(self, voice_id: str, kind: str, options: object = None) -> Meter:
        """See AccountLike."""
        return Unmetered()


class Observer:
    """Hooks for metrics and logs; this one ignores everything.  No hook may wait or raise."""

    def stream_opened(self) -> None:
        """A stream got its lane in the engine."""

    def stream_closed(self, reason: str, audio_s: float) -> None:
        """A stream gave its lane back: `done`, `discarded`, `gone` or `failed`, after `audio_s` of audio."""

    def first_audio(self, seconds: float) -> None:
        """First audio left: seconds from the message that released the first chunk."""

    def audio(self, seconds: float) -> None:
        """This much audio left for the peer."""

    def underrun(self) -> None:
        """Audio of an utterance came after its listener had played all that it had."""

    def text_skipped(self, text: str) -> None:
        """The stream met text that cannot be spoken; called once per stream, with the first such text."""

    def language_differs(self, seems: str, language: str) -> None:
        """The text seems to be in another language than its voice reads; called once per stream."""

    def broke(self, error: BaseException) -> None:
        """A stream ended by an error that was not raised on purpose: a bug of this program, for the log."""

    def queued(self, seconds: float) -> None:
        """A stream's first utterance waited in the engine before its first step."""

    def computed(self, voice_id: str, computed_s: float, audio_s: float) -> None:
        """A stream ended: its share of the device's time, and the audio that it made."""

    def request_refused(self, account: str | None, code: str) -> None:
        """A request failed with an error of this code; None: its account is not known."""

    def socket_opened(self) -> None:
        """A realtime socket began its conversation."""

    def socket_closed(self, code: int) -> None:
        """A realtime socket ended: our close code, or 1006 when the peer left."""


@attrs.define(eq=False)
class Service:
    """The surroundings of every conversation.

    Attributes:
        authenticate: returns the account of a credential or a single-use token, None if neither is valid.
            Never waits.  Without both it gets None twice.  Raises RemoteError for an expired key.
        turns: decides which stream encodes next.
        drain: once set, conversations finish what they are saying and close with 1012.
        cut_off: once set, after `drain`, those that still speak close with it at once.
        dictionaries: the pronunciations that a peer may choose; `front_end` serves all others.
        open_trace: begins the trace of a stream of a voice; None: it is not traced.  Never waits.
        failure: set before `drain` when the engine or the server broke: conversations end with 1011 instead.
    """

    engine: EngineLike
    front_end: FrontEnd
    settings: SessionSettings = attrs.field(factory=SessionSettings)
    authenticate: Callable[[str | None, str | None], AccountLike | None] = lambda credential, token: Account(
        "anonymous"
    )
    observer: Observer = attrs.field(factory=Observer)
    turns: Turns = attrs.field(factory=Turns)
    drain: trio.Event = attrs.field(factory=trio.Event)
    cut_off: trio.Event = attrs.field(factory=trio.Event)
    open_trace: Callable[[str], Trace | None] = lambda voice_id: None
    failure: ZelitrioError | None = None
    dictionaries: Dictionaries | None = None
