"""The queue of a stream: released chunks, then the utterances read from them, then those in the engine."""

from __future__ import annotations

from collections import deque

import attrs

from zelitrio.protocol import Chunk
from zelitrio.settings import VoiceSettings
from zelitrio.text import Utterance


@attrs.frozen(eq=False)
class Released:
    """A chunk that the schedule released.

    Attributes:
        number: its index among the chunks of the stream, from 0.
        released_at: when it was released, in seconds of Trio's clock.
        settings: how to speak the chunk.
    """

    chunk: Chunk
    number: int
    released_at: float
    settings: VoiceSettings


@attrs.frozen(eq=False)
class Speech:
    """An utterance, the chunk it came from, and the text without words before it."""

    utterance: Utterance
    released: Released
    skipped: str = ""


@attrs.define(eq=False)
class Pending:
    """The queue of a stream's speech, in order.  Counts the characters in it."""

    chars: int = attrs.field(default=0, init=False)
    """Characters that were released and not spoken yet."""
    _chunks: deque[Released] = attrs.field(factory=deque, init=False)
    _read: deque[Speech] = attrs.field(factory=deque, init=False)
    _in_engine: dict[int, Speech] = attrs.field(factory=dict, init=False)

    def __bool__(self) -> bool:
        return bool(self._chunks or self._read or self._in_engine)

    @property
    def is_unread(self) -> bool:
        """Whether chunks or utterances wait that were not handed to the engine."""
        return bool(self._chunks or self._read)

    @property
    def in_engine(self) -> int:
        """Number of utterances in the engine."""
        return len(self._in_engine)

    def add(self, released: Released) -> None:
        """Queue a chunk."""
        self._chunks.append(released)
        self.chars += len(released.chunk.text)

    def next_chunk(self) -> Released | None:
        """Take the next chunk out of the queue, to read it; None if there is none."""
        return self._chunks.popleft() if self._chunks else None

    def add_read(self, speech: Speech) -> None:
        """Queue an utterance after those read before."""
        self._read.append(speech)

    def next_speech(self) -> Speech | None:
        """Take the next utterance for the engine; None if none is read."""
        if not self._read:
            return None
        speech = self._read.popleft()
        self._in_engine[speech.utterance.number] = speech
        return speech

    def skip(self, text: str) -> None:
        """Count text as spoken: it has no words."""
        self.chars -= len(text)

    def find(self, utterance: Utterance) -> Speech | None:
        """The entry of an utterance in the engine; None once it was spoken."""
        return self._in_engine.get(utterance.number)

    def spoken(self, utterance: Utterance) -> None:
        """Remove an utterance that the engine has spoken; a second call does nothing."""
        speech = self._in_engine.pop(utterance.number, None)
        if speech is not None:
            self.chars -= len(utterance.source)

    def drop_from(self, number: int) -> None:
        """Drop chunk `number` and later ones, except utterances that are in the engine already."""
        dropped = [released.chunk.text for released in self._chunks if released.number >= number]
        dropped += [speech.utterance.source for speech in self._read if speech.released.number >= number]
        self._chunks = deque(released for released in self._chunks if released.number < number)
        self._read = deque(speech for speech in self._read if speech.released.number < number)
        self.chars -= sum(map(len, dropped))

    def has_before(self, number: int) -> bool:
        """Whether anything of a chunk before `number` is still to be spoken."""
        speeches = [*self._in_engine.values(), *self._read]
        waiting = [*(speech.released for speech in speeches), *self._chunks]
        return any(released.number < number for released in waiting)
