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
    now = 0
    index = 0
    while index < len(times) and index < len(spans):
        span, begins, ends = spans[index], *times[index]
        while index + 1 < len(times) and spans[index + 1] == span:  # words that share one source
            index += 1
            ends = times[index][1]
        begins = max(begins, now)
        ends = max(ends, begins)
        _fill(starts, span[0] - len(starts), now, begins)
        _fill(starts, span[1] - len(starts), begins, ends)
        now = ends
        index += 1
    end = max(now, length_ms) if len(text) > len(starts) else now
    _fill(starts, len(text) - len(starts), now, end)
    stops = [*starts[1:], end]
    return CharTimes(tuple(text), tuple(starts), tuple(map(sub, stops, starts)))


def _fill(starts: list[int], count: int, begins: int, ends: int) -> None:
    if count == 1:  # most gaps are one space
        starts.append(begins)
    elif count > 1:
        length = ends - begins
        starts += [begins + length * part // count for part in range(count)]
