"""Objects of all conversations of a process: engine, front end, settings and hooks."""

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

if TYPE_CHECKING:  # the engine imports torch, which a session does not need
    from zelitrio.engine import AudioBlock
    from zelitrio.text import Dictionaries, FrontEnd, Utterance
    from zelitrio.voices import Catalogue, Voice


class EngineStreamLike(Protocol):
    """One stream of the engine: `zelitrio.engine.EngineStream`, or the scripted engine of the tests."""

    def feed(self, utterance: Utterance, *, settings: VoiceSettings | None = None) -> None:
        """Pass the next utterance; never waits."""

    def finish(self) -> None:
        """End the stream's text; never waits."""

    def close_softly(self, *, is_due_later: bool = True, is_abandoned: bool = False) -> None:
        """Use short steps from now on, and let open streams go first if it is due later.  Never waits.

        An abandoned stream may lose its lane to another stream; then its iteration ends early.
        """

    def hand_to(self, take: Callable[[AudioBlock], bool] | None) -> None:
        """Pass blocks to a function as they come, outside of any task; None ends that.

        The iteration gets the blocks for which the function returns False, and those that come before such
        a block was read.  It also gets an error that the function raises.
        """

    def __aiter__(self) -> AsyncIterator[AudioBlock]:
        """Iterate over the blocks.  A cancelled `__anext__` loses no block and can be repeated."""


class EngineLike(Protocol):
    """The part of the engine that sessions use."""

    @property
    def catalogue(self) -> Catalogue:
        """The offered voices."""

    def open_stream(
        self, voice: Voice, settings: VoiceSettings = ..., *, seed: int | None = None
    ) -> AbstractAsyncContextManager[EngineStreamLike]:
        """Take a lane; leaving the block always frees it."""


class Meter(Protocol):
    """Counts one stream's usage, and records the stream if the account has a history.  No method waits."""

    @property
    def item_id(self) -> str | None:
        """Id of the stream in the history; None: not recorded."""

    def keep(self, text: str = "", audio: bytes = b"") -> None:
        """Record text or audio of the stream."""

    def spend(self, characters: int) -> None:
        """Count text before it is spoken.

        Raises:
            RemoteError: too few characters are left; nothing is counted.
        """

    def spoke(self, audio_s: float) -> None:
        """Count seconds of sent audio."""

    def close(self) -> None:
        """End the stream; a second call does nothing."""


class AccountLike(Protocol):
    """The account of a key."""

    @property
    def name(self) -> str:
        """The unique name."""

    def open(self, voice_id: str, kind: str, options: object = None) -> Meter:
        """Begin to count a stream.

        Args:
            voice_id: the voice that speaks.
            kind: the interface of the stream; a `zelitrio.accounts.Kind`.
            options: `StreamOptions`, for the history; None: not recorded.

        Raises:
            RemoteError: the account may not open another stream, or has no characters left.
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
    """Hooks for metrics and logs, which do nothing by default.  No hook may wait or raise."""

    def stream_opened(self) -> None:
        """A stream got its lane in the engine."""

    def stream_closed(self, reason: str, audio_s: float) -> None:
        """A stream left its lane.

        Args:
            reason: `done`; `discarded` by a barge-in; `gone`: its client left; `failed`.
            audio_s: delivered audio.
        """

    def first_audio(self, seconds: float) -> None:
        """First audio was sent, this long after the message that released the first chunk."""

    def audio(self, seconds: float) -> None:
        """Audio was sent to the peer."""

    def underrun(self) -> None:
        """A listener ran dry in mid-utterance."""

    def text_skipped(self, text: str) -> None:
        """A stream met the first text that cannot be spoken."""

    def language_differs(self, seems: str, language: str) -> None:
        """A stream's text seems to be in another language than its voice reads; called once."""

    def failed(self, error: ZelitrioError) -> None:
        """A stream could not be spoken: no capacity, a damaged voice, a failed utterance."""

    def broke(self, error: BaseException) -> None:
        """A stream ended by an unexpected error, a bug of this program."""

    def queued(self, seconds: float) -> None:
        """A stream's first utterance waited this long for its first step."""

    def computed(self, voice_id: str, computed_s: float, audio_s: float) -> None:
        """A stream ended after this device time and audio."""

    def request_refused(self, account: str | None, code: str) -> None:
        """A request failed with this error code; `account` is None before authentication."""

    def socket_opened(self) -> None:
        """A realtime socket began its conversation."""

    def socket_closed(self, code: int) -> None:
        """A realtime socket ended with our close code, or 1006 if the peer left."""


@attrs.define(eq=False)
class Service:
    """The objects of all conversations.

    Attributes:
        authenticate: returns the account of a credential or of a single-use token (either may be None), or
            None if neither is valid.  Never waits.  Raises RemoteError for an expired key.
        turns: decides which stream encodes next.
        drain: when set, conversations finish their speech and close with 1012.
        cut_off: set after `drain`; remaining conversations close with 1012 at once.
        dictionaries: pronunciations that a client can choose; None: there are no dictionaries.
        open_trace: begins a stream's trace from its voice's id and Trio's time of its begin; returns None if
            the stream is not traced.  Never waits.
        failure: set before `drain` after a failure of engine or server: conversations end with 1011.
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
        """Remove the function."""
        self._at_drain.discard(begin)

    async def watch_drain(self) -> None:
        """Wait for the drain and make the calls.  The service's owner runs this."""
        await self.drain.wait()
        for begin in tuple(self._at_drain):
            begin()
