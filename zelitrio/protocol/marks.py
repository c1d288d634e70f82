"""Marks: times of words, phones and visemes, which clients request with `timestamps`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import orjson

from zelitrio.errors import RemoteError
from zelitrio.protocol.fields import Fields

MARK_KINDS = ("word", "phone", "viseme")


@attrs.frozen
class Marks:
    """Labels of one kind with their start and end: three tuples of equal length."""

    labels: tuple[str, ...]
    starts_ms: tuple[int, ...]
    ends_ms: tuple[int, ...]


def read_timestamps(fields: Fields) -> tuple[str, ...] | None:
    """Read `timestamps`, the requested kinds of marks, if present."""
    items = fields.items("timestamps")
    if items is None:
        return None
    if not all(isinstance(item, str) and item in MARK_KINDS for item in items):
        raise fields.error("enum", "timestamps", f"a list of {', '.join(MARK_KINDS)}")
    return tuple(kind for kind in MARK_KINDS if kind in items)


def query_timestamps(value: str) -> tuple[str, ...]:
    """Read `timestamps` of a query: kinds separated by commas.

    Raises:
        RemoteError: `invalid_parameters`: a kind is unknown.
    """
    items = [item.strip() for item in value.split(",") if item.strip()]
    if not set(items) <= set(MARK_KINDS):
        message = f"timestamps: expected some of {', '.join(MARK_KINDS)}, found {value[:40]!r}"
        raise RemoteError("invalid_parameters", message, param="timestamps")
    return tuple(kind for kind in MARK_KINDS if kind in items)


def join_marks(parts: Sequence[Mapping[str, Marks]]) -> dict[str, Marks]:
    """Join marks of each kind; all parts must have the same origin of times."""
    found = {kind: [part[kind] for part in parts if kind in part] for kind in MARK_KINDS}
    return {
        kind: Marks(
            tuple(label for each in several for label in each.labels),
            tuple(at for each in several for at in each.starts_ms),
            tuple(at for each in several for at in each.ends_ms),
        )
        for kind, several in found.items()
        if several
    }


def marks_keys(marks: Mapping[str, Marks] | None) -> str:
    """The keys `words`, `phones` and `visemes` of a socket message, times in ms, with a leading comma."""
    if not marks:
        return ""
    told = {
        f"{kind}s": {
            f"{kind}s": each.labels,
            "start_times_ms": each.starts_ms,
            "durations_ms": [end - start for start, end in zip(each.starts_ms, each.ends_ms, strict=True)],
        }
        for kind, each in marks.items()
    }
    return "," + orjson.dumps(told).decode()[1:-1]


def marks_in_seconds(marks: Mapping[str, Marks]) -> dict[str, Any]:
    """The keys `words`, `phones` and `visemes` of an HTTP answer, times in seconds."""
    return {
        f"{kind}s": {
            f"{kind}s": list(each.labels),
            "start_times_seconds": [at / 1000 for at in each.starts_ms],
            "end_times_seconds": [at / 1000 for at in each.ends_ms],
        }
        for kind, each in marks.items()
    }
