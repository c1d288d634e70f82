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
"""Choices of dictionaries whose front end is kept: they are few, and making one costs milliseconds."""


@attrs.frozen(eq=False)
class Dictionary:
    """One file of pronunciations.

    Attributes:
        dictionary_id: the stem of the file's name.
        version_id: of its content, so that a client knows when it changed.
        entries: words and how they are said.
        modified_at: Unix time of the file.
    """

    dictionary_id: str
    version_id: str
    entries: Mapping[str, Phones] = attrs.field(repr=lambda entries: f"{len(entries)} words")
    modified_at: int = 0


def load_dictionary(path: Path | str) -> Dictionary:
    """Read a table or PLS file.

    Raises:
        LocalError: it is not one; file, line, expected and found are named.
        OSError: it cannot be read.
    """
    path = Path(path)
    entries = load_entries(path)
    version = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    return Dictionary(path.stem, version, entries, int(path.stat().st_mtime))


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
        """With all of them: for whoever names none."""

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
            for dictionary_id in reversed(key):
                entries.update(self._loaded[dictionary_id].entries)
            if len(self._made) >= MOST_KEPT:
                self._made.pop(next(at for at in self._made if at))
            self._made[key] = self._base.with_lexicon(self._base.lexicon.with_entries(entries))
        return self._made[key]
