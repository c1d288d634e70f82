"""Pronunciation dictionaries by id: those loaded by `--lexicon`, and those that clients keep."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from zelitrio.errors import LocalError
from zelitrio.text.front_end import FrontEnd
from zelitrio.text.lexicon_table import load_entries
from zelitrio.text.types import Phones

MOST_KEPT = 32
"""Cached front ends, one per choice of dictionaries, because making one takes milliseconds."""


@attrs.frozen(eq=False)
class Dictionary:
    """One pronunciation dictionary, from a file or from a client's rules.

    Attributes:
        dictionary_id: for a file, the stem of its name.
        version_id: a hash of its content.
        entries: phones of lower-case words.
        modified_at: Unix time of the last change.
        aliases: texts, and the words read in their place.
        exact: aliases that match only their exact case, although they have no capital letter.
        inside: aliases that also replace parts of words.
    """

    dictionary_id: str
    version_id: str
    entries: Mapping[str, Phones] = attrs.field(repr=lambda entries: f"{len(entries)} words")
    modified_at: int = 0
    aliases: Mapping[str, str] = attrs.field(factory=dict, repr=lambda aliases: f"{len(aliases)} aliases")
    exact: frozenset[str] = frozenset()
    inside: frozenset[str] = frozenset()


def load_dictionary(path: Path | str) -> Dictionary:
    """Read a file: a table or a PLS document.

    Raises:
        LocalError: it is neither; the error names file, line, expected and found.
        OSError: it cannot be read.
    """
    path = Path(path)
    entries = load_entries(path)
    version = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    modified_at = int(path.stat().st_mtime)
    return Dictionary(path.stem, version, entries.phones, modified_at, entries.aliases)


class Dictionaries:
    """The dictionaries of one process, and front ends that use them.

    Loaded dictionaries apply to every request that names no dictionary.  A client's dictionaries apply only
    to requests that name them.  If two contain the same word, the one named first is used.  Not thread-safe.

    Args:
        front_end: reads all words that are in no dictionary.
        loaded: dictionaries from files.

    Raises:
        LocalError: two have the same id.
    """

    def __init__(self, front_end: FrontEnd, loaded: Iterable[Dictionary] = ()) -> None:
        self._base = front_end
        self._loaded: dict[str, Dictionary] = {}
        self._kept: dict[str, tuple[Dictionary, ...]] = {}
        self._made: dict[tuple[tuple[str, str], ...], FrontEnd] = {(): front_end}
        for one in loaded:
            if one.dictionary_id in self._loaded:
                raise LocalError(f"lexicon: expected one file named {one.dictionary_id!r}, found two")
            self._loaded[one.dictionary_id] = one
        self.front_end = self.front_end_with(list(self._loaded.values()))
        """Uses all loaded dictionaries; for requests that name none."""

    def __iter__(self) -> Iterator[Dictionary]:
        return iter(self._loaded.values())

    def find(self, dictionary_id: str, version_id: str | None = None) -> Dictionary | None:
        """Find a dictionary by id and version (None: the latest); None if it is missing."""
        loaded = self._loaded.get(dictionary_id)
        versions = self._kept.get(dictionary_id, ()) if loaded is None else (loaded,)
        return next((one for one in reversed(versions) if version_id in (None, one.version_id)), None)

    def keep(self, dictionary_id: str, versions: Sequence[Dictionary]) -> None:
        """Set the versions of a client's dictionary, the latest last; an empty sequence removes it."""
        if versions:
            self._kept[dictionary_id] = tuple(versions)
        else:
            self._kept.pop(dictionary_id, None)

    def front_end_with(self, dictionaries: Sequence[Dictionary]) -> FrontEnd:
        """The front end with exactly these dictionaries; earlier ones take precedence.  Cached."""
        chosen = {(one.dictionary_id, one.version_id): one for one in dictionaries}
        key = tuple(chosen)
        if key not in self._made:
            entries: dict[str, str | Phones] = {}
            aliases: dict[str, str] = {}
            for one in reversed(chosen.values()):
                _put_before(one, entries, aliases)
            if len(self._made) >= MOST_KEPT:
                self._made.pop(next(at for at in self._made if at))
            lexicon = self._base.lexicon.with_entries(entries).with_aliases(
                aliases,
                exact=frozenset().union(*(one.exact for one in chosen.values())),
                inside=frozenset().union(*(one.inside for one in chosen.values())),
            )
            self._made[key] = self._base.with_lexicon(lexicon)
        return self._made[key]


def _put_before(one: Dictionary, entries: dict[str, str | Phones], aliases: dict[str, str]) -> None:
    """Add the entries of a dictionary; they replace entries and aliases for the same words."""
    for word, phones in one.entries.items():
        entries[word] = phones
        for written in [alias for alias in aliases if alias.lower() == word]:
            del aliases[written]
    for written, said in one.aliases.items():
        aliases[written] = said
        if written.lower() not in one.entries:
            entries.pop(written.lower(), None)
