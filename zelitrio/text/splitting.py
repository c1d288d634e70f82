"""Split long utterances between words, so that each part fits the model."""

from __future__ import annotations

import itertools

import attrs

from zelitrio.text.limit import Limit
from zelitrio.text.types import Break, Utterance, Word


def split_utterance(utterance: Utterance, limit: Limit) -> list[Utterance]:
    """Split an utterance into parts of at most `limit.tokens`.

    The sources of the parts join to the whole source.  A word longer than the limit is split, too.
    """
    if sum(map(limit.count, utterance.words)) <= limit.tokens:
        return [utterance]
    groups: list[list[Word]] = [[]]
    tokens = 0
    parts = [part for word in utterance.words for part in _parts(word, limit)]
    for word in parts:
        count = limit.count(word)
        if groups[-1] and tokens + count > limit.tokens:
            groups.append([])
            tokens = 0
        groups[-1].append(word)
        tokens += count
    if len(groups) == 1:
        return [utterance]
    for group in groups[:-1]:
        if group[-1].after is Break.NONE:
            group[-1] = attrs.evolve(group[-1], after=Break.CUT)
    starts = [0, *(group[0].span[0] for group in groups[1:]), len(utterance.source)]
    return [
        Utterance(
            utterance.source[begin:end],
            tuple(_shifted(word, begin, end) for word in group),
            utterance.pause_s if begin == 0 else None,
        )
        for group, (begin, end) in zip(groups, itertools.pairwise(starts), strict=True)
    ]


def _parts(word: Word, limit: Limit) -> list[Word]:
    if limit.count(word) <= limit.tokens or len(word.phones) < 2:
        return [word]
    half = len(word.phones) // 2
    first = attrs.evolve(word, phones=word.phones[:half], after=Break.NONE, pause_s=None)
    rest = attrs.evolve(word, phones=word.phones[half:])
    return [*_parts(first, limit), *_parts(rest, limit)]


def _shifted(word: Word, begin: int, end: int) -> Word:
    first, last = word.span
    return attrs.evolve(word, span=(min(first, end) - begin, min(last, end) - begin))
