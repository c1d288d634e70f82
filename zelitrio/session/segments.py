"""A segment: the audio of one utterance, with the times of its words, phones and visemes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from zelitrio.protocol import Marks
from zelitrio.text import REST, Utterance, viseme_of

PhoneEdges = tuple[tuple[int, ...], ...]
"""For each word: start of its first phone, then end of each phone, in ms."""
_REST_MS = 60
"""In a shorter gap the mouth does not return to rest."""


@attrs.frozen(kw_only=True, eq=False)
class Segment:
    """An utterance and the times of its audio.

    Attributes:
        utterance: the spoken words.
        word_times_ms: start and end of each word, from the segment's first sample.
        skipped: unspoken text before the utterance.
        begin_ms: time of the first sample in the played stream.
        offset_ms: time of the first sample relative to the origin of the packet's alignment.
        phone_edges_ms: computes the edges of its phones; None: they are not known.
    """

    utterance: Utterance
    word_times_ms: Sequence[tuple[int, int]]
    skipped: str
    begin_ms: int
    offset_ms: int
    phone_edges_ms: Callable[[], PhoneEdges] | None = None

    def marks(self, kinds: Sequence[str]) -> dict[str, Marks]:
        """Times of these kinds (word, phone, viseme), with the origin of the packet's alignment."""
        told: dict[str, Marks] = {}
        if "word" in kinds:
            words = zip(self.utterance.words, self.word_times_ms, strict=False)
            told["word"] = self._marks([(word.spoken, begin, end) for word, (begin, end) in words])
        if "phone" in kinds or "viseme" in kinds:
            phones = self._phones()
            if "phone" in kinds:
                told["phone"] = self._marks(phones)
            if "viseme" in kinds:
                told["viseme"] = self._marks(_visemes(phones))
        return told

    def _phones(self) -> list[tuple[str, int, int]]:
        if self.phone_edges_ms is None:
            return []
        return [
            (phone, begin, end)
            for word, edges in zip(self.utterance.words, self.phone_edges_ms(), strict=False)
            for phone, begin, end in zip(word.phones, edges, edges[1:], strict=False)
        ]

    def _marks(self, found: Sequence[tuple[str, int, int]]) -> Marks:
        return Marks(
            tuple(label for label, _, _ in found),
            tuple(self.offset_ms + begin for _, begin, _ in found),
            tuple(self.offset_ms + end for _, _, end in found),
        )


def _visemes(phones: Sequence[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """Merge equal neighbours, and turn pauses into rests."""
    found: list[tuple[str, int, int]] = []
    until = 0
    for phone, begin, end in phones:
        viseme = viseme_of(phone)
        if viseme is None:
            continue
        if begin - until >= _REST_MS:
            found.append((REST, until, begin))
        elif found:
            label, since, _ = found[-1]
            found[-1] = (label, since, begin)  # no gap between neighbours
        if found and found[-1][0] == viseme:
            found[-1] = (viseme, found[-1][1], end)
        else:
            found.append((viseme, begin, end))
        until = end
    return found
