"""The characters of each message, with times from the message's first sample.

Clients of text-to-dialogue add a message's times to the audio before it.  LiveKit counts the bytes of that
audio, Pipecat adds up the ends of the timings.  Both need times that span the message's audio exactly, and at
least one character in each message.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise

import attrs

from zelitrio.protocol import CharTimes

_ROUNDING_MS = 2
"""Largest rounding difference between an utterance and its packets."""
_EARLY_MS = 80
"""A message without its own character carries the next one if that begins within this time, about a phone."""


@attrs.frozen
class _Char:
    char: str
    begin_ms: int
    end_ms: int
    begins_word: bool


@attrs.define(eq=False)
class MessageTimes:
    """Keeps characters until the message that carries them.

    A message carries the characters that begin in its audio, each once and in order.  Two exceptions make
    empty messages rare.  A character that continues after the message moves to the next one, unless a word
    begins with it.  A message in which no character begins carries the next one if that begins within
    `_EARLY_MS`.
    """

    _waiting: deque[_Char] = attrs.field(factory=deque, init=False)
    _told_ms: int = attrs.field(default=0, init=False)
    _last: str = attrs.field(default=" ", init=False)

    def add(self, times: CharTimes) -> None:
        """Add the characters of the next utterance, with times from the start of the stream."""
        for char, begin_ms, length_ms in zip(times.chars, times.starts_ms, times.durations_ms, strict=True):
            begins_word = char.isalnum() and not self._last.isalnum()
            self._waiting.append(_Char(char, begin_ms, begin_ms + length_ms, begins_word))
            self._last = char

    def take(self, until_ms: int, *, is_last: bool = False) -> CharTimes | None:
        """Take the characters of the next message; None if it has no characters.

        Args:
            until_ms: end of the message's audio, from the start of the stream.
            is_last: whether this is the last message, which carries all remaining characters.
        """
        since_ms, self._told_ms = self._told_ms, until_ms
        length_ms = until_ms - since_ms
        taken: list[_Char] = []
        while self._waiting and (
            is_last or self._waiting[0].begin_ms < until_ms + (0 if taken else _EARLY_MS)
        ):
            taken.append(self._waiting.popleft())
        last = taken[-1] if taken else None
        if last is None:
            return None
        if len(taken) > 1 and not is_last and _ends_in(last, until_ms):
            self._waiting.appendleft(taken.pop())
        starts = [min(max(one.begin_ms - since_ms, 0), length_ms) for one in taken]
        return CharTimes(
            tuple(one.char for one in taken),
            tuple(starts),
            tuple(after - before for before, after in pairwise([*starts, length_ms])),
        )


def _ends_in(last: _Char, until_ms: int) -> bool:
    """Whether the audio ends in the middle of a character that does not begin a word."""
    return not last.begins_word and last.end_ms > until_ms + _ROUNDING_MS
