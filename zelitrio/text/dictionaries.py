"""Pronunciation dictionaries by name: what `--lexicon` loads and a request may choose from."""

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
"""Front ends that are kept, one per choice of dictionaries: making one costs milliseconds."""


@attrs.frozen(eq=False)
class Dictionary:
    """One file of pronunciations.

    Attributes:
        dictionary_id: the stem of the file's name.
        version_id: of its content, so that a client knows when it changed.
        entries: words and how they are said.
        modified_at: Unix time of the file.
        aliases: words, and the words that are read in their place.
    """

    dictionary_id: str
    version_id: str
    entries: Mapping[str, Phones] = attrs.field(repr=lambda entries: f"{len(entries)} words")
    modified_at: int = 0
    aliases: Mapping[str, str] = attrs.field(factory=dict, repr=lambda aliases: f"{len(aliases)} aliases")


def load_dictionary(path: Path | str) -> Dictionary:
    """Read a table or PLS file.

    Raises:
        LocalError: it is not one; file, line, expected and found are named.
        OSError: it cannot be read.
    """
    path = Path(path)
    entries = load_entries(path)
    version = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    modified_at = int(path.stat().st_mtime)
    return Dictionary(path.stem, version, entries.phones, modified_at, entries.aliases)


class Dictionaries:
    """The dictionaries of one process, and front ends that say words as they ask.

    Where two have the same word, the one named first decides.  Not thread-safe.

    Args:
        front_end: which the dictionaries are put before.
        loaded: all there are.

    Raises:
        LocalError: two have the same id.
    """

    def __init__(self, front_end: FrontEnd, loaded: Iterable[Dictionary] = ()) -> None:
        self._base = front_end
        self._loaded: dict[str, Dictionary] = {}
        self._made: dict[tuple[str, ...], FrontEnd] = {(): front_end}
        for one in loaded:
            if one.dictionary_id in self._loaded:
                raise LocalError(f"lexicon: expected one file named {one.dictionary_id!r}, found two")
            self._loaded[one.dictionary_id] = one
        self.front_end = self.front_end_with(list(self._loaded))
        """With all dictionaries: for requests that name none."""

    def __iter__(self) -> Iterator[Dictionary]:
        return iter(self._loaded.values())

    def find(self, dictionary_id: str, version_id: str | None = None) -> Dictionary | None:
        """The dictionary of this id, if it has this version; None for the version: any."""
        found = self._loaded.get(dictionary_id)
        if found is None or version_id not in (None, found.version_id):
            return None
        return found

    def front_end_with(self, ids: Sequence[str]) -> FrontEnd:
        """A front end with these dictionaries and no other; their ids must exist."""
        key = tuple(dict.fromkeys(ids))
        if key not in self._made:
            entries: dict[str, str | Phones] = {}
            aliases: dict[str, str] = {}
            for dictionary_id in reversed(key):
                _put_before(self._loaded[dictionary_id], entries, aliases)
            if len(self._made) >= MOST_KEPT:
                self._made.pop(next(at for at in self._made if at))
            self._made[key] = self._base.with_lexicon(
                self._base.lexicon.with_entries(entries).with_aliases(aliases)
            )
        return self._made[key]


def _put_before(one: Dictionary, entries: dict[str, str | Phones], aliases: dict[str, str]) -> None:
    """Add the entries of a dictionary; for its own words it decides, as a sound or as an alias."""
    for word, phones in one.entries.items():
        entries[word] = phones
        for written in [alias for alias in aliases if alias.lower() == word]:
            del aliases[written]
    for written, said in one.aliases.items():
        aliases[written] = said
        if written.lower() not in one.entries:
            entries.pop(written.lower(), None)
