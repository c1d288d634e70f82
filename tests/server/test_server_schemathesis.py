"""Requests made up from the OpenAPI document find no answer that it does not describe."""

from __future__ import annotations

import subprocess
import sys

import pytest
import trio
from running import running

EXAMPLES = 5
"""For each operation and phase."""
# JSON Schema cannot say that the end comes after the start, and at most ten years after it.
UNDESCRIBED = "/v1/usage/character-stats"


@pytest.mark.timeout(300)
async def test_no_request_finds_an_answer_that_is_not_described(tmp_path):
    async with running(head_timeout_s=30) as server:
        command = [
            *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"),
            *("run", f"{server.url}/openapi.json", "--seed", "7", "--max-examples", str(EXAMPLES)),
            *("--exclude-path", UNDESCRIBED),
            *(
                "--phases",
                "coverage,fuzzing",
                "--checks",
                "all",
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
