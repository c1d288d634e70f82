"""From an utterance to what the acoustic model reads, and from durations to its frames.

Training and serving both come through here, so the model is never asked in a form it was not
taught.  The token tables are part of every trained weight: append, never reorder.
"""

from __future__ import annotations

import math
from functools import lru_cache

import attrs
import numpy as np
from numpy.typing import NDArray

from zelitrio.text import PHONES, Break, Utterance
from zelitrio.voices.melody import rises

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
# Phones without stress are 0, then vowels with stress 0, 1, 2 are 1, 2, 3; then the kinds of pause.
_TOKENS = {
    phone + digit: (index, stress)
    for index, phone in enumerate(PHONES)
    for stress, digit in enumerate(("", "0", "1", "2"))
}
_BREAK_IDS = {kind: 4 + index for index, kind in enumerate(_BREAKS)}
STRESS_TOKENS = 4 + len(_BREAKS)
_TONES = np.zeros((STRESS_TOKENS, 3), np.float32)
"""What kind of end the pause of that token is: of a question, of a statement, of none."""
_TONES[_BREAK_IDS[Break.QUESTION], 0] = 1.0
_TONES[[_BREAK_IDS[kind] for kind in (Break.STOP, Break.EXCLAIM, Break.PARAGRAPH)], 1] = 1.0
_TONES[_BREAK_IDS[Break.CUT], 2] = 1.0
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
    last = len(utterance.words) - 1
    for index, (word, lift) in enumerate(zip(utterance.words, rises(utterance.words), strict=True)):
        lifts += lift
        count = len(word.phones)
        for phone in word.phones:
            token, stress = _TOKENS[phone]
            phones.append(token)
            stresses.append(stress)
        words += [index] * count
        pauses += [math.nan] * count
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
    tokens = np.array((phones, stresses, words))
    floats = np.array((pauses, lifts), np.float32)
    return PhoneInputs(
        phones=tokens[0],
        stresses=tokens[1],
        features=_features(tokens, [word.spoken in _FUNCTION_WORDS for word in utterance.words]),
        words=tokens[2],
        pauses_s=floats[0],
        rises=floats[1],
    )


def _features(tokens: NDArray[np.int64], is_function: list[bool]) -> NDArray[np.float32]:
    """Where each phone stands in its word and phrase, all about 0..1.

    All words and all phrases at once: this is done while a listener waits, and then every call into
    numpy costs several times what it does in a loop.

    Args:
        tokens: [3, n] phones, stresses and words, as in `PhoneInputs`.
        is_function: of each word.
    """
    phones, stresses, words = tokens
    count = len(phones)
    out = np.zeros((count, FEATURES), np.float32)
    logs = np.log1p(np.arange(count + 1))
    inside = np.flatnonzero(words >= 0)
    if len(inside):
        word = words[inside]
        begins = np.empty(len(word), np.bool_)
        begins[0] = True
        np.not_equal(word[1:], word[:-1], out=begins[1:])
        firsts = np.flatnonzero(begins)  # of each word that has phones
        sizes = np.empty_like(firsts)
        sizes[:-1] = firsts[1:] - firsts[:-1]
        sizes[-1] = len(word) - firsts[-1]
        out[inside[firsts], 0] = 1.0
        out[inside[firsts + sizes - 1], 1] = 1.0
        out[inside, 2] = np.array(is_function, np.float32)[word]
        out[inside, 3] = np.repeat(logs[sizes - 1] / 3, sizes)
    pauses = np.flatnonzero(phones == PAUSE)
    lengths = pauses[1:] - pauses[:-1]
    phrase = np.repeat(np.arange(len(lengths)), lengths)  # of every token but the first, its pause with it
    since = np.arange(1, count) - pauses[phrase]
    length = lengths[phrase]
    rows = out[1:]
    rows[:, 4] = logs[since] / 4
    rows[:, 5] = logs[length - since] / 4
    rows[:, 6] = since / length
    rows[:, 7] = logs[length] / 4
    rows[:, 8:11] = _TONES[stresses[pauses[1:]]][phrase]
    rows[:, 11] = phrase / max(1, len(lengths))
    return out


def frame_positions(durations: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """For every frame, which phone it belongs to and where in it it stands.

    Args:
        durations: [phones] whole frames.

    Returns:
        Phone indices [frames] and features [frames, 4].
    """
    phones = np.repeat(np.arange(len(durations)), durations)
    places = [_places(duration) for duration in durations.tolist() if duration]
    return phones, np.concatenate(places) if places else np.zeros((0, 4), np.float32)


@lru_cache(maxsize=1024)
def _places(frames: int) -> NDArray[np.float32]:
    """Where each frame of a phone stands in it: [frames, 4], the same for all phones of that length."""
    since = np.arange(frames)
    columns = (
        (since + 0.5) / frames,
        np.log1p(since) / 4,
        np.log1p(since[::-1]) / 4,
        np.full(frames, np.log1p(frames) / 4),
    )
    places = np.stack(columns, -1).astype(np.float32)
    places.setflags(write=False)  # it is everybody's
    return places
