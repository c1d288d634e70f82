"""When each character is heard."""

from __future__ import annotations

from collections.abc import Sequence

import attrs


@attrs.frozen
class CharTimes:
    """Characters with their start and duration: three tuples of equal length.

    On a socket the times count from the segment's first sample, over HTTP from the answer's.
    """

    chars: tuple[str, ...]
    starts_ms: tuple[int, ...]
    durations_ms: tuple[int, ...]

    def shifted(self, by_ms: int) -> CharTimes:
        """The same characters, heard `by_ms` later."""
        if not by_ms:
            return self
        return attrs.evolve(self, starts_ms=tuple(start + by_ms for start in self.starts_ms))


def join_times(parts: Sequence[CharTimes]) -> CharTimes:
    """One value out of several that count from the same moment."""
    if len(parts) == 1:
        return parts[0]
    return CharTimes(
        chars=tuple(char for part in parts for char in part.chars),
        starts_ms=tuple(start for part in parts for start in part.starts_ms),
        durations_ms=tuple(duration for part in parts for duration in part.durations_ms),
    )
