"""The values of this room: keys with their limits, and usage."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache

import attrs

from zelitrio.errors import LocalError

DAY_S = 86_400
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


class Period(StrEnum):
    """The period of a quota; it begins at midnight UTC."""

    DAY = "day"
    MONTH = "month"


class Kind(StrEnum):
    """The interface that a request came through."""

    SOCKET = "socket"
    MULTI = "multi"
    HTTP = "http"
    OPENAI = "openai"
    WYOMING = "wyoming"
    TELEPHONY = "telephony"


def _positive(instance: object, attribute: attrs.Attribute[int | None], value: int | None) -> None:
    if value is not None and not 1 <= value < 2**62:
        raise LocalError(f"{attribute.name}: expected a whole number of 1 or more, found {value}")


def _name(instance: object, attribute: attrs.Attribute[str], value: str) -> None:
    if not _NAME.fullmatch(value):
        raise LocalError(
            f"{attribute.name}: expected 1 to 64 letters, digits, dots, dashes, underscores or @, "
            f"found {value[:80]!r}"
        )


@attrs.frozen(kw_only=True)
class Key:
    """One key of this server.  Only its SHA-256 is kept.

    Attributes:
        name: unique; the name of the account that usage is counted for.
        digest: SHA-256 of the key, in hex.
        created_at_s, expires_at_s, revoked_at_s: seconds since 1970; None: never.
        characters: limit for each `period`, if any.
        concurrent: limit of open streams, if any.
    """

    name: str = attrs.field(validator=_name)
    digest: str
    created_at_s: float
    expires_at_s: float | None = None
    revoked_at_s: float | None = None
    characters: int | None = attrs.field(default=None, validator=_positive)
    period: Period = Period.MONTH
    concurrent: int | None = attrs.field(default=None, validator=_positive)

    def is_usable(self, now_s: float) -> bool:
        """Whether the key is neither revoked nor expired."""
        return self.revoked_at_s is None and (self.expires_at_s is None or now_s < self.expires_at_s)


@attrs.frozen
class Quota:
    """An account's limit and use in its current period.

    Attributes:
        name: of the key.
        used: characters.
        characters: the limit, if any.
        resets_at_unix: end of the period, in seconds since 1970.
    """

    name: str
    used: int = 0
    characters: int | None = None
    resets_at_unix: int | None = None


@attrs.frozen(kw_only=True)
class Usage:
    """Amounts of use; two can be added."""

    characters: int = 0
    audio_ms: int = 0
    requests: int = 0
    refusals: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            characters=self.characters + other.characters,
            audio_ms=self.audio_ms + other.audio_ms,
            requests=self.requests + other.requests,
            refusals=self.refusals + other.refusals,
        )


@attrs.frozen(cache_hash=True)
class Place:
    """Key, day, voice and kind of usage."""

    key: str
    day: str
    """Date in UTC, as 2026-11-26."""
    voice: str
    kind: Kind


@attrs.frozen
class UsageRow:
    """A place and its usage."""

    place: Place
    usage: Usage


def day_of(now_s: float) -> str:
    """The date in UTC of a time in seconds since 1970."""
    return _date(int(now_s // DAY_S))


@lru_cache(maxsize=8)
def _date(day: int) -> str:
    # Cached, because every count of usage needs it and it changes once a day.
    return datetime.fromtimestamp(day * DAY_S, UTC).strftime("%Y-%m-%d")


def first_day_of(period: Period, day: str) -> str:
    """The first day of the period that contains a day."""
    return day if period is Period.DAY else f"{day[:7]}-01"


def next_reset_s(period: Period, now_s: float) -> float:
    """When the next period begins, in seconds since 1970."""
    now = datetime.fromtimestamp(now_s, UTC)
    if period is Period.DAY:
        start = now.replace(hour=0, minute=0, second=0, microsecond=0)
        return start.timestamp() + 86_400
    year, month = divmod(now.year * 12 + now.month, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC).timestamp()
