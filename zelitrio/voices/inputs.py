"""From an utterance to what the acoustic model reads, and from durations to its frames.

Training and serving both come through here, so the model is never asked in a form it was not
taught.  The token tables are part of every trained weight: append, never reorder.
"""

from __future__ import annotations

import itertools
import math

import attrs
import numpy as np
from numpy.typing import NDArray

from zelitrio.text import PHONES, Break, Utterance, Word
from zelitrio.voices.melody import rises

_PHONE_IDS = {phone: index for index, phone in enumerate(PHONES)}
PAUSE = len(PHONES)
"""The phone token of every pause."""
PHONE_TOKENS = len(PHONES) + 1
_BREAKS = (
    Break.START,
    Break.COMMA,
    Break.COLON,
    Break.DASH,
    Break.STOP,
    Break.QUESTION,
    Break.EXCLAIM,
    Break.PARAGRAPH,
    Break.CUT,
)
_CONSONANT = 0  # then vowels with stress 0, 1, 2 as 1, 2, 3; then the kinds of pause
_BREAK_IDS = {kind: 4 + index for index, kind in enumerate(_BREAKS)}
STRESS_TOKENS = 4 + len(_BREAKS)
FEATURES = 12
"""Scalar features per phone; `_features` writes them."""

# Words that English leaves unstressed; the model may learn to glide over them.
_FUNCTION_WORDS = frozenset(
    "a an the of to in on at by for from with as and or but nor so if than that this these those is am are"
    " was were be been being do does did has have had will would shall should can could may might must i you"
    " he she it we they me him her us them my your his its our their who which what there not".split()
)


@attrs.frozen(kw_only=True, eq=False)
class PhoneInputs:
    """One utterance as the acoustic model reads it; n tokens, pauses among them."""

    phones: NDArray[np.int64]  # [n] token of PHONE_TOKENS
    stresses: NDArray[np.int64]  # [n] token of STRESS_TOKENS
    features: NDArray[np.float32]  # [n, FEATURES]
    words: NDArray[np.int64]  # [n] index of the word, -1 for a pause
    pauses_s: NDArray[np.float32]  # [n] seconds asked for; nan where the model chooses
    rises: NDArray[np.float32]  # [n] ln f0 to add to what the model predicts

    def __len__(self) -> int:
        return len(self.phones)


def phone_inputs(utterance: Utterance) -> PhoneInputs:
    """The tokens of an utterance: a START pause, each word's phones, a pause at each break.

    An empty utterance gives two pauses.  The last token is always a pause.
    """
    phones, stresses, words = [PAUSE], [_BREAK_IDS[Break.START]], [-1]
    pauses = [math.nan if utterance.pause_s is None else utterance.pause_s]
    lifts = [0.0]
    edges: list[tuple[int, int]] = []  # first and last token of each word
    last = len(utterance.words) - 1
    for index, (word, lift) in enumerate(zip(utterance.words, rises(utterance.words), strict=True)):
        lifts += lift
        edges.append((len(phones), len(phones) + len(word.phones) - 1))
        for phone in word.phones:
            symbol, stress = (phone[:-1], 1 + int(phone[-1])) if phone[-1].isdigit() else (phone, _CONSONANT)
            phones.append(_PHONE_IDS[symbol])
            stresses.append(stress)
            words.append(index)
            pauses.append(math.nan)
        after = word.after
        if index == last and after is Break.NONE:
            after = Break.STOP
        if after is not Break.NONE or word.pause_s is not None:
            phones.append(PAUSE)
            stresses.append(_BREAK_IDS.get(after, _BREAK_IDS[Break.COMMA]))
            words.append(-1)
            lifts.append(0.0)
            pauses.append(math.nan if word.pause_s is None else word.pause_s)
    if not utterance.words:
        phones.append(PAUSE)
        stresses.append(_BREAK_IDS[Break.STOP])
        words.append(-1)
        lifts.append(0.0)
        pauses.append(math.nan)
    tokens = np.array(phones)
    return PhoneInputs(
        phones=tokens,
        stresses=np.array(stresses),
        features=_features(tokens, np.array(stresses), utterance.words, edges),
        words=np.array(words),
        pauses_s=np.array(pauses, np.float32),
        rises=np.array(lifts, np.float32),
    )


def _features(
    phones: NDArray[np.int64],
    stresses: NDArray[np.int64],
    words: tuple[Word, ...],
    edges: list[tuple[int, int]],
) -> NDArray[np.float32]:
    """Where each phone stands in its word and phrase, all about 0..1."""
    count = len(phones)
    out = np.zeros((count, FEATURES), np.float32)
    for word, (begin, end) in zip(words, edges, strict=True):
        out[begin, 0] = 1.0
        out[end, 1] = 1.0
        out[begin : end + 1, 2] = word.spoken in _FUNCTION_WORDS
        out[begin : end + 1, 3] = math.log1p(end - begin) / 3
    pauses = np.flatnonzero(phones == PAUSE)
    phrases = max(1, len(pauses) - 1)
    for number, (before, after) in enumerate(itertools.pairwise(pauses)):
        inside = np.arange(before + 1, after + 1)  # the phrase and the pause that ends it
        length = after - before
        out[inside, 4] = np.log1p(inside - before) / 4
        out[inside, 5] = np.log1p(after - inside) / 4
        out[inside, 6] = (inside - before) / length
        out[inside, 7] = math.log1p(length) / 4
        kind = _BREAKS[stresses[after] - 4]
        out[inside, 8] = kind is Break.QUESTION
        out[inside, 9] = kind in (Break.STOP, Break.EXCLAIM, Break.PARAGRAPH)
        out[inside, 10] = kind is Break.CUT
        out[inside, 11] = number / phrases
    return out


def frame_positions(durations: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """For every frame, which phone it belongs to and where in it it stands.

    Args:
        durations: [phones] whole frames.

    Returns:
        Phone indices [frames] and features [frames, 4].
    """
    phones = np.repeat(np.arange(len(durations)), durations)
    starts = np.cumsum(durations) - durations
    since = np.arange(len(phones)) - starts[phones]
    length = durations[phones]
    left = length - 1 - since
    features = np.stack(
        (
            (since + 0.5) / np.maximum(length, 1),
            np.log1p(since) / 4,
            np.log1p(left) / 4,
            np.log1p(length) / 4,
        ),
        -1,
    )
    return phones, features.astype(np.float32)
