"""Keys and limits, with a real database file, and a virtual clock where time matters."""

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from zelitrio.accounts import (
    Accounts,
    Database,
    Key,
    Kind,
    Period,
    UsageRow,
)
from zelitrio.accounts import accounts as accounts_module
from zelitrio.accounts.accounts import WRITE_EVERY_S
from zelitrio.accounts.records import Place, Usage, day_of
from zelitrio.errors import LocalError, RemoteError
from zelitrio.settings import hash_key

NOON = 1_795_694_400.0  # 2026-11-26 12:00 UTC


def store(folder: Path, name: str, **more: object) -> str:
    secret = f"secret of {name}"
    with Database(folder) as database:
        database.add_key(Key(name=name, digest=hash_key(secret), created_at_s=1.0, **more))  # type: ignore[arg-type]
    return secret


async def running(accounts: Accounts, nursery: trio.Nursery) -> None:
    """Open the accounts and run their background task until the nursery is cancelled."""

    async def run(task_status: trio.TaskStatus[None]) -> None:
        async with accounts.open():
            task_status.started()
            await accounts.run()

    await nursery.start(run)


async def until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(20):
        while not condition():  # noqa: ASYNC110  # another thread changes it
            await trio.sleep(0.01)


async def test_a_running_server_learns_of_keys_without_a_restart(
    tmp_path: Path, nursery: trio.Nursery
) -> None:
    accounts = Accounts(tmp_path)
    await running(accounts, nursery)
    assert accounts.is_open
    secret = store(tmp_path, "app")
    began = trio.current_time()
    await until(lambda: accounts.find(secret) is not None)
    assert trio.current_time() - began < 20
    assert not accounts.is_open
    with Database(tmp_path) as database:
        database.revoke_key("app", NOON)
    await until(lambda: accounts.find(secret) is None)
    assert not accounts.is_open  # revoking the last key does not open the server
    assert not accounts.has_usable_key


def test_the_database_is_polled_within_the_documented_second() -> None:
    assert WRITE_EVERY_S <= 0.5


async def test_an_expired_key_is_named_as_expired(tmp_path: Path, nursery: trio.Nursery) -> None:
    now = [NOON]
    secret = store(tmp_path, "app", expires_at_s=NOON + 10)
    accounts = Accounts(tmp_path, now_s=lambda: now[0])
    await running(accounts, nursery)
    assert accounts.find(secret) is not None
    now[0] += 11
    with pytest.raises(RemoteError, match="expired on 2026-11-26") as caught:
        accounts.find(secret)
    assert caught.value.code == "invalid_api_key"


async def test_a_quota_refuses_text_above_it_until_the_next_period(
    tmp_path: Path, nursery: trio.Nursery
) -> None:
    now = [NOON]
    secret = store(tmp_path, "app", characters=100, period=Period.DAY)
    accounts = Accounts(tmp_path, now_s=lambda: now[0])
    await running(accounts, nursery)
    holder = accounts.holder(accounts.find(secret))
    meter = holder.open("v", Kind.HTTP)
    meter.spend(100)
    with pytest.raises(
        RemoteError, match=r"100 characters a day: 0 are left, 1 are needed.*2026-11-27"
    ) as caught:
        meter.spend(1)
    assert caught.value.code == "quota_exceeded"
    with pytest.raises(RemoteError, match="quota"):
        holder.open("v", Kind.HTTP)
    now[0] += 86_400
    holder.open("v", Kind.HTTP).spend(100)


async def test_a_clock_set_back_loses_nothing(tmp_path: Path, nursery: trio.Nursery) -> None:
    now = [NOON]
    store(tmp_path, "app")
    accounts = Accounts(tmp_path, now_s=lambda: now[0])
    await running(accounts, nursery)
    meter = accounts.holder(accounts.limits("app")).open("v", Kind.HTTP)
    meter.spend(10)
    now[0] -= 3 * 86_400
    meter.spend(20)
    assert accounts.used("app", Period.MONTH) == 30
    assert accounts.used("app", Period.DAY) >= 20


async def test_concurrent_streams_are_limited_per_key(tmp_path: Path, nursery: trio.Nursery) -> None:
    one, two = store(tmp_path, "one", concurrent=2), store(tmp_path, "two", concurrent=1)
    accounts = Accounts(tmp_path)
    await running(accounts, nursery)
    first, second = accounts.holder(accounts.find(one)), accounts.holder(accounts.find(two))
    meters = [first.open("v", Kind.SOCKET) for _ in range(2)]
    with pytest.raises(RemoteError, match="may have 2") as caught:
        first.open("v", Kind.SOCKET)
    assert caught.value.code == "concurrent_limit_exceeded"
    second.open("v", Kind.SOCKET)  # streams of another key do not count
    meters[0].close()
    meters[0].close()
    first.open("v", Kind.SOCKET)
    with pytest.raises(RemoteError):
        first.open("v", Kind.SOCKET)


async def test_usage_is_stored_by_key_day_voice_and_kind(tmp_path: Path) -> None:
    store(tmp_path, "app")
    async with trio.open_nursery() as nursery:
        accounts = Accounts(tmp_path, ["ab" * 32], now_s=lambda: NOON)
        await running(accounts, nursery)
        named = accounts.holder(accounts.limits("app")).open("v", Kind.MULTI)
        named.spend(10)
        named.spoke(1.25)
        accounts.holder(accounts.limits("key-abababab")).open("w", Kind.HTTP).spend(7)
        nursery.cancel_scope.cancel()  # the last usage is stored on the way out
    with Database(tmp_path) as database:
        found = [(r.place.key, r.place.voice, r.place.kind, r.usage) for r in database.usage()]
    assert [(key, voice, kind.value) for key, voice, kind, _ in found] == [
        ("app", "v", "multi"),
        ("key-abababab", "w", "http"),
    ]
    assert [(u.characters, u.audio_ms, u.requests, u.refusals) for *_, u in found] == [
        (10, 1250, 1, 0),
        (7, 0, 1, 0),
    ]


async def test_a_disk_that_fails_is_logged_once_and_usage_waits(
    tmp_path: Path, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(accounts_module.log, "error", lambda event, **_: lines.append(event))
    store(tmp_path, "app")
    accounts = Accounts(tmp_path)
    await running(accounts, nursery)
    real, is_broken = Database.add_usage, [True]
    attempts = [0]

    def add_usage(self: Database, rows: object) -> None:
        attempts[0] += 1
        if is_broken[0]:
            raise LocalError("disk full")
        real(self, rows)  # type: ignore[arg-type]

    monkeypatch.setattr(Database, "add_usage", add_usage)
    meter = accounts.holder(accounts.limits("app")).open("v", Kind.HTTP)
    meter.spend(10)
    await until(lambda: attempts[0] >= 3)
    meter.spend(5)  # speech goes on
    assert lines == ["usage_not_stored"]
    assert accounts.used("app", Period.DAY) == 15
    is_broken[0] = False

    def stored() -> dict[str, int]:
        with Database(tmp_path) as database:
            return database.characters_since("2020-01-01")

    await until(lambda: bool(stored()))
    assert stored() == {"app": 15}
    assert lines == ["usage_not_stored"]


async def test_the_loop_does_not_wait_for_a_slow_disk(
    tmp_path: Path, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, entered = threading.Event(), threading.Event()
    store(tmp_path, "app")
    accounts = Accounts(tmp_path)
    await running(accounts, nursery)
    real = Database.version

    def version(self: Database) -> int:
        entered.set()
        release.wait(30)
        return real(self)

    monkeypatch.setattr(Database, "version", version)
    await until(entered.is_set)
    turns = 0
    for _ in range(1000):
        await trio.lowlevel.checkpoint()
        turns += 1
    assert turns == 1000 and not release.is_set()
    accounts.holder(accounts.limits("app")).open("v", Kind.HTTP).spend(3)
    release.set()


async def test_the_file_is_read_again_only_after_another_process_changed_it(
    tmp_path: Path, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []
    real = Database.all_keys

    def all_keys(self: Database) -> tuple[Key, ...]:
        reads.append(self)
        return real(self)

    monkeypatch.setattr(Database, "all_keys", all_keys)
    secret = store(tmp_path, "app", characters=10)
    accounts = Accounts(tmp_path)
    await running(accounts, nursery)
    meter = accounts.holder(accounts.find(secret)).open("v", Kind.HTTP)
    for _ in range(3):
        meter.spend(2)
        stored_at = accounts.stored_at
        await until(lambda at=stored_at: accounts.stored_at != at)
    assert len(reads) == 1
    assert accounts.used("app", Period.MONTH) == 6
    with Database(tmp_path) as other:
        other.add_usage(
            [UsageRow(Place("app", day_of(accounts.now_s()), "v", Kind.HTTP), Usage(characters=3))]
        )
    await until(lambda: accounts.used("app", Period.MONTH) == 9)
    assert len(reads) == 2


async def test_a_file_that_cannot_be_opened_stops_the_start(tmp_path: Path) -> None:
    store(tmp_path, "app")
    shutil.copy(__file__, tmp_path / "accounts.sqlite3")
    with pytest.raises(LocalError, match="not a SQLite file"):
        async with Accounts(tmp_path).open():
            raise AssertionError("expected no accounts")


async def test_without_a_folder_only_given_hashes_are_keys(nursery: trio.Nursery) -> None:
    accounts = Accounts(None, [hash_key("static").upper()])
    await running(accounts, nursery)
    key = accounts.find("static")
    assert key is not None and key.name == f"key-{hash_key('static')[:8]}"
    assert accounts.find("other") is None
    assert await accounts.usage(key.name, "", "9999") == ()
