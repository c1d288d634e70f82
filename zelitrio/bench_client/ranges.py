"""The values that a plan and an address may have, by the names of their flags."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import attrs

from zelitrio.errors import LocalError


@attrs.frozen
class Range:
    """The values from `low` to `high`, both included."""

    low: float
    high: float

    def check(self, flag: str, value: float) -> None:
        """Raise LocalError if `value` is outside; NaN always is."""
        if not self.low <= value <= self.high:
            raise LocalError(f"--{flag}: expected {self.low:g} to {self.high:g}, found {value}")


POINTS: Mapping[str, tuple[str, Range]] = {
    "first-audio": ("count", Range(1, 1_000_000)),
    "concurrency": ("streams", Range(1, 20_000)),
    "open-loop": ("rates", Range(0.001, 10_000)),
    "listeners": ("counts", Range(1, 20_000)),
}
"""For each benchmark the flag of its points, and their range.  A machine has 28,000 local ports."""
SECONDS = Range(0.1, 86_400)
TIMEOUT_S = Range(0.01, 3_600)
SEED = Range(0, (1 << 63) - 1)
LIMIT_MS = Range(0.1, 60_000)
EXACT = Range(1, 20_000)
BUFFER_MS = Range(0, 60_000)


def check_points(bench: str, points: Sequence[float], *, rises: bool) -> None:
    """Check the loads of a benchmark.

    Args:
        rises: whether each must be higher than the one before.

    Raises:
        LocalError: no such benchmark, a value out of range, or values that do not rise.
    """
    if bench not in POINTS:
        raise LocalError(f"bench: expected one of {', '.join(POINTS)}, found {bench!r}")
    flag, allowed = POINTS[bench]
    for value in points:
        allowed.check(flag, value)
    if rises and any(after <= before for before, after in itertools.pairwise(points)):
        found = ", ".join(f"{value:g}" for value in points)
        raise LocalError(f"--{flag}: expected rising numbers, found {found}")


def check_text(flag: str, value: str, *, is_ascii: bool = False) -> None:
    """Refuse what no header and no JSON text can carry.  The value is not repeated: it may be a key.

    Raises:
        LocalError: the value has control characters, bytes that are not UTF-8, or is not ASCII.
    """
    if not value.isprintable() or (is_ascii and not value.isascii()):
        raise LocalError(
            f"--{flag}: expected {'ASCII' if is_ascii else 'printable'} characters only, found others"
        )
