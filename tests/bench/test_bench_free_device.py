"""The bench of the server's own cost, with a device that computes nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent.parent


def run_bench(*flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench.free_device", *flags],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processor time comes from /proc")
def test_a_server_on_one_core_takes_at_most_one_core() -> None:
    load = ["--modes", "persistent", "--formats", "pcm_24000", "--streams", "8", "--seconds", "1"]
    done = run_bench("--one-core", "this", *load)
    assert done.returncode == 0, done.stderr
    (line,) = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert line["utterances"] > 0
    assert not line["failures"]
    assert 0 < sum(line["shares"].values()) < 1.05


def test_an_unknown_tree_is_refused_by_name() -> None:
    done = run_bench("--one-core", "other")
    assert done.returncode == 1
    assert done.stderr == "--one-core: expected names of --tree, found other\n"
