"""The settings of a work folder: the same command can continue, another command is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import orjson

from zelitrio.errors import LocalError
from zelitrio.training.check import UsableRecording
from zelitrio.training.whole_file import whole_file


@attrs.frozen(kw_only=True)
class WorkPlan:
    """The `plan.json` of a work folder."""

    path: Path
    recordings: str
    tuned: bool
    nearest: int | None = None
    """Number of the nearest built-in speaker, once known."""
    turned: float = 0.0
    """Shift from the speaker's pulses to the built-in vocoder's, in periods; set together with `nearest`."""
    acoustic_steps: int = 0
    """0 until the duration of training is known."""
    vocoder_steps: int = 0

    @classmethod
    def at(cls, path: Path, recordings: str, *, tuned: bool) -> WorkPlan:
        """Read the plan in a folder, or make a new one.

        Raises:
            LocalError: the plan has other recordings, other initial weights, or another version.
        """
        if not path.is_file():
            return cls(path=path, recordings=recordings, tuned=tuned).kept()
        kept = orjson.loads(path.read_bytes())
        kinds = {True: "builtin", False: "scratch"}
        if kept["recordings"] != recordings:
            raise LocalError(
                f"{path.parent}: expected work on these recordings, found work on others: "
                "give another --work, or delete it"
            )
        if kept["tuned"] != tuned:
            raise LocalError(
                f"{path.parent}: expected work from {kinds[tuned]}, found work from {kinds[not tuned]}: "
                "give another --work, or delete it"
            )
        if kept.get("nearest") is not None and "turned" not in kept:
            raise LocalError(
                f"{path.parent}: expected work from the built-in model of this version, found work of an "
                "earlier version: give another --work, or delete it"
            )
        return cls(path=path, **kept)

    def kept(self, **changes: Any) -> WorkPlan:
        """Write a changed plan and return it."""
        changed = attrs.evolve(self, **changes)
        fields = attrs.asdict(changed, filter=lambda field, _: field.name != "path")
        with whole_file(self.path) as partial:
            partial.write_bytes(orjson.dumps(fields))
        return changed


def fingerprint(usable: Sequence[UsableRecording]) -> str:
    """Compute a fingerprint of recordings and texts, from each file's name, size and time of change."""
    digest = hashlib.sha256()
    for one in usable:
        status = one.path.stat()
        digest.update(f"{one.line}|{status.st_size}|{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
