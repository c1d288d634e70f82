"""From predicted durations to frames: what each frame is of, and when each word is spoken."""

from __future__ import annotations

import itertools

import attrs
import numpy as np
from numpy.typing import NDArray

from zelitrio.text import Break, Utterance, Word
from zelitrio.voices import PhoneInputs, frame_positions, spoken_durations

CONTEXT_TOKENS = 64
"""Of what was said before, so much is read along: some dozen words, and no dearer than a short chunk."""
_INSIDE = (Break.COMMA, Break.COLON, Break.DASH)
"""Breaks that a sentence goes on after."""
_ENDS = (Break.STOP, Break.QUESTION, Break.EXCLAIM, Break.PARAGRAPH)


@attrs.frozen(kw_only=True, eq=False)
class Timeline:
    """One utterance laid out in time."""

    phones: NDArray[np.int64]
    """[frames] which token each frame is of."""
    positions: NDArray[np.float32]
    """[frames, 4] where in that token it stands."""
    word_times_ms: tuple[tuple[int, int], ...]
    """Start and end of each word, from the first sample."""

    @property
    def length(self) -> int:
        """Frames."""
        return len(self.phones)


def lay_out(
    inputs: PhoneInputs,
    frames: NDArray[np.float32],
    speed: float,
    hop_ms: float,
    *,
    joins: bool = False,
    is_cut: bool = False,
    unheard_words: int = 0,
) -> Timeline:
    """Give every token its frames.

    Args:
        inputs: the tokens, first and last of them pauses.
        frames: [tokens] predicted frames at speed 1.
        speed: how much faster to speak; asked-for pauses keep their length.
        hop_ms: milliseconds in a frame.
        joins: no pause at the start: the sentence began in the utterance before.
        is_cut: no pause at the end: the sentence goes on in the next.
        unheard_words: words at the start that shape the others and take no time themselves.  The pause
            after them goes with them, unless it was asked for.
    """
    durations = spoken_durations(inputs, frames, speed=speed, hop_ms=hop_ms, joins=joins, is_cut=is_cut)
    phones, positions = frame_positions(durations)
    first = int(np.argmax(inputs.words >= unheard_words)) if unheard_words else 0
    first -= bool(first and not np.isnan(inputs.pauses_s[first - 1]))
    start = int(durations[:first].sum())
    times = _word_times_ms(inputs.words, durations, start, hop_ms)
    return Timeline(phones=phones[start:], positions=positions[start:], word_times_ms=times[unheard_words:])


def _word_times_ms(
    words: NDArray[np.int64], durations: NDArray[np.int64], start: int, hop_ms: float
) -> tuple[tuple[int, int], ...]:
    count = int(words.max(initial=-1)) + 1
    ends = np.cumsum(durations) - start
    spoken = words >= 0
    starts_of, ends_of = np.full(count, np.iinfo(np.int64).max), np.zeros(count, np.int64)
    np.minimum.at(starts_of, words[spoken], (ends - durations)[spoken])
    np.maximum.at(ends_of, words[spoken], ends[spoken])
    return tuple(
        (round(start * hop_ms), round(end * hop_ms)) for start, end in zip(starts_of, ends_of, strict=True)
    )


def continued(utterance: Utterance, before: Utterance) -> Utterance:
    """The utterance as the rest of the sentence that `before` was cut in."""
    said = (*before.said_before, *before.words)
    start = max((at for at, word in enumerate(said, 1) if word.after in _ENDS), default=0)
    return attrs.evolve(utterance, said_before=said[start:][-CONTEXT_TOKENS:])


def in_context(utterance: Utterance) -> tuple[Utterance, int]:
    """The utterance behind what was said before of its sentence, and how many words that is.

    At most CONTEXT_TOKENS phones and pauses of it; none where there is nothing to say after them.
    """
    before: list[Word] = []
    tokens = 0
    for word in reversed(utterance.said_before if utterance.words else ()):
        tokens += len(word.phones) + 1
        if tokens > CONTEXT_TOKENS:
            break
        before.insert(0, word)
    if not before:
        return utterance, 0
    after = before[-1].after
    before[-1] = attrs.evolve(
        before[-1], after=after if after in _INSIDE else Break.NONE, pause_s=utterance.pause_s
    )
    return Utterance(utterance.source, (*before, *utterance.words)), len(before)


def split_utterance(utterance: Utterance, max_tokens: int) -> list[Utterance]:
    """Cut an utterance into pieces of at most `max_tokens` phones and pauses, between words.

    The pieces' sources join to the whole source.  A word that is longer than a piece is cut inside;
    nobody can pronounce it anyway.
    """
    longest = max_tokens - 3  # a pause before, one after, and one that a word may bring
    words = [
        attrs.evolve(word, phones=word.phones[at : at + longest])
        for word in utterance.words
        for at in range(0, len(word.phones), longest)
    ]
    groups: list[list[Word]] = [[]]
    count = 2
    for word in words:
        if groups[-1] and count + len(word.phones) + 1 > max_tokens:
            groups.append([])
            count = 2
        groups[-1].append(word)
        count += len(word.phones) + 1
    if len(groups) == 1:
        return [utterance]
    starts = [0, *(group[0].span[0] for group in groups[1:]), len(utterance.source)]
    for group in groups[:-1]:
        if group[-1].after is Break.NONE:
            group[-1] = attrs.evolve(group[-1], after=Break.CUT)
    return [
        Utterance(
            utterance.source[begin:end],
            tuple(_shifted(word, begin, end) for word in group),
            utterance.pause_s if begin == 0 else None,
            utterance.said_before if begin == 0 else (),
        )
        for group, (begin, end) in zip(groups, itertools.pairwise(starts), strict=True)
    ]


def ends_cut(utterance: Utterance) -> bool:
    """Whether it stops in mid-sentence."""
    return bool(utterance.words) and utterance.words[-1].after is Break.CUT


def _shifted(word: Word, begin: int, end: int) -> Word:
    first, last = word.span
    return attrs.evolve(word, span=(min(first, end) - begin, min(last, end) - begin))
