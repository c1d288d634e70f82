"""The frame of the normaliser: it goes through a text and tries the rules at each place.

At each place the rules for its character are tried in order.  A rule is a pattern, anchored at the place, and
a function that adds spoken words to the `Reader`, or returns False for the next rule.  Every pattern is
bounded, and every rule that accepts advances by at least one character, so time is linear in the length of
the text.

Spans are in order, and two are equal or do not overlap.  Words that are spoken in another order than written
("$5": five dollars) share the span of the whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import attrs

from zelitrio.text.lexicon import Lexicon
from zelitrio.text.ranks import Rank
from zelitrio.text.token import Token
from zelitrio.text.types import Break, Phones

_STRENGTH = {
    kind: strength
    for strength, kind in enumerate(
        (
            Break.NONE,
            Break.COMMA,
            Break.DASH,
            Break.COLON,
            Break.STOP,
            Break.PARAGRAPH,
            Break.EXCLAIM,
            Break.QUESTION,
        )
    )
}


@attrs.define(eq=False)
class Reader:
    """A text, and the tokens that were read from it."""

    text: str
    lexicon: Lexicon
    tokens: list[Token] = attrs.field(factory=list)
    is_shouting: bool = False
    """Whether the whole text is in capitals, so that they do not mark names or abbreviations."""
    skipped: int = 0
    """Characters with a sound that could not be read."""

    def knows(self, word: str) -> bool:
        """Whether a lower-case word has an entry in the dictionary."""
        return word in self.lexicon

    def say(self, words: str, start: int, end: int, *, phones: Phones | None = None) -> None:
        """Add words with the span from `start` to `end`."""
        self.tokens.extend([Token(word, start, end, phones=phones) for word in words.split()])

    def spell(self, letters: str, start: int, end: int | None = None, *, ending: str = "") -> None:
        """Add the names of letters or digits; `ending` ("'s") is joined to the last.

        With `end` they all share the span from `start` to `end`; without it each has one character.
        """
        for index, letter in enumerate(letters):
            span = (start + index, start + index + 1) if end is None else (start, end)
            self.tokens.append(Token(letter.lower(), *span, is_letter=True))
        if ending and letters:
            self.tokens[-1].spoken += ending
            self.tokens[-1].end += len(ending) if end is None else 0

    def mark(self, kind: Break) -> None:
        """Add a break after the last word; of several breaks the strongest is kept."""
        if self.tokens and _STRENGTH[kind] > _STRENGTH[self.tokens[-1].after]:
            self.tokens[-1].after = kind

    def previous(self) -> str:
        """The last token as written, if no break follows it; otherwise empty."""
        if not self.tokens or self.tokens[-1].after is not Break.NONE:
            return ""
        return self.text[self.tokens[-1].start : self.tokens[-1].end]

    def touches(self, start: int) -> bool:
        """Whether a letter or digit is just before `start`."""
        return start > 0 and self.text[start - 1].isalnum()


Read = Callable[[Reader, re.Match[str]], bool | None]


@attrs.frozen
class Rule:
    """A pattern, and a function that reads its match; if that returns False, the next rule is tried."""

    name: str
    rank: Rank
    first: str
    """Characters that a match may begin with; "a" means every letter and "0" every digit."""
    pattern: re.Pattern[str]
    read: Read
    plain_words: frozenset[str] = frozenset()
    """Plain words, in lower case, that a match may begin with; see the module `plain_words`."""
    is_plain: bool = False
    """Whether it also applies without normalisation."""
    examples: Mapping[str, str] = attrs.field(factory=dict)
    """Texts and their spoken words; a test checks them."""


def rule(
    rank: Rank,
    first: str,
    pattern: str,
    flags: int = 0,
    *,
    plain_words: Iterable[str] = (),
    is_plain: bool = False,
    examples: Mapping[str, str] | None = None,
) -> Callable[[Read], Rule]:
    """Decorator: make a rule of a function.  The rule has the function's name."""
    known = frozenset({word.lower() for word in plain_words})

    def make(read: Read) -> Rule:
        name = getattr(read, "__name__", "")
        compiled = re.compile(pattern, flags | re.VERBOSE)
        return Rule(name, rank, first, compiled, read, known, is_plain, examples or {})

    return make


Shortcut = Callable[[Reader, int], int]
"""Reads words from a place on exactly as the rules would, and returns the end."""


class RuleSet:
    """Rules, sorted by rank and indexed by first character.

    Args:
        rules: in any order.
        shortcut: tried before the rules at each place.
    """

    def __init__(self, rules: Iterable[Rule], shortcut: Shortcut | None = None) -> None:
        rules = sorted(rules, key=lambda each: each.rank)  # stable: equal ranks keep their order
        self._shortcut = shortcut
        self._letter = self._for("a", rules)
        self._digit = self._for("0", rules)
        self._by_char: Mapping[str, Sequence[Rule]] = {
            char: self._for(char, rules)
            for char in {char for each in rules for char in each.first} - {"a", "0"}
        }

    @staticmethod
    def _for(char: str, rules: Iterable[Rule]) -> Sequence[Rule]:
        kind = "a" if char.isalpha() else "0" if char.isdecimal() else char
        return [each for each in rules if char in each.first or kind in each.first]

    def read_all(self, reader: Reader) -> None:
        """Read the whole text into the reader's tokens."""
        text, shortcut = reader.text, self._shortcut
        place = 0
        while place < len(text):
            if shortcut is not None and (end := shortcut(reader, place)) > place:
                place = end
            else:
                place = self._read_one(reader, text, place)

    def _read_one(self, reader: Reader, text: str, place: int) -> int:
        char = text[place]
        rules = self._by_char.get(char)
        if rules is None:
            rules = self._letter if char.isalpha() else self._digit if char.isdecimal() else ()
        for each in rules:
            match = each.pattern.match(text, place)
            if match is None:
                continue
            before = len(reader.tokens)
            if each.read(reader, match) is not False:
                assert match.end() > place, each.name
                for token in reader.tokens[before:]:
                    token.rule = each.name
                return match.end()
        return place + 1
