"""Several `zelitrio voices` commands at the same time, killed ones, and what a server sees meanwhile."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from test_voices_public import kokoro_folder, write_piper

from zelitrio.cli.app import run
from zelitrio.voices import ADDING, changing, load_folder
from zelitrio.voices.home_lock import REMOVING
from zelitrio.voices.store import installed, save_mix

COMMAND = [sys.executable, "-c", "from zelitrio.cli import main; main()", "voices"]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_piper(tmp_path_factory.mktemp("source"))


def begin(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen([*COMMAND, *words], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def hidden(home: Path) -> list[str]:
    return [path.name for path in home.iterdir() if path.name.startswith((ADDING, REMOVING))]


def test_of_two_commands_that_add_one_voice_one_succeeds(source: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    both = [begin("add", str(source), "--into", str(home)) for _ in range(2)]
    said = [process.communicate(timeout=120)[1] for process in both]
    assert sorted(process.returncode for process in both) == [0, 2], said
    refused = said[0] if both[0].returncode else said[1]
    assert refused.splitlines()[-1].startswith("zelitrio: ")
    assert "expected no such folder" in refused
    assert [one.voices for one in installed(home)] == [("en_US-tiny-medium",)]
    assert hidden(home) == []


def test_a_command_waits_for_the_one_before_it_and_says_so(source: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with changing(home):
        process = begin("add", str(source), "--into", str(home))
        assert process.stderr is not None
        assert process.stderr.readline() == f"waiting: another process changes {home}\n"
        assert process.poll() is None
        assert list(installed(home)) == []
    assert process.communicate(timeout=120)[0] == ""
    assert process.returncode == 0
    assert len(list(installed(home))) == 1


def test_what_a_killed_command_left_is_deleted_by_the_next_one(source: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    process = begin("add", str(source), "--into", str(home))
    until = time.monotonic() + 60
    while not (home.exists() and hidden(home)) and process.poll() is None and time.monotonic() < until:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    shutil.copytree(source.parent, home / f"{REMOVING}old")
    assert run(["voices", "add", str(source), "--into", str(home)]) == 0
    assert hidden(home) == []
    assert len(list(installed(home))) == 1


def test_a_voice_that_is_being_removed_is_not_offered(source: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert run(["voices", "add", str(source), "--into", str(home)]) == 0
    (home / "en_US-tiny-medium").rename(home / f"{REMOVING}en_US-tiny-medium")
    assert list(installed(home)) == []


def test_a_linked_voice_is_removed_and_its_files_stay(source: Path, tmp_path: Path) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    assert run(["voices", "add", str(source), "--into", str(elsewhere)]) == 0
    home.mkdir()
    (home / "linked").symlink_to(elsewhere / "en_US-tiny-medium")
    assert run(["voices", "remove", "linked", "--into", str(home)]) == 0
    assert list(installed(home)) == []
    assert len(list(installed(elsewhere))) == 1


def test_mixes_that_are_saved_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    folder = kokoro_folder(tmp_path)
    names = [f"mix{number}" for number in range(8)]
    threads = [threading.Thread(target=save_mix, args=(tmp_path, name, "af_one+af_two")) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {voice.voice_id for voice in load_folder(folder)} >= {*names, "af_one", "af_two"}
