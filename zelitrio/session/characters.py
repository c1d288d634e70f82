"""Word times spread over the characters.

The characters of a word share its time evenly.  The characters between words share the time between them.
So every character has one place, starts never decrease, and each character ends where the next one starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import sub

from zelitrio.protocol import CharTimes
from zelitrio.text import Utterance, spoken_text


def align_characters(
    utterance: Utterance, word_times_ms: Sequence[tuple[int, int]], length_ms: int | None = None
) -> tuple[CharTimes, CharTimes]:
    """Compute the times of the source characters, and of the characters as spoken.

    Args:
        utterance: its words have spans in its source.
        word_times_ms: start and end of each word, in order, from the utterance's first sample.
            Of two overlapping words, the later one begins when the earlier one ends.
        length_ms: length of the utterance's audio, which ends the characters after the last word; None: their
            duration is 0.

    Returns:
        Source: the characters of `utterance.source`.  Spoken: a space, then the words in lower case with
        their marks ("$5" is " five dollars"), as ElevenLabs' clients expect.
    """
    times = list(word_times_ms)[: len(utterance.words)]
    ends = length_ms or 0
    source = _spread(utterance.source, [word.span for word in utterance.words], times, ends)
    spoken = spoken_text(utterance)
    spans = [(start + 1, end + 1) for start, end in spoken.spans]
    return source, _spread(" " + spoken.text, spans, times, ends)


def _spread(
    text: str, spans: Sequence[tuple[int, int]], times: Sequence[tuple[int, int]], length_ms: int
) -> CharTimes:
    starts: list[int] = []
    now = index = done = 0
    count = min(len(times), len(spans))
    # Most gaps are one space.  Comparisons instead of `max`, because there are twenty words in an utterance.
    while index < count:
        span = spans[index]
        begins, ends = times[index]
        while index + 1 < count and spans[index + 1] == span:  # words that share one source
            index += 1
            ends = times[index][1]
        if begins < now:
            begins = now
        if ends < begins:
            ends = begins
        first, last = span
        if first - done == 1:
            starts.append(now)
            done = first
        elif first > done:
            starts += _even(now, begins, first - done)
            done = first
        if last > done:
            starts += _even(begins, ends, last - done)
            done = last
        now = ends
        index += 1
    end = now
    if (rest := len(text) - done) > 0:
        end = max(now, length_ms)
        starts += _even(now, end, rest)
    stops = [*starts[1:], end]
    return CharTimes(tuple(text), tuple(starts), tuple(map(sub, stops, starts)))


def _even(begins: int, ends: int, count: int) -> list[int]:
    """The starts of `count` characters that share a time evenly."""
    length = ends - begins
    return [begins + length * part // count for part in range(count)]
