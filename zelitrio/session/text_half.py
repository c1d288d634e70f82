"""The text half of a stream: pieces in, utterances out.  No I/O, no Trio; time is an argument.

It owns the chunk schedule, the reader, the counters and barge-in.  The coordinator (`stream`) asks it for
the next utterance and tells it what was spoken.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence

import attrs

from zelitrio.errors import RemoteError
from zelitrio.protocol import Chunk, ChunkSchedule
from zelitrio.session.pending import Pending, Released, Speech
from zelitrio.settings import VoiceSettings
from zelitrio.text import StreamReader, Utterance

MAX_PENDING_CHARS = 64 * 1024
"""Text that may wait in one stream: more than an hour of speech."""


@attrs.frozen
class Flush:
    """A flush of the client.

    Attributes:
        until: number of chunks released by then.
        has_text: whether it released any text.
        flush_id: the client's own, if it wants to be told.
    """

    until: int
    has_text: bool
    flush_id: str | None = None


@attrs.define(eq=False)
class TextHalf:
    """The text of one stream until it is spoken.  All calls return at once.

    Args:
        schedule: releases chunks.
        reader: makes utterances of them.
        settings: of the text released from now on; may be changed at any time.
        note: called with each utterance that was read.
    """

    schedule: ChunkSchedule
    settings: VoiceSettings
    _reader: StreamReader
    _note: Callable[[Utterance], None] | None = None
    pending: Pending = attrs.field(factory=Pending, init=False)
    skipped: str = attrs.field(default="", init=False)
    """Text without words after the last utterance that was read."""
    is_ended: bool = attrs.field(default=False, init=False)
    _has_text: bool = attrs.field(default=False, init=False)
    _released: int = attrs.field(default=0, init=False)
    """Number of chunks released."""
    _flushes: deque[Flush] = attrs.field(factory=deque, init=False)
    """Those that are not spoken yet."""
    _wanted: int = attrs.field(default=0, init=False)
    """Chunks that the client flushed; a barge-in does not take them back."""

    @property
    def chars(self) -> int:
        """Characters that were sent and not spoken yet."""
        return self.schedule.pending_chars + self._reader.held_chars + self.pending.chars

    @property
    def owes_audio(self) -> bool:
        """Whether the client asked for speech."""
        return self._has_text

    @property
    def is_silenced(self) -> bool:
        """Whether a barge-in leaves nothing to speak, though the engine may have more."""
        return self.is_ended and self._wanted < self._released and not self.pending.has_before(self._wanted)

    def text(
        self, text: str, now: float, *, flush: bool = False, trigger: bool = False, continues: bool = False
    ) -> bool:
        """Take more text; returns whether chunks were released.

        Args:
            text: added to what is buffered; best not more than a slice (`slices`) at a time.
            now: seconds.
            flush: speak everything buffered now.
            trigger: speak what is buffered up to the last boundary, if it is long enough.
            continues: a later slice of the same piece, so nothing belongs between them.

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
        """Release everything buffered; `flush_id` names the flush."""
        self._release(self.schedule.feed(self._reader.release_tags(), now, continues=True), now)
        self._release(self.schedule.flush(now), now)
        has_text = self._wanted < self._released
        if has_text or flush_id is not None:
            self._flushes.append(Flush(self._released, has_text, flush_id))
        self._wanted = self._released

    def deadline(self) -> float:
        """When to call `expire`; inf while only more text can release more."""
        deadline = self.schedule.next_deadline()
        return math.inf if deadline is None else deadline

    @property
    def flush_is_spoken(self) -> bool:
        """Whether everything up to a flush is spoken that was not taken yet."""
        return bool(self._flushes) and not self.pending.has_before(self._flushes[0].until)

    def take_spoken_flushes(self) -> list[Flush]:
        """The flushes that are spoken; they are forgotten."""
        spoken = []
        while self.flush_is_spoken:
            spoken.append(self._flushes.popleft())
        return spoken

    def expire(self, now: float) -> None:
        """Release what the schedule releases at its deadline."""
        self._release(self.schedule.expire(now), now)

    def end(self, now: float) -> None:
        """No more text: speak what there is.  A second call does nothing."""
        if not self.is_ended:
            self.flush(now)
            self.is_ended = True

    def discard(self) -> int:
        """Barge-in: end after what was flushed, drop everything else.

        Returns:
            The number of the first chunk that is not to be heard.
        """
        self.is_ended = True
        if not self._wanted:
            self._has_text = False  # nothing was flushed, so no audio is owed
        self.pending.drop_from(self._wanted)
        return self._wanted

    def take(self) -> Speech | None:
        """The next utterance, for the engine; None if none is read yet.

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

    def _add(self, utterance: Utterance, released: Released) -> None:
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
            self.pending.add(Released(chunk, self._released, now, self.settings))
            self._released += 1
