"""API keys with their limits, usage and history, stored in SQLite files by worker threads."""

from zelitrio.accounts.accounts import (
    Accounts,
    Watcher,
    has_stored_key,
)
from zelitrio.accounts.database import (
    Database,
)
from zelitrio.accounts.history import History, Recording
from zelitrio.accounts.history_file import HistoryItem, HistoryQuery
from zelitrio.accounts.keys import new_key
from zelitrio.accounts.records import (
    Key,
    Kind,
    Period,
    Quota,
    UsageRow,
    first_day_of,
)
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
    "INTERVALS",
    "MAX_UNIX_MS",
    "METRICS",
    "Accounts",
    "Database",
    "History",
    "HistoryItem",
    "HistoryQuery",
    "Key",
    "Kind",
    "Period",
    "Quota",
    "Recording",
    "StatisticsQuery",
    "UsageRow",
    "Watcher",
    "character_statistics",
    "first_day_of",
    "has_stored_key",
    "new_key",
]
