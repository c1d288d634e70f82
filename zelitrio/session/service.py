"""Objects that all conversations of a process share: engine, front end, settings and hooks."""

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

if TYPE_CHECKING:  # importing the engine imports torch, which a session does not need
    from zelitrio.engine import AudioBlock
    from zelitrio.text import Dictionaries, FrontEnd, Utterance
    from zelitrio.voices import Catalogue, Voice


class EngineStreamLike(Protocol):
    """One stream of the engine; `zelitrio.engine.EngineStream` and the scripted fake of the tests."""

    def feed(self, utterance: Utterance, *, settings: VoiceSettings | None = None) -> None:
        """Hand in the next utterance; never waits."""

    def finish(self) -> None:
        """Say that nothing more will be fed; never waits."""

    def close_softly(self, *, is_due_later: bool = True, is_abandoned: bool = False) -> None:
        """Take short steps from now on, and let open streams go first if it is due later.  Never waits.

        An abandoned stream gives up its lane when another stream needs it: its iteration may end early.
        """

    def hand_to(self, take: Callable[[AudioBlock], bool] | None) -> None:
        """Offer blocks to a function as they come, outside of any task; None ends that.

        The iteration gets the blocks that the function refuses (returns False for), and the blocks that come
        before a refused one was read.  It also gets an error that the function raises.
        """

    def __aiter__(self) -> AsyncIterator[AudioBlock]:
        """Iterate over the audio.  A cancelled `__anext__` loses no block and may be called again."""


class EngineLike(Protocol):
    """The part of the engine that sessions use."""

    @property
    def catalogue(self) -> Catalogue:
        """The voices that can be asked for."""

    def open_stream(
        self, voice: Voice, settings: VoiceSettings = ..., *, seed: int | None = None
    ) -> AbstractAsyncContextManager[EngineStreamLike]:
        """Take a lane; leaving the block always frees it."""


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
        """Count seconds of audio that were sent."""

    def close(self) -> None:
        """End the stream; a second call does nothing."""


class AccountLike(Protocol):
    """The account that a key belongs to."""

    @property
    def name(self) -> str:
        """Unique."""

    def open(self, voice_id: str, kind: str, options: object = None) -> Meter:
        """Begin to count a stream.

        Args:
            voice_id: the voice that speaks.
            kind: the interface that the stream came through; a `zelitrio.accounts.Kind`.
            options: `StreamOptions`, for the history; None: the stream is not recorded.

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
        """A stream gave its lane back.

        Args:
            reason: `done`; `discarded` by a barge-in; `gone`: its client left; `failed`.
            audio_s: audio that was delivered.
        """

    def first_audio(self, seconds: float) -> None:
        """First audio was sent, this many seconds after the message that released the first chunk."""

    def audio(self, seconds: float) -> None:
        """Audio was sent to the peer."""

    def underrun(self) -> None:
        """A block in mid-utterance came after its listener had played all it had."""

    def text_skipped(self, text: str) -> None:
        """The stream met text that cannot be spoken; called once per stream, with the first such text."""

    def language_differs(self, seems: str, language: str) -> None:
        """The text seems to be in another language than its voice reads; called once per stream."""

    def broke(self, error: BaseException) -> None:
        """A stream ended by an unexpected error, a bug of this program."""

    def queued(self, seconds: float) -> None:
        """A stream's first utterance waited this long in the engine before its first step."""

    def computed(self, voice_id: str, computed_s: float, audio_s: float) -> None:
        """A stream ended, after `computed_s` seconds of the device and `audio_s` seconds of audio."""

    def request_refused(self, account: str | None, code: str) -> None:
        """A request failed with an error of this code; `account` is None if it is not known."""

    def socket_opened(self) -> None:
        """A realtime socket began its conversation."""

    def socket_closed(self, code: int) -> None:
        """A realtime socket ended with our close code, or 1006: the peer left."""


@attrs.define(eq=False)
class Service:
    """Objects that every conversation uses.

    Attributes:
        authenticate: returns the account of a credential or of a single-use token (each may be None), or
            None if neither is valid.  Never waits.  Raises RemoteError for an expired key.
        turns: decides which stream encodes next.
        drain: once set, conversations finish what they are saying and close with 1012.
        cut_off: set after `drain`; conversations that still speak then close with 1012 at once.
        dictionaries: the pronunciations that a peer may choose; None: there are none.
        open_trace: begins the trace of a stream, given its voice's id and when it began on Trio's clock;
            returns None if it is not traced.  Never waits.
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
    open_trace: Callable[[str, float], Trace | None] = lambda voice_id, began_at: None
    failure: ZelitrioError | None = None
    dictionaries: Dictionaries | None = None
    _at_drain: set[Callable[[], None]] = attrs.field(factory=set, init=False)

    def call_at_drain(self, begin: Callable[[], None]) -> None:
        """Call a function when the drain begins, or now if it has begun.  It must not wait or raise.

        A task that waits for `drain` would cost each conversation two turns of the loop.
        """
        if self.drain.is_set():
            begin()
        else:
            self._at_drain.add(begin)

    def forget(self, begin: Callable[[], None]) -> None:
        """Do not call it any more."""
        self._at_drain.discard(begin)

    async def watch_drain(self) -> None:
        """Wait for the drain and make the calls.  The owner of the service runs it."""
        await self.drain.wait()
        for begin in tuple(self._at_drain):
            begin()
