"""The times of characters."""

from __future__ import annotations

from collections.abc import Sequence

import attrs


@attrs.frozen
class CharTimes:
    """Characters with their start and duration: three tuples of equal length.

    The maker chooses the origin of the times; see `zelitrio.session.Timing`.
    """

    chars: tuple[str, ...]
    starts_ms: tuple[int, ...]
    durations_ms: tuple[int, ...]

    def shifted(self, by_ms: int) -> CharTimes:
        """The same characters with all starts `by_ms` later."""
        if not by_ms:
            return self
        return attrs.evolve(self, starts_ms=tuple(start + by_ms for start in self.starts_ms))


def join_times(parts: Sequence[CharTimes]) -> CharTimes:
    """Join values with the same origin."""
    if len(parts) == 1:
        return parts[0]
    return CharTimes(
        chars=tuple(char for part in parts for char in part.chars),
        starts_ms=tuple(start for part in parts for start in part.starts_ms),
        durations_ms=tuple(duration for part in parts for duration in part.durations_ms),
    )
