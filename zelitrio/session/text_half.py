"""The text half of a stream: pieces in, utterances out.  No I/O, no Trio; time is an argument.

It owns the chunk schedule, the reader, the counters and barge-in.  The coordinator (`SpeechStream`) asks for
the next utterance and reports spoken ones.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence

import attrs

from zelitrio.errors import RemoteError
from zelitrio.protocol import Chunk, ChunkSchedule
from zelitrio.session.pending import Pending, ReleasedChunk, Speech
from zelitrio.settings import VoiceSettings
from zelitrio.text import StreamReader, Utterance

MAX_PENDING_CHARS = 64 * 1024
"""Text that may wait in one stream: over an hour of speech."""


@attrs.frozen
class Flush:
    """A flush of the client.

    Attributes:
        until: chunks released up to the flush.
        has_text: whether chunks were released since the previous flush.
        flush_id: the client's name for it; None: the client wants no message after it was spoken.
    """

    until: int
    has_text: bool
    flush_id: str | None = None


@attrs.define(eq=False)
class TextHalf:
    """The text of one stream until it is spoken.  All calls return at once.

    Args:
        schedule: releases chunks.
        reader: turns chunks into utterances.
        settings: how to speak text that is released from now on; may change at any time.
        note: called with each utterance.
    """

    schedule: ChunkSchedule
    settings: VoiceSettings
    _reader: StreamReader
    _note: Callable[[Utterance], None] | None = None
    pending: Pending = attrs.field(factory=Pending, init=False)
    skipped: str = attrs.field(default="", init=False)
    """Text without words after the last utterance."""
    is_ended: bool = attrs.field(default=False, init=False)
    _has_text: bool = attrs.field(default=False, init=False)
    _released: int = attrs.field(default=0, init=False)
    _flushes: deque[Flush] = attrs.field(factory=deque, init=False)
    """Flushes that are not spoken yet."""
    _wanted: int = attrs.field(default=0, init=False)
    """Flushed chunks, which a barge-in does not drop."""

    @property
    def chars(self) -> int:
        """Sent characters that are not spoken yet."""
        return self.schedule.pending_chars + self._reader.held_chars + self.pending.chars

    @property
    def owes_audio(self) -> bool:
        """Whether the client sent text other than white space, and so expects audio."""
        return self._has_text

    @property
    def is_silenced(self) -> bool:
        """Whether a barge-in left nothing to speak; the engine may still hold dropped utterances."""
        return self.is_ended and self._wanted < self._released and not self.pending.has_before(self._wanted)

    def text(
        self, text: str, now: float, *, flush: bool = False, trigger: bool = False, continues: bool = False
    ) -> bool:
        """Take more text; return whether chunks were released.

        Args:
            text: added to the buffer; cut long texts with `slices`.
            now: in seconds, on the clock of `deadline`.
            flush: speak all buffered text now.
            trigger: speak the buffered text up to its last boundary, if that is long enough.
            continues: whether this is a later slice of the same piece; then no space is added before it.

        Raises:
            RemoteError: more than MAX_PENDING_CHARS would wait; nothing was taken.
        """
        if self.is_ended:
            return False
        before = self._released
        if text and self.chars + len(text) > MAX_PENDING_CHARS:
            raise RemoteError(
                "string_too_long",
                f"text: more than {MAX_PENDING_CHARS} characters wait to be spoken. "
                "Send text as it is needed, not faster than it can be spoken.",
                param="text",
            )
        if text:
            self._has_text = self._has_text or not text.isspace()
            self._release(self.schedule.feed(self._reader.hold_tags(text), now, continues=continues), now)
        if trigger:
            self._release(self.schedule.trigger(now), now)
        if flush:
            self.flush(now)
        return self._released > before

    def flush(self, now: float, flush_id: str | None = None) -> None:
        """Release all buffered text; `flush_id` names the flush."""
        self._release(self.schedule.feed(self._reader.release_tags(), now, continues=True), now)
        self._release(self.schedule.flush(now), now)
        has_text = self._wanted < self._released
        if has_text or flush_id is not None:
            self._flushes.append(Flush(self._released, has_text, flush_id))
        self._wanted = self._released

    def deadline(self) -> float:
        """When to call `expire`; inf: only more text can release a chunk."""
        deadline = self.schedule.next_deadline()
        return math.inf if deadline is None else deadline

    @property
    def flush_is_spoken(self) -> bool:
        """Whether `take_spoken_flushes` would return any flush."""
        return bool(self._flushes) and not self.pending.has_before(self._flushes[0].until)

    def take_spoken_flushes(self) -> list[Flush]:
        """Remove and return the spoken flushes."""
        spoken = []
        while self.flush_is_spoken:
            spoken.append(self._flushes.popleft())
        return spoken

    def expire(self, now: float) -> None:
        """Release the chunks that are due at the deadline."""
        self._release(self.schedule.expire(now), now)

    def end(self, now: float) -> None:
        """Take no more text and release the rest.  A second call does nothing."""
        if not self.is_ended:
            self.flush(now)
            self.is_ended = True

    def discard(self) -> int:
        """Barge-in: keep only flushed text, and take no more.

        Returns:
            The number of the first stale chunk.
        """
        self.is_ended = True
        if not self._wanted:
            self._has_text = False  # nothing was flushed, so the client expects no audio
        self.pending.drop_from(self._wanted)
        return self._wanted

    def take(self) -> Speech | None:
        """Take the next utterance for the engine, if any.

        Reads at most one chunk, because reading can take a millisecond.
        """
        if (speech := self.pending.next_speech()) is not None:
            return speech
        if (released := self.pending.next_chunk()) is not None:
            chunk = released.chunk
            for utterance in self._reader.read(
                chunk.text, ends_sentence=chunk.ends_sentence, is_flushed=chunk.flushed
            ):
                self._add(utterance, released)
        return self.pending.next_speech()

    def _add(self, utterance: Utterance, released: ReleasedChunk) -> None:
        if self._note is not None:
            self._note(utterance)
        if utterance.is_empty:
            self.skipped += utterance.source
            self.pending.skip(utterance.source)
        else:
            self.pending.add_read(Speech(utterance, released, self.skipped))
            self.skipped = ""

    def _release(self, chunks: Sequence[Chunk], now: float) -> None:
        for chunk in chunks:
            self.pending.add(ReleasedChunk(chunk, self._released, now, self.settings))
            self._released += 1
