"""The history: within its bounds, for one key only, and each item whole."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import attrs
import pytest
import trio
from killed import kill_writer

from zelitrio.accounts import History, HistoryItem, HistoryQuery
from zelitrio.accounts import history as history_module
from zelitrio.accounts.history_file import HISTORY_NAME, HistoryFile
from zelitrio.errors import LocalError

NOW = 1_795_694_400.0
DAY_S = 86_400
ALL = HistoryQuery(size=100)


def an_item(key: str = "app", **more: object) -> HistoryItem:
    item = HistoryItem(
        key=key,
        created_at_s=NOW,
        voice_id="zeli-voice-1",
        voice_name="Zeli",
        model_id=None,
        request_id="req",
        kind="http",
        format="pcm_24000",
        settings="{}",
        text="Hello there.",
    )
    return attrs.evolve(item, **more)  # type: ignore[arg-type]


def ids(file: HistoryFile, key: str = "app", query: HistoryQuery = ALL) -> list[str]:
    page = file.page(key, query)
    assert page is not None
    return [item.item_id for item in page[0]]


def test_items_come_back_in_pages_the_newest_first(tmp_path: Path) -> None:
    items = [an_item(text=f"Text {number}.", created_at_s=NOW + number) for number in range(5)]
    with HistoryFile(tmp_path) as file:
        file.add((item, b"sound") for item in items)
        newest_first = [item.item_id for item in reversed(items)]
        assert ids(file) == newest_first
        assert ids(file, query=attrs.evolve(ALL, oldest_first=True)) == newest_first[::-1]
        page = file.page("app", HistoryQuery(size=2))
        assert page == (items[:2:-1], True)
        after = HistoryQuery(size=3, after=items[3].item_id)
        assert file.page("app", after) == (items[2::-1], False)
        assert file.page("app", attrs.evolve(ALL, after="none")) is None
        assert ids(file, query=attrs.evolve(ALL, search="tExT 3")) == [items[3].item_id]
        assert ids(file, query=attrs.evolve(ALL, voice_id="other")) == []
        assert ids(file, query=attrs.evolve(ALL, since_s=NOW + 1, before_s=NOW + 2)) == [items[1].item_id]
        assert file.audio("app", items[0].item_id) == (items[0], b"sound")


def test_a_key_finds_reads_and_deletes_no_item_of_another(tmp_path: Path) -> None:
    item = an_item("one")
    with HistoryFile(tmp_path) as file:
        file.add([(item, b"sound")])
        assert ids(file, "two") == []
        assert file.find("two", item.item_id) is None
        assert file.audio("two", item.item_id) is None
        assert file.page("two", attrs.evolve(ALL, after=item.item_id)) is None
        assert not file.remove("two", item.item_id)
        assert ids(file, "one") == [item.item_id]


def test_deleted_items_are_removed_from_the_disk(tmp_path: Path) -> None:
    item = an_item(text="A very private text.")
    with HistoryFile(tmp_path) as file:
        file.add([(item, b"private sound"), (an_item(), b"other sound")])
        assert file.remove("app", item.item_id)
        found = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert b"private" not in found and b"other sound" in found


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    with HistoryFile(tmp_path) as file:
        file.add([(an_item(), b"sound")])
        assert {path.stat().st_mode & 0o077 for path in tmp_path.iterdir()} == {0}


def test_items_that_are_too_old_or_too_much_are_deleted_the_oldest_first(tmp_path: Path) -> None:
    items = [an_item(text="", created_at_s=NOW - (4 - number) * DAY_S) for number in range(5)]
    with HistoryFile(tmp_path) as file:
        file.add((item, bytes(100)) for item in items)
        assert file.prune(NOW - 3.5 * DAY_S, 1_000) == 1
        assert ids(file) == [item.item_id for item in items[:0:-1]]
        assert file.prune(0.0, 250) == 2
        assert ids(file) == [item.item_id for item in items[:2:-1]]
        assert file.connection.execute("SELECT COUNT(*) FROM audio").fetchone() == (2,)


async def running(history: History, nursery: trio.Nursery) -> None:
    async def run(task_status: trio.TaskStatus[None]) -> None:
        async with history.open():
            task_status.started()
            await history.run()

    await nursery.start(run)


async def listed(history: History, key: str = "app") -> list[str]:
    page = await history.page(key, ALL)
    assert page is not None
    return [item.text for item in page[0]]


def speak(history: History, text: str, audio: bytes = b"sound") -> None:
    recording = history.begin(an_item(text=""))
    recording.keep(text, b"")
    recording.keep("", audio)
    recording.close()


async def test_finished_items_are_listed_at_once_and_unheard_ones_are_not(
    tmp_path: Path, nursery: trio.Nursery
) -> None:
    history = History(tmp_path, 30, 10**6, now_s=lambda: NOW)
    await running(history, nursery)
    speak(history, "Heard.")
    silent = history.begin(an_item(text=""))
    silent.keep("Not heard.", b"")
    silent.close()
    open_one = history.begin(an_item(text=""))
    open_one.keep("Not over.", b"sound")
    assert await listed(history) == ["Heard."]
    open_one.close()
    open_one.close()
    assert await listed(history) == ["Not over.", "Heard."]


async def test_the_last_items_are_stored_while_the_server_ends(tmp_path: Path) -> None:
    history = History(tmp_path, 30, 10**6)
    async with history.open():
        speak(history, "Good-bye.")
    with HistoryFile(tmp_path) as file:
        assert len(ids(file)) == 1


async def test_a_disk_that_fails_is_logged_once_and_nothing_is_lost(
    tmp_path: Path, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(history_module.log, "error", lambda event, **values: lines.append(event))
    real, fails = HistoryFile.add, [True]

    def add(self: HistoryFile, items: list[tuple[HistoryItem, bytes]]) -> None:
        with self.explained():
            if fails[0]:
                raise sqlite3.OperationalError("database or disk is full")
        real(self, items)

    monkeypatch.setattr(HistoryFile, "add", add)
    history = History(tmp_path, 30, 10**6, now_s=lambda: NOW)
    await running(history, nursery)
    for number in range(3):
        speak(history, f"Text {number}.")
        assert await listed(history) == []
    assert lines == ["history_not_stored"]
    fails[0] = False
    assert await listed(history) == ["Text 2.", "Text 1.", "Text 0."]


async def test_memory_is_bounded_while_the_disk_fails(
    tmp_path: Path, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(history_module.log, "error", lambda event, **values: lines.append(event))
    monkeypatch.setattr(history_module, "MAX_HELD_BYTES", 1000)
    history = History(tmp_path, 30, 10**6, now_s=lambda: NOW)
    for _ in range(50):
        speak(history, "Four", bytes(284))
    assert lines == ["history_full"]
    await running(history, nursery)
    assert len(await listed(history)) == 3
    speak(history, "Room again.", bytes(900))
    assert (await listed(history))[0] == "Room again."


async def test_an_item_that_is_too_long_is_not_kept(
    tmp_path: Path, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_module, "MAX_ITEM_BYTES", 100)
    history = History(tmp_path, 30, 10**6, now_s=lambda: NOW)
    await running(history, nursery)
    speak(history, "Long.", bytes(200))
    speak(history, "Short.")
    assert await listed(history) == ["Short."]


@pytest.mark.parametrize("content", [b"no database at all", b"SQLite format 3\0" + bytes(5000)])
async def test_an_invalid_history_file_stops_the_start_and_is_kept(tmp_path: Path, content: bytes) -> None:
    (tmp_path / HISTORY_NAME).write_bytes(content)
    with pytest.raises(LocalError, match=HISTORY_NAME):
        async with History(tmp_path, 30, 10**6).open():
            raise AssertionError("expected no history")
    assert (tmp_path / HISTORY_NAME).read_bytes() == content


def _add_until_killed(folder: str, started: object) -> None:
    file = HistoryFile(Path(folder))
    number = 0
    while True:
        number += 1
        file.add((an_item(text=f"Text {number}."), bytes([number % 251]) * 50_000) for _ in range(2))
        if number == 20:
            started.set()  # type: ignore[attr-defined]


def test_a_writer_that_is_killed_leaves_whole_items_only(tmp_path: Path) -> None:
    kill_writer(_add_until_killed, tmp_path)
    with HistoryFile(tmp_path) as file:
        page = file.page("app", HistoryQuery(size=1000))
        assert page is not None and len(page[0]) >= 40 and len(page[0]) % 2 == 0
        for item in page[0]:
            found = file.audio("app", item.item_id)
            number = int(item.text[5:-1])
            assert found is not None and found[1] == bytes([number % 251]) * 50_000
