"""The queue of a stream: released chunks, then utterances, then utterances in the engine."""

from __future__ import annotations

from collections import deque

import attrs

from zelitrio.protocol import Chunk
from zelitrio.settings import VoiceSettings
from zelitrio.text import Utterance


@attrs.frozen(eq=False)
class ReleasedChunk:
    """A released chunk.

    Attributes:
        number: its index in the stream, from 0.
        released_at: Trio's time of its release, in seconds.
        settings: how to speak it.
    """

    chunk: Chunk
    number: int
    released_at: float
    settings: VoiceSettings


@attrs.frozen(eq=False)
class Speech:
    """An utterance, its chunk, and the text without words before it."""

    utterance: Utterance
    released: ReleasedChunk
    skipped: str = ""


@attrs.define(eq=False)
class Pending:
    """The queue of a stream's speech, in order.  Counts the characters in it."""

    chars: int = attrs.field(default=0, init=False)
    """Released characters that are not spoken yet."""
    _chunks: deque[ReleasedChunk] = attrs.field(factory=deque, init=False)
    _read: deque[Speech] = attrs.field(factory=deque, init=False)
    _in_engine: dict[int, Speech] = attrs.field(factory=dict, init=False)

    def __bool__(self) -> bool:
        return bool(self._chunks or self._read or self._in_engine)

    @property
    def is_unread(self) -> bool:
        """Whether any chunk or utterance is not in the engine yet."""
        return bool(self._chunks or self._read)

    @property
    def in_engine(self) -> int:
        """Number of utterances in the engine."""
        return len(self._in_engine)

    def add(self, released: ReleasedChunk) -> None:
        """Queue a chunk."""
        self._chunks.append(released)
        self.chars += len(released.chunk.text)

    def next_chunk(self) -> ReleasedChunk | None:
        """Take the next chunk for reading, if any."""
        return self._chunks.popleft() if self._chunks else None

    def add_read(self, speech: Speech) -> None:
        """Queue an utterance after those read before."""
        self._read.append(speech)

    def next_speech(self) -> Speech | None:
        """Take the next utterance for the engine, if any."""
        if not self._read:
            return None
        speech = self._read.popleft()
        self._in_engine[speech.utterance.number] = speech
        return speech

    def skip(self, text: str) -> None:
        """Count text without words as spoken."""
        self.chars -= len(text)

    def find(self, utterance: Utterance) -> Speech | None:
        """The entry of an utterance in the engine; None after it was spoken."""
        return self._in_engine.get(utterance.number)

    def spoken(self, utterance: Utterance) -> None:
        """Remove a spoken utterance; a second call does nothing."""
        speech = self._in_engine.pop(utterance.number, None)
        if speech is not None:
            self.chars -= len(utterance.source)

    def drop_from(self, number: int) -> None:
        """Drop this and later chunks, except utterances in the engine."""
        dropped = [released.chunk.text for released in self._chunks if released.number >= number]
        dropped += [speech.utterance.source for speech in self._read if speech.released.number >= number]
        self._chunks = deque(released for released in self._chunks if released.number < number)
        self._read = deque(speech for speech in self._read if speech.released.number < number)
        self.chars -= sum(map(len, dropped))

    def has_before(self, number: int) -> bool:
        """Whether any earlier chunk is not spoken yet."""
        speeches = [*self._in_engine.values(), *self._read]
        waiting = [*(speech.released for speech in speeches), *self._chunks]
        return any(released.number < number for released in waiting)
