"""Usage in memory: unstored amounts, and totals for quotas.  It uses no clock and no disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import attrs

from zelitrio.accounts.records import Period, Place, Usage, UsageRow, first_day_of

MAX_PLACES = 10_000
"""Places in memory while the disk cannot be written: 2 MB at 200 bytes each."""
OVERFLOW_VOICE = "other"
"""Name of all further voices of a key above MAX_PLACES."""


@attrs.frozen
class Totals:
    """Stored characters of each key, for the day `day` and for its month."""

    day: str = ""
    characters: Mapping[Period, Mapping[str, int]] = attrs.field(factory=dict)

    def plus(self, rows: Iterable[UsageRow]) -> Totals:
        """These totals plus rows that were stored later."""
        added = {period: Counter(self.characters.get(period, {})) for period in Period}
        for row in rows:
            for period, counts in added.items():
                if row.place.day >= first_day_of(period, self.day):
                    counts[row.place.key] += row.usage.characters
        return Totals(self.day, added)


class Ledger:
    """Usage that is not stored yet.

    `take` returns a batch to write.  After the write, `settle` it with totals that include it; after a
    failure, `put_back`.  `used` is always exact: stored + taken + pending.
    """

    def __init__(self) -> None:
        self._pending: dict[Place, Usage] = {}
        self._taken: dict[Place, Usage] = {}
        self._unstored: Counter[tuple[str, str]] = Counter()
        """Characters in `_pending` and `_taken`, by key and day."""
        self._totals = Totals()

    def add(self, place: Place, usage: Usage) -> None:
        """Add usage."""
        if usage.characters:
            self._unstored[place.key, place.day] += usage.characters
        _merge(self._pending, place, usage)

    def used(self, key: str, period: Period, day: str) -> int:
        """Characters that a key used in the period that contains `day`."""
        first = first_day_of(period, day)
        stored = 0
        if first_day_of(period, self._totals.day) == first:
            stored = self._totals.characters.get(period, {}).get(key, 0)
        return stored + sum(
            characters for (name, date), characters in self._unstored.items() if name == key and date >= first
        )

    def take(self) -> tuple[UsageRow, ...]:
        """Take all usage that is not written yet, to be settled or put back."""
        self._taken, self._pending = self._pending, {}
        return tuple(UsageRow(place, usage) for place, usage in self._taken.items())

    def settle(self, totals: Totals) -> None:
        """Drop the taken batch, which `totals` include."""
        for place, usage in self._taken.items():
            self._unstored[place.key, place.day] -= usage.characters
        self._unstored = +self._unstored
        self._taken = {}
        self._totals = totals

    def put_back(self) -> None:
        """Return the taken batch to the pending usage after a failed write."""
        for place, usage in self._taken.items():
            _merge(self._pending, place, usage)
        self._taken = {}


def _merge(places: dict[Place, Usage], place: Place, usage: Usage) -> None:
    if len(places) >= MAX_PLACES and place not in places:
        place = attrs.evolve(place, voice=OVERFLOW_VOICE)
    places[place] = places.get(place, Usage()) + usage
