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
"""Ended contexts with kept progress.  Audio is sent ahead of playback, so an interruption often comes after a
context's last message."""


@attrs.define(eq=False)
class Context:
    """A context: its stream, options, usage and progress."""

    context_id: str | None
    stream: SpeechStream | DialogueStream
    timestamps: tuple[str, ...] = ()
    """Kinds of times besides character times: word, phone, viseme."""
    options: StreamOptions | None = None
    """Recorded in the account's history; None: not recorded."""
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    """Of its task; `cancel` cancels it."""
    is_cancelled: bool = attrs.field(default=False, init=False)
    """Whether `cancel` was called.  Asking the scope costs a look at the clock for each packet."""
    progress: Progress = attrs.field(init=False)
    was_busy: bool = attrs.field(default=False, init=False)
    """Whether the connection was last told that the stream is busy."""
    meter: Meter | None = attrs.field(default=None, init=False)
    """Opened by the first text, because a waiting socket does not count as a stream of its account."""
    wants_report: bool = attrs.field(default=False, init=False)
    """Whether the client asked for a report."""
    played_ms: int | None = attrs.field(default=None, init=False)
    """Audio that the client reports as played; None: not reported."""

    @progress.default
    def _progress(self) -> Progress:
        return Progress(self.stream.notices)

    def cancel(self) -> None:
        """End its task at once."""
        self.is_cancelled = True
        self.scope.cancel()

    def spend(self, account: AccountLike, voice_id: str, kind: str, characters: int) -> None:
        """Count text before it is spoken.

        Raises:
            RemoteError: the account may not open another stream, or has too few characters left.
        """
        if self.meter is None:
            self.meter = account.open(voice_id, kind, self.options)
        self.meter.spend(characters)

    def keep(self, text: str = "", audio: bytes = b"") -> None:
        """Record text or audio in the account's history, if it has one."""
        if self.meter is not None:
            self.meter.keep(text, audio)

    def report(self) -> SpeechReport | None:
        """The text that was spoken; None unless the client asked."""
        return self.progress.report(self.played_ms) if self.wants_report else None


@attrs.define(eq=False)
class EndedContexts:
    """The progress of a socket's last REMEMBERED ended contexts."""

    _contexts: deque[tuple[str | None, Progress]] = attrs.field(
        factory=lambda: deque(maxlen=REMEMBERED), init=False
    )

    def add(self, context: Context) -> None:
        """Keep the progress of a context that has ended."""
        self._contexts.append((context.context_id, context.progress))

    def report(self, context_id: str | None, played_ms: int | None) -> SpeechReport | None:
        """The report of the last ended context with this id; None if it is not kept."""
        for name, progress in reversed(self._contexts):
            if name == context_id:
                return progress.report(played_ms)
        return None
