"""Store clients' pronunciation dictionaries, each in a file of the state directory."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import orjson
import trio

from zelitrio.errors import LocalError, RemoteError
from zelitrio.server.quiet_log import get_log
from zelitrio.text import Dictionaries, Dictionary, Rule, compile_rules

MAX_KEPT = 200
MAX_VERSIONS = 8
"""Stored versions of a dictionary; older ones are dropped."""
MAX_RULES_KEPT = 5000
"""The most rules of one version."""
FOLDER = "dictionaries"
_FORMAT = 1
log = get_log()


@attrs.frozen
class Version:
    """One version of a dictionary: its rules, and the dictionary compiled from them."""

    rules: tuple[Rule, ...]
    compiled: Dictionary

    @property
    def version_id(self) -> str:
        """A hash of the content."""
        return self.compiled.version_id


@attrs.frozen(kw_only=True)
class KeptDictionary:
    """A client's dictionary; its last version is the latest."""

    dictionary_id: str
    name: str
    description: str | None
    created_by: str
    created_at: int
    archived_at: int | None = None
    versions: tuple[Version, ...]

    @property
    def latest(self) -> Version:
        """The default version."""
        return self.versions[-1]

    def version(self, version_id: str) -> Version | None:
        """A version by its id."""
        return next((one for one in self.versions if one.version_id == version_id), None)


class DictionaryStore:
    """Stores dictionaries and makes them available to requests.

    Args:
        state_dir: the server's state directory; None: dictionaries are kept in memory.
        offered: the dictionaries that requests can name; this store adds its own.
    """

    def __init__(self, state_dir: Path | None, offered: Dictionaries) -> None:
        self._folder = None if state_dir is None else state_dir / FOLDER
        self._offered = offered
        self._kept: dict[str, KeptDictionary] = {}
        self._writing = trio.Lock()
        for path in sorted(self._folder.glob("*.json")) if self._folder is not None else ():
            self._read(path)

    def __iter__(self) -> Iterator[KeptDictionary]:
        return iter(self._kept.values())

    def find(self, dictionary_id: str) -> KeptDictionary | None:
        """The dictionary of this id."""
        return self._kept.get(dictionary_id)

    async def add(
        self, name: str, description: str | None, created_by: str, rules: Sequence[Rule]
    ) -> KeptDictionary:
        """Store a new dictionary.

        Raises:
            RemoteError: a rule is wrong, there are too many, or a disk error.
        """
        async with self._writing:
            if len(self._kept) >= MAX_KEPT:
                message = f"dictionaries: expected at most {MAX_KEPT}; DELETE one that is not needed"
                raise RemoteError("invalid_parameters", message)
            dictionary_id = "pd_" + secrets.token_hex(8)
            kept = KeptDictionary(
                dictionary_id=dictionary_id,
                name=name,
                description=description,
                created_by=created_by,
                created_at=int(time.time()),
                versions=(await _compiled(dictionary_id, rules),),
            )
            await self._write(kept)
        return kept

    async def set_rules(self, kept: KeptDictionary, rules: Sequence[Rule]) -> KeptDictionary:
        """Make a new version of a dictionary.

        Raises:
            RemoteError: a rule is wrong, there are too many, or a disk error.
        """
        version = await _compiled(kept.dictionary_id, rules)
        others = [one for one in kept.versions if one.version_id != version.version_id]
        return await self.change(attrs.evolve(kept, versions=(*others, version)[-MAX_VERSIONS:]))

    async def change(self, kept: KeptDictionary) -> KeptDictionary:
        """Store a changed dictionary.

        Raises:
            RemoteError: it was deleted meanwhile, or it could not be written.
        """
        async with self._writing:
            if kept.dictionary_id not in self._kept:
                raise dictionary_not_found(kept.dictionary_id)
            await self._write(kept)
        return kept

    async def remove(self, kept: KeptDictionary) -> None:
        """Delete a dictionary.

        Raises:
            RemoteError: its file could not be deleted.
        """
        async with self._writing:
            if (path := self._path(kept)) is not None:
                await self._on_disk(kept, partial(path.unlink, missing_ok=True))
            self._kept.pop(kept.dictionary_id, None)
            self._offered.keep(kept.dictionary_id, ())

    async def _write(self, kept: KeptDictionary) -> None:
        if (path := self._path(kept)) is not None:
            await self._on_disk(kept, partial(_replace, path, orjson.dumps(_as_json(kept))))
        self._take(kept)

    async def _on_disk(self, kept: KeptDictionary, work: partial[None]) -> None:
        try:
            await trio.to_thread.run_sync(work)
        except OSError as error:
            log.error("dictionary_not_written", dictionary=kept.dictionary_id, error=str(error))
            raise RemoteError("something_went_wrong", "The dictionary could not be stored.") from error

    def _take(self, kept: KeptDictionary) -> None:
        self._kept[kept.dictionary_id] = kept
        self._offered.keep(kept.dictionary_id, [one.compiled for one in kept.versions])

    def _path(self, kept: KeptDictionary) -> Path | None:
        return None if self._folder is None else self._folder / f"{kept.dictionary_id}.json"

    def _read(self, path: Path) -> None:
        """Read a file.  An unreadable file is left unchanged, and the reason is logged."""
        try:
            self._take(_from_json(path.stem, orjson.loads(path.read_bytes())))
        except (OSError, ValueError, KeyError, TypeError, LocalError) as error:
            log.error("dictionary_not_read", path=str(path), error=repr(error))


def dictionary_not_found(dictionary_id: str) -> RemoteError:
    """The error for an unknown id."""
    message = f"A pronunciation dictionary with id {dictionary_id[:64]!r} does not exist."
    return RemoteError("pronunciation_dictionary_not_found", message, param="dictionary_id")


async def _compiled(dictionary_id: str, rules: Sequence[Rule]) -> Version:
    if len(rules) > MAX_RULES_KEPT:
        message = f"rules: expected at most {MAX_RULES_KEPT} in a dictionary, found {len(rules)}"
        raise RemoteError("invalid_parameters", message, param="rules")
    try:
        make = partial(compile_rules, dictionary_id, tuple(rules), int(time.time()))
        return Version(tuple(rules), await trio.to_thread.run_sync(make))
    except LocalError as error:
        raise RemoteError("value_error", str(error), param="rules") from error


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _as_json(kept: KeptDictionary) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "name": kept.name,
        "description": kept.description,
        "created_by": kept.created_by,
        "created_at": kept.created_at,
        "archived_at": kept.archived_at,
        "versions": [[attrs.asdict(rule) for rule in version.rules] for version in kept.versions],
    }


def _from_json(dictionary_id: str, found: dict[str, Any]) -> KeptDictionary:
    if found["format"] != _FORMAT:
        raise ValueError(f"format: expected {_FORMAT}, found {found['format']!r}")
    versions = [tuple(Rule(**rule) for rule in rules) for rules in found["versions"]]
    return KeptDictionary(
        dictionary_id=dictionary_id,
        name=str(found["name"]),
        description=found["description"],
        created_by=str(found["created_by"]),
        created_at=int(found["created_at"]),
        archived_at=found["archived_at"],
        versions=tuple(Version(rules, compile_rules(dictionary_id, rules)) for rules in versions),
    )
