"""Keys, their limits and what they used: SQLite, reached through one thread at a time."""

from zelitrio.accounts.accounts import WRITE_EVERY_S, Accounts, KeyHolder, Meter, Watcher, has_stored_key
from zelitrio.accounts.database import DATABASE_NAME, Database
from zelitrio.accounts.keys import new_key
from zelitrio.accounts.ledger import Ledger
from zelitrio.accounts.records import Key, Kind, Period, Place, Quota, Usage, UsageRow, first_day_of
from zelitrio.accounts.statistics import (
    BREAKDOWNS,
    INTERVALS,
    MAX_UNIX_MS,
    METRICS,
    StatisticsQuery,
    character_statistics,
)

__all__ = [
    "BREAKDOWNS",
    "DATABASE_NAME",
    "INTERVALS",
    "MAX_UNIX_MS",
    "METRICS",
    "WRITE_EVERY_S",
    "Accounts",
    "Database",
    "Key",
    "KeyHolder",
    "Kind",
    "Ledger",
    "Meter",
    "Period",
    "Place",
    "Quota",
    "StatisticsQuery",
    "Usage",
    "UsageRow",
    "Watcher",
    "character_statistics",
    "first_day_of",
    "has_stored_key",
    "new_key",
]
