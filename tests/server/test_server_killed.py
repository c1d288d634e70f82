"""The stored usage of a server that was killed under load."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

import httpx
import pytest
import trio

from zelitrio.accounts import Database, Key
from zelitrio.accounts.accounts import WRITE_EVERY_S
from zelitrio.accounts.database import DATABASE_NAME
from zelitrio.settings import hash_key

TEXT = "All words of a killed server are counted. "
KEYS = ("first", "second", "third")
pytestmark = pytest.mark.timeout(180)


def start(folder: Path, *, history: bool = False) -> tuple[subprocess.Popen[str], str]:
    """Start a real server of this repository with the scripted engine and real accounts.

    Its log goes to a pipe that is never read, as with a log collector that hangs.
    """
    code = (
        "import sys, trio\n"
        "from pathlib import Path\n"
        "from scripted_engine import ScriptedEngine\n"
        "from zelitrio.server import configure_logging, serve\n"
        "from zelitrio.settings import ServerSettings\n"
        "from zelitrio.text import load_front_end\n"
        "configure_logging()\n"
        "async def main():\n"
        "    async with trio.open_nursery() as nursery:\n"
        "        settings = ServerSettings(port=0, state_dir=Path(sys.argv[1]), history=bool(sys.argv[2]))\n"
        "        urls = await nursery.start(serve, ScriptedEngine(), load_front_end(), settings)\n"
        "        print('at ' + urls[0], flush=True)\n"
        "trio.run(main)\n"
    )
    tests = str(Path(__file__).parents[1])
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder), "history" if history else ""],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([tests, os.environ.get("PYTHONPATH", "")])},
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("at "):
            return process, line[3:].strip()
    raise AssertionError("the server did not start")


def stored(folder: Path) -> dict[str, int]:
    with Database(folder) as database:
        return {name: sum(row.usage.characters for row in database.usage(key=name)) for name in KEYS}


async def speak(url: str, answered: list[tuple[float, str]]) -> None:
    """Send requests of all keys in parallel until the server ends; record each answer's time and key."""

    async def ask(http: httpx.AsyncClient, key: str) -> None:
        target = f"{url}/v1/text-to-speech/zeli-voice-1?output_format=pcm_24000"
        while True:
            try:
                answer = await http.post(target, json={"text": TEXT}, headers={"xi-api-key": key})
            except httpx.HTTPError:
                return
            assert answer.status_code == 200
            answered.append((time.monotonic(), key))

    async with httpx.AsyncClient(timeout=20, trust_env=False) as http, trio.open_nursery() as nursery:
        for key in KEYS:
            for _ in range(2):
                nursery.start_soon(ask, http, key)


async def test_a_killed_server_loses_at_most_a_second_of_usage_and_never_the_database(tmp_path: Path) -> None:
    with Database(tmp_path) as database:
        for name in KEYS:
            database.add_key(Key(name=name, digest=hash_key(name), created_at_s=time.time()))
    total = dict.fromkeys(KEYS, 0)
    for _ in range(3):
        process, url = await trio.to_thread.run_sync(start, tmp_path)
        killed_at = 0.0
        answered: list[tuple[float, str]] = []

        with process:
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(speak, url, answered)
                    await trio.sleep(8 * WRITE_EVERY_S + 0.3)
                    process.send_signal(signal.SIGKILL)
                    killed_at = time.monotonic()
            finally:
                process.kill()
        connection = sqlite3.connect(tmp_path / DATABASE_NAME)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
        after = stored(tmp_path)
        for name in KEYS:
            times = deque(at for at, key in answered if key == name)
            assert len(times) > 5
            safe = sum(at < killed_at - 1.0 for at in times)
            kept = (after[name] - total[name]) / len(TEXT)
            # Usage is counted before the answer, so requests under way may be stored, too.
            assert safe <= kept <= len(times) + 2
        total = after
    with Database(tmp_path) as database:
        assert {key.name for key in database.all_keys()} == set(KEYS)
