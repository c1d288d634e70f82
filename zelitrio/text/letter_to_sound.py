"""Phones for words in no dictionary, by an n-gram model over pairs of letters and phones.

A symbol is a letter with its zero to two phones (a *graphone*: Bisani and Ney, "Joint-sequence models for
grapheme-to-phoneme conversion", 2008).  The model gives the probability of a symbol after the last six,
backing off to shorter histories.  A small beam search finds the best symbols that spell the word.
`zelitrio.training.recipe.letter_to_sound` trains it on the CMU dictionary and states its accuracy.

Pure Python over flat arrays: numpy is not faster for the few candidates per letter.
"""

from __future__ import annotations

import functools
import lzma
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from io import BytesIO

import attrs
import numpy as np

from zelitrio.text.lexicon_file import DATA
from zelitrio.text.phones import CODE_OF_PHONE, decode
from zelitrio.text.types import Phones

_MAIN_STRESS = frozenset(code for phone, code in CODE_OF_PHONE.items() if phone.endswith("1"))
_BEAM = 12
_WIDTH = 6.0
"""Candidates this much below the best log-likelihood are dropped.  A beam of 16 and a width of 8.0 get 0.7 %
more words right in twice the time."""
_LONGEST_WORD = 32
"""A longer run of letters is not a word.  It is cut, searched with a beam of 2, and only its first
`_MOST_LETTERS` are spoken, so that other streams do not wait long."""
_MOST_LETTERS = 256


@attrs.frozen
class GraphoneModel:
    """The trained n-grams as stored on disk: a tree in breadth-first order; node 0 is the root."""

    graphones: tuple[str, ...]
    """The symbols from number 2 on, sorted: a letter followed by the codes of its phones."""
    symbol: np.ndarray
    """uint16 [nodes]: the last symbol of each n-gram."""
    children: np.ndarray
    """uint16 [nodes]: number of continuing n-grams, which are adjacent and sorted by symbol."""
    cost: np.ndarray
    """uint8 [nodes]: minus log probability, in units of `STEP`."""
    backoff: np.ndarray
    """int8 [nodes]: minus log backoff weight, in units of `STEP`."""

    STEP = 1 / 16
    BEGIN = 0
    """The symbol before a word."""
    END = 1
    """The symbol after a word."""

    def dump(self) -> bytes:
        """The bytes of the data file."""
        buffer = BytesIO()
        np.savez(
            buffer,
            graphones=np.array(" ".join(self.graphones)),
            symbol=self.symbol,
            children=self.children,
            cost=self.cost,
            backoff=self.backoff,
        )
        return lzma.compress(buffer.getvalue(), preset=9)

    @classmethod
    def parse(cls, data: bytes) -> GraphoneModel:
        """Read the output of `dump`; nothing in it is executed."""
        with np.load(BytesIO(lzma.decompress(data)), allow_pickle=False) as arrays:
            return cls(
                tuple(str(arrays["graphones"]).split()),
                arrays["symbol"],
                arrays["children"],
                arrays["cost"],
                arrays["backoff"],
            )


_Arc = tuple[float, str, int, int]
"""A step of the search: cost, phone codes, next state, symbol."""


class LetterToSound:
    """Finds the phones of words.  Threads may share it; it caches parts of the search."""

    def __init__(self, model: GraphoneModel) -> None:
        count = len(model.symbol)
        first = np.concatenate(([1], 1 + np.cumsum(model.children, dtype=np.int64)))
        shorter = _shorter_histories(model, first)
        # A history without continuations is the same state as the next shorter one.
        state = np.arange(count)
        is_dead = model.children == 0
        while (dead := is_dead[state] & (state > 0)).any():
            state[dead] = shorter[state[dead]]
        self._symbol = array("H", model.symbol.astype(np.uint16).tobytes())
        self._first = array("I", first.astype(np.uint32).tobytes())
        self._state = array("I", state.astype(np.uint32).tobytes())
        self._shorter = array("I", shorter.astype(np.uint32).tobytes())
        self._cost = array("B", model.cost.tobytes())
        self._backoff = array("b", model.backoff.tobytes())
        self._phones = ["", "", *(graphone[1:] for graphone in model.graphones)]
        self._range: dict[str, tuple[int, int]] = {}
        for number, graphone in enumerate(model.graphones, start=2):
            begin, _ = self._range.get(graphone[0], (number, number))
            self._range[graphone[0]] = (begin, number + 1)
        self._arcs: dict[tuple[int, str], Sequence[_Arc]] = {}
        self._remembered = self._first[1]  # the root and the histories of one symbol
        begin_node = bisect_left(self._symbol, GraphoneModel.BEGIN, 1, self._first[1])
        self._begin = self._state[begin_node]

    def phones(self, word: str) -> Phones:
        """Phones of a lower-case word.  Letters other than a-z are skipped, so the result may be empty.

        Takes about 0.3 ms for a word of eight letters; time is linear in the length.
        """
        letters = "".join([char for char in word if char in self._range])[:_MOST_LETTERS]
        pieces = [letters[at : at + _LONGEST_WORD] for at in range(0, len(letters), _LONGEST_WORD)]
        beam = _BEAM if len(pieces) < 2 else 2
        return decode("".join([self.best(piece, beam=beam)[0] for piece in pieces]))

    def best(self, letters: str, *, beam: int = _BEAM) -> list[str]:
        """Codes of the likeliest pronunciations: those with one main stress first, then by likelihood."""
        # Each entry: cost, state, phone codes.
        alive: list[tuple[float, int, str]] = [(0.0, self._begin, "")]
        for letter in letters:
            reached: dict[int, tuple[float, int, str]] = {}
            best = float("inf")
            for cost, state, trail in alive:
                for step, codes, following, _ in self._expand(state, letter):
                    total = cost + step
                    if total > best + _WIDTH:
                        break
                    if total < best:
                        best = total
                    known = reached.get(following)
                    if known is None or total < known[0]:
                        reached[following] = (total, following, trail + codes)
            alive = sorted(reached.values())[:beam]
            while alive[-1][0] > best + _WIDTH:
                alive.pop()
        done = sorted((cost + self._end_cost(state), trail) for cost, state, trail in alive)
        ranked = [trail for _, trail in done]
        ranked.sort(key=lambda trail: sum(code in _MAIN_STRESS for code in trail) != 1)  # stable
        return ranked

    def _expand(self, state: int, letter: str) -> Sequence[_Arc]:
        """The likely symbols for a letter after a history, the cheapest first.

        First come continuations of the history itself, then those of shorter ones, with the cost of backing
        off.  Those of histories of at most one symbol are cached.
        """
        symbols, first, costs = self._symbol, self._first, self._cost
        low, high = self._range[letter]
        found: dict[int, _Arc] = {}
        penalty, best = 0.0, float("inf")
        while state >= self._remembered:
            end = first[state + 1]
            node = bisect_left(symbols, low, first[state], end)
            while node < end and (symbol := symbols[node]) < high:
                if symbol not in found:
                    cost = penalty + costs[node] * GraphoneModel.STEP
                    found[symbol] = (cost, self._phones[symbol], self._state[node], symbol)
                    if cost < best:
                        best = cost
                node += 1
            penalty += self._backoff[state] * GraphoneModel.STEP
            state = self._shorter[state]
        for cost, codes, following, symbol in self._arcs.get((state, letter)) or self._remember(
            state, letter
        ):
            if penalty + cost > best + _WIDTH:
                break
            if symbol not in found:
                found[symbol] = (penalty + cost, codes, following, symbol)
                best = min(best, penalty + cost)
        return sorted(found.values())[:_BEAM]

    def _remember(self, state: int, letter: str) -> Sequence[_Arc]:
        """Expand and cache a history of at most one symbol; every word needs these few."""
        low, high = self._range[letter]
        end = self._first[state + 1]
        node = bisect_left(self._symbol, low, self._first[state], end)
        found: dict[int, _Arc] = {}
        while node < end and (symbol := self._symbol[node]) < high:
            found[symbol] = (
                self._cost[node] * GraphoneModel.STEP,
                self._phones[symbol],
                self._state[node],
                symbol,
            )
            node += 1
        if state:
            penalty = self._backoff[state] * GraphoneModel.STEP
            for cost, codes, following, symbol in self._remember(self._shorter[state], letter):
                found.setdefault(symbol, (penalty + cost, codes, following, symbol))
        arcs = sorted(found.values())
        self._arcs[state, letter] = arcs = [arc for arc in arcs if arc[0] <= arcs[0][0] + 2 * _WIDTH]
        return arcs

    def _end_cost(self, state: int) -> float:
        penalty = 0.0
        while True:
            begin, end = self._first[state], self._first[state + 1]
            node = bisect_left(self._symbol, GraphoneModel.END, begin, end)
            if node < end and self._symbol[node] == GraphoneModel.END:
                return penalty + self._cost[node] * GraphoneModel.STEP
            if state == 0:
                return penalty + 20.0
            penalty += self._backoff[state] * GraphoneModel.STEP
            state = self._shorter[state]


def _shorter_histories(model: GraphoneModel, first: np.ndarray) -> np.ndarray:
    """The node of each n-gram without its first symbol, [nodes]."""
    count = len(model.symbol)
    parent = np.repeat(np.arange(count), model.children)  # of nodes 1, 2, ...
    parent = np.concatenate(([0], parent))
    symbols = len(model.graphones) + 2
    key = parent.astype(np.int64) * symbols + model.symbol  # ascending, because of the order of the nodes
    shorter = np.zeros(count, np.int64)
    begin, end = int(first[1]), int(first[first[1]]) if count > 1 else 1
    while begin < end:  # level by level, from the pairs on
        at = np.arange(begin, end)
        shorter[at] = np.searchsorted(key[1:], shorter[parent[at]] * symbols + model.symbol[at]) + 1
        begin, end = end, int(first[end]) if end < count else end
    return shorter


@functools.cache
def load_letter_to_sound() -> LetterToSound:
    """The built-in model, cached.  The first call takes about 0.3 s."""
    return LetterToSound(GraphoneModel.parse((DATA / "letter_to_sound.xz").read_bytes()))
