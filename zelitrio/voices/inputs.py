"""Convert an utterance to the inputs of our acoustic model, and durations to the inputs of its frames.

Training and serving share this file, so the inputs are the same.  Trained weights depend on the order of the
token tables: append to them, never reorder them.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from functools import lru_cache

import attrs
import numpy as np
from numpy.typing import NDArray

from zelitrio.text import PHONES, Break, Phones, Utterance
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
_NO_TONE = (0.0, 0.0, 0.0)
_TONES = {
    _BREAK_IDS[Break.QUESTION]: (1.0, 0.0, 0.0),
    **{_BREAK_IDS[kind]: (0.0, 1.0, 0.0) for kind in (Break.STOP, Break.EXCLAIM, Break.PARAGRAPH)},
    _BREAK_IDS[Break.CUT]: (0.0, 0.0, 1.0),
}
"""The kind of a pause: the end of a question, the end of a statement, or no end."""
_Place = tuple[float, float, float, float]
_NOWHERE: _Place = (0.0, 0.0, 0.0, 0.0)
FEATURES = 12
"""Scalar features per phone; `_features` writes them."""

# Words that are usually unstressed in English; the model can learn to reduce them.
_FUNCTION_WORDS = frozenset(
    "a an the of to in on at by for from with as and or but nor so if than that this these those is am are"
    " was were be been being do does did has have had will would shall should can could may might must i you"
    " he she it we they me him her us them my your his its our their who which what there not".split()
)


@attrs.frozen(kw_only=True, eq=False)
class PhoneInputs:
    """The inputs of the acoustic model for an utterance; n tokens, including pauses."""

    phones: NDArray[np.int64]  # [n] token of PHONE_TOKENS
    stresses: NDArray[np.int64]  # [n] token of STRESS_TOKENS
    features: NDArray[np.float32]  # [n, FEATURES]
    words: NDArray[np.int64]  # [n] index of the word, -1 for a pause
    pauses_s: NDArray[np.float32]  # [n] seconds asked for; nan where the model chooses
    rises: NDArray[np.float32]  # [n] ln f0 to add to what the model predicts
    rates: NDArray[np.float32] | None = None  # [n] how much faster tags ask to speak; None: as usual

    def __len__(self) -> int:
        return len(self.phones)


def phone_inputs(utterance: Utterance) -> PhoneInputs:
    """The tokens of an utterance: a START pause, the phones of each word, a pause at each break.

    An utterance without words has two pauses.  The last token is always a pause.
    """
    # Python's own arrays, because numpy takes longer on an uncached call while a listener waits.
    phones, stresses, words = array("q", (PAUSE,)), array("q", (_BREAK_IDS[Break.START],)), array("q", (-1,))
    pauses_s = array("f", (math.nan if utterance.pause_s is None else utterance.pause_s,))
    lifts = array("f", (0.0,))
    rates: dict[int, tuple[int, float]] = {}
    places: list[_Place] = [_NOWHERE]
    read = utterance.read_words
    last = len(read) - 1
    for index, (word, lift) in enumerate(zip(read, rises(read), strict=True)):
        if word.prosody is not None:
            lift = [rise + word.prosody.pitch for rise in lift]
            rates[len(phones)] = (len(word.phones), word.prosody.rate)
        tokens, marks, unasked = _word_tokens(word.phones)
        lifts.extend(lift)
        phones.extend(tokens)
        stresses.extend(marks)
        words.extend([index] * len(tokens))
        pauses_s.extend(unasked)
        places += _word_places(len(word.phones), word.spoken in _FUNCTION_WORDS)
        after = word.after
        if index == last and after is Break.NONE:
            after = Break.STOP
        if after is not Break.NONE or word.pause_s is not None:
            phones.append(PAUSE)
            stresses.append(_BREAK_IDS.get(after, _BREAK_IDS[Break.COMMA]))
            words.append(-1)
            lifts.append(0.0)
            pauses_s.append(math.nan if word.pause_s is None else word.pause_s)
            places.append(_NOWHERE)
    if not read:
        phones.append(PAUSE)
        stresses.append(_BREAK_IDS[Break.STOP])
        words.append(-1)
        lifts.append(0.0)
        pauses_s.append(math.nan)
        places.append(_NOWHERE)
    return PhoneInputs(
        phones=np.frombuffer(phones, np.int64),
        stresses=np.frombuffer(stresses, np.int64),
        features=np.frombuffer(_features(phones, stresses, places), np.float32).reshape(-1, FEATURES),
        words=np.frombuffer(words, np.int64),
        pauses_s=np.frombuffer(pauses_s, np.float32),
        rises=np.frombuffer(lifts, np.float32),
        rates=_rates(rates, len(phones)) if rates else None,
    )


def _rates(asked: Mapping[int, tuple[int, float]], count: int) -> NDArray[np.float32]:
    rates = np.ones(count, np.float32)
    for start, (phones, rate) in asked.items():
        rates[start : start + phones] = rate
    return rates


@lru_cache(maxsize=8192)  # words are repeated
def _word_tokens(phones: Phones) -> tuple[array[int], array[int], array[float]]:
    """The phone and stress tokens of a word, and that it asks for no pause; not to be changed."""
    found = [_TOKENS[phone] for phone in phones]
    tokens, stresses = array("q", [token for token, _ in found]), array("q", [mark for _, mark in found])
    return tokens, stresses, array("f", [math.nan] * len(found))


@lru_cache(maxsize=256)
def _word_places(phones: int, is_function: bool) -> list[_Place]:
    """For each phone of a word: whether it is first, last, in a function word; and the word's length."""
    size = math.log1p(phones - 1) / 3 if phones else 0.0
    kind = float(is_function)
    return [(float(at == 0), float(at == phones - 1), kind, size) for at in range(phones)]


def _features(phones: array[int], stresses: array[int], places: list[_Place]) -> array[float]:
    """Position of each phone in its word and phrase, all about 0..1: FEATURES values per phone."""
    features = [0.0] * FEATURES
    logs = _LOGS if len(phones) < len(_LOGS) else _logs(len(phones) + 1)
    phrases = max(1, phones.count(PAUSE) - 1)
    before = number = 0
    while before < len(phones) - 1:
        after = phones.index(PAUSE, before + 1)
        length = after - before
        log_length, tones, part = logs[length], _TONES.get(stresses[after], _NO_TONE), number / phrases
        for since in range(1, length + 1):  # the phrase and the pause that ends it
            left = logs[length - since]
            features += (*places[before + since], logs[since], left, since / length, log_length, *tones, part)
        before = after
        number += 1
    return array("f", features)


def _logs(count: int) -> list[float]:
    return [math.log1p(length) / 4 for length in range(count)]


_LOGS = _logs(400)  # more than the tokens of an engine's utterance; training texts can have more


def frame_positions(durations: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The phone of every frame, and the frame's position in it.

    Args:
        durations: [phones] whole frames.

    Returns:
        Phone indices [frames] and position features [frames, 4].
    """
    return np.repeat(np.arange(len(durations)), durations), frame_places(durations)


def frame_places(durations: NDArray[np.int64]) -> NDArray[np.float32]:
    """The position features of every frame, [frames, 4]."""
    places = [_places(duration) for duration in durations.tolist() if duration]
    return np.concatenate(places) if places else np.zeros((0, 4), np.float32)


@lru_cache(maxsize=1024)
def _places(frames: int) -> NDArray[np.float32]:
    """Position features of the frames of a phone of a given length, [frames, 4]."""
    since = np.arange(frames)
    columns = (
        (since + 0.5) / frames,
        np.log1p(since) / 4,
        np.log1p(since[::-1]) / 4,
        np.full(frames, np.log1p(frames) / 4),
    )
    places = np.stack(columns, -1).astype(np.float32)
    places.setflags(write=False)  # shared by all callers
    return places
