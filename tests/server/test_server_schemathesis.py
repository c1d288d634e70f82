"""Requests generated from the OpenAPI document get only answers that it describes."""

from __future__ import annotations

import subprocess
import sys

import pytest
import trio
from running import running

EXAMPLES = 5
"""Examples per operation and phase."""
# JSON Schema can express neither the order of two times nor the sounds of a pronunciation.
SETTINGS = """
[[operations]]
include-path-regex = "character-stats|add-from|add-rules|set-rules"
checks.positive_data_acceptance.enabled = false
"""


@pytest.mark.timeout(300)
async def test_every_answer_is_described(tmp_path):
    (tmp_path / "schemathesis.toml").write_text(SETTINGS)
    async with running(head_timeout_s=30, state_dir=tmp_path, history=True) as server:
        command = [
            *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"),
            *("run", f"{server.url}/openapi.json", "--seed", "7", "--max-examples", str(EXAMPLES)),
            *(
                "--phases",
                "coverage,fuzzing",
                "--no-color",
                "--suppress-health-check",
                "all",
            ),
        ]
        with trio.fail_after(290):
            run = await trio.run_process(
                command, capture_stdout=True, stderr=subprocess.STDOUT, check=False, cwd=tmp_path
            )
    assert run.returncode == 0, run.stdout.decode()[-30000:]
