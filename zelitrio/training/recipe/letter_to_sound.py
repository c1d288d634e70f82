"""Train the letter-to-sound model on the CMU dictionary, and measure it on words held out.

    python -m zelitrio.training.recipe letter-to-sound [--out FILE]

Three steps: align each word's letters with its phones by expectation maximisation (a letter has zero, one or
two phones); count n-grams of the aligned pairs and smooth them (modified Kneser-Ney: Chen and Goodman, "An
empirical study of smoothing techniques for language modeling", 1998); remove the n-grams that change the
likelihood least.  One twentieth of the words, chosen by a hash of their spelling, is held out to measure the
word accuracy.  It takes two minutes on one core; nothing is random.
"""

from __future__ import annotations

import json
import math
import re
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import numpy as np

from zelitrio.text import CODE_OF_PHONE, GraphoneModel, LetterToSound, load_cmudict

Pair = tuple[str, str]
"""A word and its phones, one character each."""

_WORD = re.compile(r"[a-z']+")
_UNSTRESSED = str.maketrans(
    {code: CODE_OF_PHONE[phone[:-1] + "0"] for phone, code in CODE_OF_PHONE.items() if phone[-1].isdigit()}
)
_MOST_PHONES = 2
_RAREST_GRAPHONE = 3


@attrs.frozen
class Split:
    """The dictionary in two parts that share no word."""

    train: Sequence[Pair]
    held_out: Mapping[str, Sequence[str]]


def split_dictionary(entries: Mapping[str, str], *, one_in: int = 20) -> Split:
    """Hold out one word in `one_in`, with all its pronunciations, chosen by a hash of the spelling."""
    train: list[Pair] = []
    held_out: dict[str, Sequence[str]] = {}
    for word, packed in entries.items():
        if not _WORD.fullmatch(word):
            continue
        said = packed.split(",")
        if zlib.crc32(word.encode()) % one_in == 0:
            held_out[word] = said
        else:
            train.extend((word, codes) for codes in said)
    return Split(train, held_out)


def align(pairs: Sequence[Pair], *, rounds: int = 5) -> list[list[str]]:
    """Compute the graphones (a letter, then its phones) of each word that can be aligned.

    Aligns without stress, so that "a" with AE0, AE1 and AE2 counts as the same pair.
    """
    plain = [(word, codes.translate(_UNSTRESSED)) for word, codes in pairs]
    scores: dict[str, float] | None = None
    for _ in range(rounds):
        scores = _reestimate(plain, scores)
    assert scores is not None
    logs = {graphone: math.log(score) for graphone, score in scores.items()}
    aligned = []
    for (word, codes), (_, plain_codes) in zip(pairs, plain, strict=True):
        sizes = _best_sizes(word, plain_codes, logs)
        if sizes is not None:
            ends = np.cumsum(sizes)
            aligned.append(
                [
                    letter + codes[end - size : end]
                    for letter, size, end in zip(word, sizes, ends, strict=True)
                ]
            )
    return aligned


def _reestimate(pairs: Sequence[Pair], scores: Mapping[str, float] | None) -> dict[str, float]:
    """One round of expectation maximisation over all ways to divide the phones among the letters."""
    first_guess = (0.3, 1.0, 0.1)
    counts: dict[str, float] = defaultdict(float)
    for word, codes in pairs:
        letters, phones = len(word), len(codes)
        if phones > _MOST_PHONES * letters:
            continue
        forward = [0.0] * (phones + 1)
        forward[0] = 1.0
        steps: list[list[tuple[int, int, str, float, float]]] = []
        for place, letter in enumerate(word):
            following = [0.0] * (phones + 1)
            row = []
            least_left = phones - _MOST_PHONES * (letters - place - 1)
            for used in range(min(phones, _MOST_PHONES * place) + 1):
                weight = forward[used]
                if not weight:
                    continue
                for size in range(_MOST_PHONES + 1):
                    if least_left <= used + size <= phones:
                        graphone = letter + codes[used : used + size]
                        score = first_guess[size] if scores is None else scores.get(graphone, 1e-9)
                        following[used + size] += weight * score
                        row.append((used, used + size, graphone, score, weight))
            forward = following
            steps.append(row)
        total = forward[phones]
        if total <= 0.0:
            continue
        backward = [0.0] * (phones + 1)
        backward[phones] = 1.0
        for row in reversed(steps):
            earlier = [0.0] * (phones + 1)
            for used, after, graphone, score, weight in row:
                share = backward[after] * score
                if share:
                    earlier[used] += share
                    counts[graphone] += weight * share / total
            backward = earlier
    total = sum(counts.values())
    return {graphone: count / total for graphone, count in counts.items() if count > 0.5}


def _best_sizes(word: str, codes: str, logs: Mapping[str, float]) -> list[int] | None:
    """Number of phones of each letter in the likeliest alignment; None if there is no alignment."""
    columns: list[dict[int, tuple[float, int]]] = [{0: (0.0, 0)}]
    for letter in word:
        column: dict[int, tuple[float, int]] = {}
        for used, (score, _) in columns[-1].items():
            for size in range(_MOST_PHONES + 1):
                log = logs.get(letter + codes[used : used + size])
                if log is None or used + size > len(codes):
                    continue
                known = column.get(used + size)
                if known is None or score + log > known[0]:
                    column[used + size] = (score + log, size)
        columns.append(column)
    if len(codes) not in columns[-1]:
        return None
    sizes = []
    used = len(codes)
    for column in reversed(columns[1:]):
        sizes.append(column[used][1])
        used -= sizes[-1]
    return sizes[::-1]


@attrs.define(eq=False)
class _Level:
    parent: np.ndarray
    symbol: np.ndarray
    shorter: np.ndarray
    count: np.ndarray
    is_initial: np.ndarray
    probability: np.ndarray = attrs.field(factory=lambda: np.zeros(0))
    kept: np.ndarray = attrs.field(factory=lambda: np.zeros(0, bool))


def train(aligned: Sequence[Sequence[str]], *, order: int = 8, threshold: float = 0.3) -> GraphoneModel:
    """Count, smooth and prune n-grams.

    Removes those that change the training likelihood by less than `threshold`.
    """
    counted = Counter(graphone for word in aligned for graphone in word)
    graphones = sorted(graphone for graphone, count in counted.items() if count >= _RAREST_GRAPHONE)
    number = {graphone: index for index, graphone in enumerate(graphones, start=2)}
    sequence: list[int] = []
    depth: list[int] = []  # number of earlier symbols in the same word
    for word in aligned:
        if all(graphone in number for graphone in word):
            sequence += [GraphoneModel.BEGIN, *(number[graphone] for graphone in word), GraphoneModel.END]
            depth += range(len(word) + 2)
    levels = _count(np.array(sequence), np.array(depth), order, len(number) + 2)
    weights = _smooth(levels, len(number) + 2)
    _prune(levels, weights, threshold)
    return _assemble(tuple(graphones), levels)


def _count(sequence: np.ndarray, depth: np.ndarray, order: int, symbols: int) -> list[_Level]:
    """Count every n-gram up to `order`.  Each is a pair of integers: an n-gram one shorter, and a symbol."""
    levels: list[_Level] = []
    ending_here: list[np.ndarray] = []  # per length, the n-gram that ends at each position
    for length in range(1, order + 1):
        at = np.nonzero(depth >= length - 1)[0]
        parent = ending_here[-1][at - 1] if levels else np.zeros(len(at), np.int64)
        keys, inverse, count = np.unique(
            parent * symbols + sequence[at], return_inverse=True, return_counts=True
        )
        here = np.full(len(sequence), -1, np.int64)
        here[at] = inverse
        shorter = np.zeros(len(keys), np.int64)
        if levels:
            shorter[inverse] = ending_here[-1][at]
        is_initial = np.zeros(len(keys), bool)
        is_initial[inverse] = depth[at] == length - 1
        levels.append(_Level(keys // symbols, keys % symbols, shorter, count, is_initial))
        ending_here.append(here)
    return levels


def _smooth(levels: list[_Level], symbols: int) -> list[np.ndarray]:
    """Set the probabilities (interpolated modified Kneser-Ney).  Returns each history's back-off weight."""
    weights: list[np.ndarray] = []
    for index, level in enumerate(levels):
        # In lower orders an n-gram counts once for each different symbol before it (its continuation count).
        # At the start of a word no symbol precedes it, so its own count is used.
        count = level.count.astype(float)
        if index + 1 < len(levels):
            varied = np.bincount(levels[index + 1].shorter, minlength=len(count))
            count = np.where(level.is_initial, count, varied)
        if index == 0:
            count[level.symbol == GraphoneModel.BEGIN] = 0.0
        discount = _discounts(count)[np.minimum(count, 3).astype(int)]
        histories = len(levels[index - 1].symbol) if index else 1
        total = np.bincount(level.parent, count, histories)
        weight = np.bincount(level.parent, discount, histories) / np.maximum(total, 1e-9)
        weight[total == 0] = 1.0
        lower = levels[index - 1].probability[level.shorter] if index else 1.0 / (symbols - 1)
        level.probability = (count - discount) / np.maximum(total, 1e-9)[level.parent] + weight[
            level.parent
        ] * lower
        weights.append(weight)
    return weights


def _discounts(count: np.ndarray) -> np.ndarray:
    n1, n2, n3, n4 = (max(int((count == times).sum()), 1) for times in (1, 2, 3, 4))
    base = n1 / (n1 + 2 * n2)
    found = [0.0, 1 - 2 * base * n2 / n1, 2 - 3 * base * n3 / n2, 3 - 4 * base * n4 / n3]
    return np.array([0.0, *(min(max(value, 0.05), 0.95 * times) for times, value in enumerate(found[1:], 1))])


def _prune(levels: list[_Level], weights: list[np.ndarray], threshold: float) -> None:
    """Keep an n-gram if it changes the likelihood by `threshold`, or if a longer kept one needs it."""
    for index in range(len(levels) - 1, -1, -1):
        level = levels[index]
        if index == 0:
            level.kept = np.ones(len(level.symbol), bool)
            continue
        otherwise = weights[index][level.parent] * levels[index - 1].probability[level.shorter]
        level.kept = level.count * np.log(level.probability / otherwise) >= threshold
        if index + 1 < len(levels):
            longer = levels[index + 1]
            level.kept[longer.parent[longer.kept]] = True
            level.kept[longer.shorter[longer.kept]] = True


def _assemble(graphones: tuple[str, ...], levels: list[_Level]) -> GraphoneModel:
    """Number the kept n-grams in breadth-first order, and compute back-off weights for the removed ones."""
    symbol, cost, backoff, children = [np.zeros(1)], [np.zeros(1)], [], []
    for index, level in enumerate(levels):
        kept = level.kept
        histories = len(levels[index - 1].symbol) if index else 1
        is_kept = levels[index - 1].kept if index else np.ones(1, bool)
        lower = levels[index - 1].probability[level.shorter] if index else np.zeros(len(level.symbol))
        left = 1 - np.bincount(level.parent[kept], level.probability[kept], histories)
        lower_left = 1 - np.bincount(level.parent[kept], lower[kept], histories)
        count = np.bincount(level.parent[kept], minlength=histories)
        weight = np.where(count > 0, np.maximum(left, 1e-4) / np.maximum(lower_left, 1e-4), 1.0)
        symbol.append(level.symbol[kept])
        cost.append(-np.log(np.maximum(level.probability[kept], 1e-30)))
        children.append(count[is_kept])
        backoff.append(-np.log(weight[is_kept]) if index else np.zeros(1))
    last = int(levels[-1].kept.sum())
    children.append(np.zeros(last))
    backoff.append(np.zeros(last))
    return GraphoneModel(
        graphones,
        np.concatenate(symbol).astype(np.uint16),
        np.concatenate(children).astype(np.uint16),
        np.round(np.concatenate(cost) / GraphoneModel.STEP).clip(0, 255).astype(np.uint8),
        np.round(np.concatenate(backoff) / GraphoneModel.STEP).clip(-127, 127).astype(np.int8),
    )


def measure(model: LetterToSound, held_out: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Measure word accuracy with and without stress, phone error rate, and time per word in milliseconds.

    A word is right if it equals any pronunciation in the dictionary.  Phone errors are relative to the
    nearest pronunciation, without stress.
    """
    right = right_plain = errors = phones = 0
    times = []
    for word, said in held_out.items():
        begin = time.thread_time()  # CPU time, because other programs may use the machine
        found = model.best(word)[0]
        times.append(1000 * (time.thread_time() - begin))
        plain = found.translate(_UNSTRESSED)
        plain_said = [codes.translate(_UNSTRESSED) for codes in said]
        right += found in said
        right_plain += plain in plain_said
        distance, length = min((_distance(plain, codes), len(codes)) for codes in plain_said)
        errors += distance
        phones += length
    times.sort()
    words = len(held_out)
    return {
        "words": words,
        "word_accuracy": round(right / words, 4),
        "word_accuracy_without_stress": round(right_plain / words, 4),
        "phone_error_rate": round(errors / phones, 4),
        "p50_ms": round(times[words // 2], 3),
        "p99_ms": round(times[int(0.99 * words)], 3),
    }


def _distance(left: str, right: str) -> int:
    row = list(range(len(right) + 1))
    for index, a in enumerate(left, start=1):
        previous, row[0] = row[0], index
        for place, b in enumerate(right, start=1):
            previous, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, previous + (a != b))
    return row[-1]


def make(out: Path, order: int, threshold: float) -> None:
    """Train and measure the model; write it to `out` and print its figures."""
    began = time.perf_counter()
    split = split_dictionary(load_cmudict())
    aligned = align(split.train)
    print(f"{len(aligned)} of {len(split.train)} pronunciations aligned, {time.perf_counter() - began:.0f} s")
    model = train(aligned, order=order, threshold=threshold)
    packed = model.dump()
    figures = measure(LetterToSound(GraphoneModel.parse(packed)), split.held_out)
    figures |= {"n_grams": len(model.symbol), "bytes": len(packed)}
    print(json.dumps(figures), f"{time.perf_counter() - began:.0f} s")
    out.write_bytes(packed)
    out.with_suffix(".json").write_text(json.dumps(figures, indent=1) + "\n")
