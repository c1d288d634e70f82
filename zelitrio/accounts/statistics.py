"""Usage over time, as `/v1/usage/character-stats` reports it.

https://elevenlabs.io/docs/api-reference/usage/get
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType

import attrs

from zelitrio.accounts.records import Place, Usage, UsageRow, day_of
from zelitrio.errors import RemoteError

MAX_UNIX_MS = 253_402_300_799_999
"""The end of the year 9999."""
_MAX_DAYS = 3660

METRICS: Mapping[str, Callable[[Usage], float]] = MappingProxyType(
    {
        "credits": lambda usage: usage.characters,
        "tts_characters": lambda usage: usage.characters,
        "minutes_used": lambda usage: usage.audio_ms / 60_000,
        "request_count": lambda usage: usage.requests,
    }
)
BREAKDOWNS: Mapping[str, Callable[[Place], str]] = MappingProxyType(
    {
        "none": lambda place: "All",
        "voice": lambda place: place.voice,
        "user": lambda place: place.key,
        "api_keys": lambda place: place.key,
        "product_type": lambda place: "TTS",
        "request_source": lambda place: place.kind.value,
    }
)
INTERVALS: Mapping[str, Callable[[date], date]] = MappingProxyType(
    {
        "day": lambda day: day,
        "week": lambda day: day - timedelta(days=day.weekday()),
        "month": lambda day: day.replace(day=1),
        "cumulative": lambda day: date.min,
    }
)


@attrs.frozen(kw_only=True)
class StatisticsQuery:
    """A request for statistics.

    Attributes:
        start_ms, end_ms: milliseconds since 1970; their days, in UTC, are included.
        breakdown: a key of `BREAKDOWNS`.
        interval: a key of `INTERVALS`.
        metric: a key of `METRICS`.

    Raises:
        RemoteError: `invalid_parameters`, with the name of the parameter.
    """

    start_ms: int
    end_ms: int
    breakdown: str = "none"
    interval: str = "day"
    metric: str = "credits"

    def __attrs_post_init__(self) -> None:
        for name, value, known in (
            ("breakdown_type", self.breakdown, BREAKDOWNS),
            ("aggregation_interval", self.interval, INTERVALS),
            ("metric", self.metric, METRICS),
        ):
            if value not in known:
                expected = ", ".join(known)
                raise RemoteError(
                    "invalid_parameters",
                    f"{name}: expected one of {expected}, found {value[:64]!r}",
                    param=name,
                )
        if not 0 <= self.start_ms <= self.end_ms <= MAX_UNIX_MS:
            raise RemoteError(
                "invalid_parameters", "start_unix: expected a time up to end_unix, in ms", param="start_unix"
            )
        if self.end_ms - self.start_ms > _MAX_DAYS * 86_400_000:
            raise RemoteError(
                "invalid_parameters", f"end_unix: expected at most {_MAX_DAYS} days", param="end_unix"
            )

    @property
    def days(self) -> tuple[str, str]:
        """First and last day."""
        return day_of(self.start_ms / 1000), day_of(self.end_ms / 1000)


def character_statistics(query: StatisticsQuery, rows: Iterable[UsageRow]) -> dict[str, object]:
    """The time axis in ms, and for each part of the breakdown its amounts."""
    begin_of = INTERVALS[query.interval]
    first, last = (date.fromisoformat(day) for day in query.days)
    axis: dict[date, int] = {}
    day = first
    while day <= last:
        axis.setdefault(begin_of(day), len(axis))
        day += timedelta(days=1)
    measure, name_of = METRICS[query.metric], BREAKDOWNS[query.breakdown]
    usage: dict[str, list[float]] = {"All": [0.0] * len(axis)} if query.breakdown == "none" else {}
    for row in rows:
        line = usage.setdefault(name_of(row.place), [0.0] * len(axis))
        line[axis[begin_of(date.fromisoformat(row.place.day))]] += measure(row.usage)
    return {"time": [_ms(max(begin, first)) for begin in axis], "usage": usage}


def _ms(day: date) -> int:
    return round(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
