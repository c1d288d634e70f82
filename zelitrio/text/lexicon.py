"""The pronouncing dictionary: a user's own entries, then the built-in CMU data."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterable, Mapping

import attrs

from zelitrio.errors import LocalError
from zelitrio.text.letters import LETTERS
from zelitrio.text.lexicon_file import DATA, load_cmudict
from zelitrio.text.phones import decode, encode, parse_phones, without_stress
from zelitrio.text.types import Phones

MOST_ASKED = 4096
"""Words with cached phones, about a megabyte.  Most texts have fewer, and such a table stays in the
processor's caches."""


@functools.cache
def _built_in() -> Mapping[str, str]:
    entries = load_cmudict()
    for line in (DATA / "additions.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            word, _, said = line.partition("\t")
            entries[word] = ",".join([encode(parse_phones(each)) for each in said.split("|")])
    return entries


@attrs.frozen(eq=False)
class Lexicon:
    """The pronunciations of words.  Threads may share it."""

    _entries: Mapping[str, str] = attrs.field(repr=lambda entries: f"{len(entries)} words")
    _own: Mapping[str, str] = attrs.field(factory=dict)
    _aliases: Mapping[str, str] = attrs.field(factory=dict)
    """Texts, and the words read in their place."""
    _exact: frozenset[str] = frozenset()
    """Aliases that match only their exact case, although they have no capital letter."""
    _inside: frozenset[str] = frozenset()
    """Aliases that also replace parts of words."""
    alias_pattern: re.Pattern[str] | None = attrs.field(default=None, repr=False)
    """Finds aliases in a text, if any exist."""
    _asked: dict[str, Phones] = attrs.field(factory=dict, init=False, repr=False)
    """Cache of `usual`.  Threads may write it at the same time, because they write the same value."""

    def find(self, word: str) -> tuple[Phones, ...]:
        """Every known pronunciation of a lower-case word, the usual one first; empty if unknown."""
        packed = self._own.get(word) or self._entries.get(word)
        return tuple([decode(code) for code in packed.split(",")]) if packed else ()

    def usual(self, word: str) -> Phones:
        """The usual pronunciation of a lower-case word; empty if unknown.  Faster than `find`."""
        phones = self._asked.get(word)
        if phones is None:
            packed = self._own.get(word) or self._entries.get(word)
            if not packed:
                return ()
            phones = decode(packed.partition(",")[0])
            if len(self._asked) >= MOST_ASKED:
                self._asked.clear()
            self._asked[word] = phones
        return phones

    def is_spelled(self, word: str) -> bool:
        """Whether the dictionary says the word letter by letter: "fbi", not "nasa"."""
        if not 2 <= len(word) <= 5 or word in self._own:
            return False
        names = tuple(phone for letter in word for phone in LETTERS.get(letter, ()))
        return any(without_stress(said) == without_stress(names) for said in self.find(word))

    def is_own(self, word: str) -> bool:
        """Whether a word was added by `with_entries`; then no built-in rule may override it."""
        return word in self._own

    def __contains__(self, word: object) -> bool:
        return word in self._own or word in self._entries

    def __len__(self) -> int:
        return len(self._own.keys() | self._entries.keys())

    def with_entries(self, entries: Mapping[str, str | Phones]) -> Lexicon:
        """Return a lexicon with these pronunciations added; phones are "HH AH0 L OW1" or a tuple.

        Raises:
            LocalError: a word is empty or has white space, or a phone does not exist.
        """
        own = dict(self._own)
        for word, said in entries.items():
            if not word or word.split() != [word]:
                raise LocalError(f"lexicon: expected one word without spaces, found {word!r}")
            phones = parse_phones(said if isinstance(said, str) else " ".join(said))
            own[word.lower()] = encode(phones)
        return attrs.evolve(self, own=own)

    def alias(self, written: str) -> str | None:
        """The text to read in place of `written`, if it has an alias."""
        if written in self._aliases:
            return self._aliases[written]
        lower = written.lower()
        return None if lower in self._exact else self._aliases.get(lower)

    def with_aliases(
        self, aliases: Mapping[str, str], exact: Iterable[str] = (), inside: Iterable[str] = ()
    ) -> Lexicon:
        """Return a lexicon with added aliases: texts that are read as other words.

        An alias with a capital letter matches only this case; others match any case unless they are in
        `exact`.  An alias replaces only whole words unless it is in `inside`.  Its words are read like any
        other text.

        Raises:
            LocalError: a text or its words are empty.
        """
        for written, said in aliases.items():
            if not written.strip() or not said.strip():
                raise LocalError(f"alias: expected text on both sides, found {written!r} and {said!r}")
        every = {**self._aliases, **{written.strip(): said.strip() for written, said in aliases.items()}}
        every_exact, every_inside = self._exact.union(exact), self._inside.union(inside)
        pattern = _alias_pattern(every, every_exact, every_inside) if every else None
        return attrs.evolve(
            self, aliases=every, exact=every_exact, inside=every_inside, alias_pattern=pattern
        )


def _alias_pattern(
    aliases: Iterable[str], exact: Collection[str], inside: Collection[str]
) -> re.Pattern[str]:
    """A pattern for all aliases; longer ones are tried first, whole words before parts of words."""
    each = sorted(aliases, key=len, reverse=True)
    whole = _alternatives([alias for alias in each if alias not in inside], exact)
    part = _alternatives([alias for alias in each if alias in inside], exact)
    patterns = [rf"(?<![^\W_])(?:{whole})(?![^\W_])"] if whole else []
    return re.compile("|".join([*patterns, part] if part else patterns))


def _alternatives(aliases: Iterable[str], exact: Collection[str]) -> str:
    as_written = [re.escape(alias) for alias in aliases if alias.lower() != alias or alias in exact]
    any_case = [re.escape(alias) for alias in aliases if alias.lower() == alias and alias not in exact]
    kinds = [f"(?:{'|'.join(as_written)})"] if as_written else []
    kinds += [f"(?i:{'|'.join(any_case)})"] if any_case else []
    return "|".join(kinds)


def load_lexicon() -> Lexicon:
    """The built-in lexicon of about 126,000 words.  The first call takes 0.1 s; the words are cached."""
    return Lexicon(_built_in())
