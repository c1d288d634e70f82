"""`zelitrio keys`: create, list and revoke keys, and print their usage."""

from __future__ import annotations

import re
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from zelitrio.errors import LocalError

if TYPE_CHECKING:
    from rich.table import Table

    from zelitrio.accounts import Database, Key, UsageRow

STATE_DIR = Parameter(name="--state-dir", env_var="ZELITRIO_STATE_DIR")
_SECONDS = {"h": 3600, "d": 86_400, "w": 7 * 86_400}
_MAX_LIFE_S = 100 * 365 * 86_400

keys = App(name="keys", sort_key=6, help="Create, list and revoke keys, and read what each used.")


@keys.command
def create(
    name: str,
    *,
    expires: str | None = None,
    characters: int | None = None,
    per: Literal["day", "month"] = "month",
    concurrent: int | None = None,
    state_dir: Annotated[Path | None, STATE_DIR] = None,
) -> None:
    """Create a key and print it. It is shown only once; the server keeps its SHA-256.

    A running server accepts it within a second.

    Parameters
    ----------
    name
        Name of the key, for lists and usage.
    expires
        Lifetime of the key in hours, days or weeks: 12h, 90d, 4w [default: unlimited].
    characters
        Characters that the key may speak in each period [default: no limit].
    per
        The period, in UTC.
    concurrent
        Concurrent streams of the key [default: no limit].
    state_dir
        Folder with the database [default: the platform's folder for state].
    """
    from zelitrio.accounts import Key, Period, new_key
    from zelitrio.settings import hash_key

    secret, now_s = new_key(), time.time()
    key = Key(
        name=name,
        digest=hash_key(secret),
        created_at_s=now_s,
        expires_at_s=None if expires is None else now_s + _life_s(expires),
        characters=characters,
        period=Period(per),
        concurrent=concurrent,
    )
    with _open(state_dir) as database:
        database.add_key(key)
    print(secret)


@keys.command(name="list")
def list_keys(*, state_dir: Annotated[Path | None, STATE_DIR] = None) -> None:
    """List the keys with their limits and this period's characters.

    Parameters
    ----------
    state_dir
        Folder with the database [default: the platform's folder for state].
    """
    from zelitrio.accounts import first_day_of

    now_s = time.time()
    table = _table("name", "state", "created", "expires", "used", "limit", "streams")
    with _open(state_dir) as database:
        for key in database.all_keys():
            used = database.characters_since(first_day_of(key.period, _day(now_s))).get(key.name, 0)
            limit = "-" if key.characters is None else f"{key.characters:,} a {key.period.value}"
            table.add_row(
                key.name,
                _state(key, now_s),
                _day(key.created_at_s),
                "-" if key.expires_at_s is None else _day(key.expires_at_s),
                f"{used:,}",
                limit,
                "-" if key.concurrent is None else str(key.concurrent),
            )
    _show(table)


@keys.command
def revoke(name: str, *, state_dir: Annotated[Path | None, STATE_DIR] = None) -> None:
    """Revoke a key. A running server refuses it within a second; open streams continue.

    Parameters
    ----------
    name
        Name of the key.
    state_dir
        Folder with the database [default: the platform's folder for state].
    """
    with _open(state_dir) as database:
        database.revoke_key(name, time.time())


@keys.command
def usage(
    name: str | None = None,
    *,
    from_day: Annotated[str | None, Parameter(name="--from")] = None,
    to_day: Annotated[str | None, Parameter(name="--to")] = None,
    csv: Annotated[bool, Parameter(negative=())] = False,
    json: Annotated[bool, Parameter(negative=())] = False,
    state_dir: Annotated[Path | None, STATE_DIR] = None,
) -> None:
    """Print the usage of each key, per day, voice and kind of request.

    Parameters
    ----------
    name
        Name of a key [default: all keys].
    from_day
        First day, in UTC: 2026-11-01.
    to_day
        Last day.
    csv
        Print comma-separated values.
    json
        Print a JSON array.
    state_dir
        Folder with the database [default: the platform's folder for state].
    """
    if csv and json:
        raise LocalError("--csv and --json: expected one of them")
    first, last = _checked_day("--from", from_day, "0001-01-01"), _checked_day("--to", to_day, "9999-12-31")
    if first > last:
        raise LocalError(f"--from: expected a day up to {last}, found {first}")
    with _open(state_dir) as database:
        rows = database.usage(key=name, from_day=first, to_day=last)
    _print_usage(rows, "csv" if csv else "json" if json else "table")


def default_state_dir() -> Path:
    """Return the platform's folder for state."""
    from platformdirs import user_state_path

    return user_state_path("zelitrio")


def state_folder(state_dir: Path | None) -> Path | None:
    """Return the folder for a flag: the platform's by default, None for the word none."""
    return None if state_dir is not None and state_dir.name == "none" else state_dir or default_state_dir()


def _open(state_dir: Path | None) -> Database:
    from zelitrio.accounts import Database

    folder = state_folder(state_dir)
    if folder is None:
        raise LocalError("--state-dir: expected a folder, found none")
    return Database(folder)


def _life_s(text: str) -> float:
    match = re.fullmatch(r"(\d{1,6})([hdw])", text)
    life_s = int(match[1]) * _SECONDS[match[2]] if match else 0
    if not 0 < life_s <= _MAX_LIFE_S:
        raise LocalError(
            f"--expires: expected a duration such as 12h, 90d or 4w, at most 100 years, found {text!r}"
        )
    return life_s


def _checked_day(flag: str, text: str | None, default: str) -> str:
    if text is None:
        return default
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise LocalError(f"{flag}: expected a day such as 2026-11-26, found {text!r}") from None


def _state(key: Key, now_s: float) -> str:
    if key.revoked_at_s is not None:
        return "revoked"
    return "in use" if key.is_usable(now_s) else "expired"


def _day(time_s: float) -> str:
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d")


def _print_usage(rows: tuple[UsageRow, ...], form: Literal["csv", "json", "table"]) -> None:
    columns = ("day", "key", "voice", "kind", "characters", "audio_seconds", "requests", "refusals")
    values = [
        (
            row.place.day,
            row.place.key,
            row.place.voice,
            row.place.kind.value,
            row.usage.characters,
            row.usage.audio_ms / 1000,
            row.usage.requests,
            row.usage.refusals,
        )
        for row in rows
    ]
    if form == "json":
        import orjson

        print(orjson.dumps([dict(zip(columns, line, strict=True)) for line in values]).decode())
    elif form == "csv":
        import csv
        import sys

        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([columns, *values])
    else:
        table = _table(*columns)
        for line in values:
            table.add_row(*(str(value) for value in line))
        _show(table)


def _table(*columns: str) -> Table:
    from rich import box
    from rich.table import Table

    return Table(*columns, box=box.SIMPLE_HEAD)


def _show(table: Table) -> None:
    from rich.console import Console

    Console().print(table)
