"""One context of a socket: its stream, its progress, and the scope that cancels its task."""

from __future__ import annotations

from collections import deque

import attrs
import trio

from zelitrio.protocol import SpeechReport
from zelitrio.session.dialogue import DialogueStream
from zelitrio.session.options import StreamOptions
from zelitrio.session.progress import Progress
from zelitrio.session.service import AccountLike, Meter
from zelitrio.session.stream import SpeechStream

REMEMBERED = 8
"""Contexts that are over and still have a progress on their socket.  Audio is sent faster than it is played,
so an interruption often comes after the last message."""


@attrs.define(eq=False)
class Context:
    """One context of a socket."""

    context_id: str | None
    stream: SpeechStream | DialogueStream
    timestamps: tuple[str, ...] = ()
    """Kinds of times that its messages carry beside those of the characters."""
    options: StreamOptions | None = None
    """For the history; None: it is not kept."""
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    progress: Progress = attrs.field(init=False)
    was_busy: bool = attrs.field(default=False, init=False)
    meter: Meter | None = attrs.field(default=None, init=False)
    """Opened by the first text, so that a socket that only waits is no stream of its account."""
    wants_report: bool = attrs.field(default=False, init=False)
    """Whether the client asked how far it gets."""
    played_ms: int | None = attrs.field(default=None, init=False)

    @progress.default
    def _progress(self) -> Progress:
        return Progress(self.stream.notices)

    def spend(self, account: AccountLike, voice_id: str, kind: str, characters: int) -> None:
        """Count text that is going to be spoken.

        Raises:
            RemoteError: the account may not have another stream, or has fewer characters left.
        """
        if self.meter is None:
            self.meter = account.open(voice_id, kind, self.options)
        self.meter.spend(characters)

    def keep(self, text: str = "", audio: bytes = b"") -> None:
        """Keep text or audio for the account's history, if it has one."""
        if self.meter is not None:
            self.meter.keep(text, audio)

    def report(self) -> SpeechReport | None:
        """How far it got, if the client asked."""
        return self.progress.report(self.played_ms) if self.wants_report else None


@attrs.define(eq=False)
class Ended:
    """Progress of the contexts of a socket that are over, the last REMEMBERED."""

    _contexts: deque[tuple[str | None, Progress]] = attrs.field(
        factory=lambda: deque(maxlen=REMEMBERED), init=False
    )

    def add(self, context: Context) -> None:
        """A context is over."""
        self._contexts.append((context.context_id, context.progress))

    def report(self, context_id: str | None, played_ms: int | None) -> SpeechReport | None:
        """How far the last context of that name got; None if it is not known."""
        for name, progress in reversed(self._contexts):
            if name == context_id:
                return progress.report(played_ms)
        return None
