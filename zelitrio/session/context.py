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
"""Ended contexts whose progress a socket keeps.  Audio is sent faster than it is played, so an interruption
often comes after a context's last message."""


@attrs.define(eq=False)
class Context:
    """One context of a socket."""

    context_id: str | None
    stream: SpeechStream | DialogueStream
    timestamps: tuple[str, ...] = ()
    """Kinds of times that its messages carry besides those of the characters: word, phone, viseme."""
    options: StreamOptions | None = None
    """Recorded in the account's history; None: the context is not recorded."""
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    progress: Progress = attrs.field(init=False)
    was_busy: bool = attrs.field(default=False, init=False)
    """Whether the stream was busy when the connection was last told."""
    meter: Meter | None = attrs.field(default=None, init=False)
    """Opened by the first text: a socket that only waits does not count as a stream of its account."""
    wants_report: bool = attrs.field(default=False, init=False)
    """Whether the client asked for a report of how much was spoken."""
    played_ms: int | None = attrs.field(default=None, init=False)
    """Audio that the client says it played; None: it did not say."""

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
        """How much was spoken; None unless the client asked."""
        return self.progress.report(self.played_ms) if self.wants_report else None


@attrs.define(eq=False)
class Ended:
    """The progress of a socket's last REMEMBERED ended contexts."""

    _contexts: deque[tuple[str | None, Progress]] = attrs.field(
        factory=lambda: deque(maxlen=REMEMBERED), init=False
    )

    def add(self, context: Context) -> None:
        """Keep the progress of a context that has ended."""
        self._contexts.append((context.context_id, context.progress))

    def report(self, context_id: str | None, played_ms: int | None) -> SpeechReport | None:
        """How much the last ended context of that name spoke; None if no such context is kept."""
        for name, progress in reversed(self._contexts):
            if name == context_id:
                return progress.report(played_ms)
        return None
