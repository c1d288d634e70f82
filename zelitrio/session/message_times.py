"""The characters of each message, with times that begin again in it.

Clients of text-to-dialogue add a message's times to the audio before it.  LiveKit counts the bytes of that
audio, Pipecat adds up the ends of the timings.  Both are right if the times of each message span its own
audio exactly, and if each message has a character.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise

import attrs

from zelitrio.protocol import CharTimes

_ROUNDING_MS = 2
"""Lengths of utterances and of packets are rounded apart."""
_EARLY_MS = 80
"""The most by which a message tells a character too early, to have one: about a phone."""


@attrs.frozen
class _Char:
    char: str
    begin_ms: int
    end_ms: int
    begins_word: bool


@attrs.define(eq=False)
class MessageTimes:
    """Characters with times of the stream, until the messages that carry them.

    A message carries the characters that begin in its audio, each character once and in order.  There are two
    exceptions, so that few messages are without one.  A character in which the message ends goes to the next
    message, unless a word begins with it.  If none begins in a message, it carries the next one at its end,
    if that begins soon.
    """

    _waiting: deque[_Char] = attrs.field(factory=deque, init=False)
    _told_ms: int = attrs.field(default=0, init=False)
    """The end of the last message."""
    _last: str = attrs.field(default=" ", init=False)

    def add(self, times: CharTimes) -> None:
        """Characters of the next utterance, with times of the stream."""
        for char, begin_ms, length_ms in zip(times.chars, times.starts_ms, times.durations_ms, strict=True):
            begins_word = char.isalnum() and not self._last.isalnum()
            self._waiting.append(_Char(char, begin_ms, begin_ms + length_ms, begins_word))
            self._last = char

    def take(self, until_ms: int, *, is_last: bool = False) -> CharTimes | None:
        """The characters of the message whose audio ends at `until_ms`; None if no character is waiting.

        Args:
            until_ms: of the stream.
            is_last: whether no message follows; it carries all that is left.
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
    """Whether the audio ends in the middle of this character, and no word begins with it."""
    return not last.begins_word and last.end_ms > until_ms + _ROUNDING_MS
