"""Ctrl-C in the middle of `zelitrio bench` keeps the points until then and ends both processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bad_servers import answer, bad_server, http

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="/proc tells the children")

COMMAND = [sys.executable, "-c", "from zelitrio.cli import main; main()", "bench"]
AUDIO = bytes(range(1, 200)) * 2


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_there(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


@pytest.mark.parametrize("wait_for", ["child", "point"])
def test_an_interrupted_run_keeps_its_points_and_leaves_no_process(wait_for: str, tmp_path: Path) -> None:
    out, page = tmp_path / "a.jsonl", tmp_path / "page.html"
    with bad_server(answer(http("200 OK", AUDIO))) as port:
        flags = ["--url", f"http://127.0.0.1:{port}", "--protocol", "openai"]
        flags += ["--seconds", "30" if wait_for == "child" else "0.3"]
        points = [word for number in range(1, 200) for word in ("--streams", str(number))]
        process = subprocess.Popen(
            [*COMMAND, "concurrency", *flags, *points, "--out", str(out), "--html", str(page)],
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        until = time.monotonic() + 60
        found: list[int] = []
        while time.monotonic() < until and process.poll() is None:
            found = children(process.pid)
            is_measured = out.exists() and '"what":"point"' in out.read_text()
            if found and (wait_for == "child" or is_measured):
                break
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert found
    assert not any(map(is_there, found))
    if wait_for == "point":
        assert "concurrency" in page.read_text() or "Streams at once" in page.read_text()
        assert all(json.loads(line) for line in out.read_text().splitlines())
    else:
        assert not page.exists()


def test_a_client_process_that_dies_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    with bad_server(answer(waits=True)) as port:
        process = subprocess.Popen(
            [*COMMAND, "first-audio", "--url", f"http://127.0.0.1:{port}", "--protocol", "openai"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        until = time.monotonic() + 60
        while not (found := children(process.pid)) and time.monotonic() < until:
            time.sleep(0.01)
        os.kill(found[0], signal.SIGKILL)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err == "zelitrio: bench: the client's process ended with -9\n"
