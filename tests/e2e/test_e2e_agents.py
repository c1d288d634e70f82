"""Published agent frameworks, unmodified, in their own environment, against the real server."""

from __future__ import annotations

import json
import statistics
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import KEY, Server

pytestmark = [pytest.mark.agents, pytest.mark.timeout(200)]
FOLDER = Path(__file__).parent / "agents"
PYTHON = Path(__file__).parents[2] / ".venv-agents/bin/python"
SHORT = "Sure, I can help you with that. It takes a moment."


@pytest.fixture(scope="module", autouse=True)
def packages() -> None:
    if not PYTHON.exists():
        pytest.fail(f"{PYTHON.parent.parent.name}: not there; `just test-agents` makes it")


def talk(server: Server, driver: str, kind: str) -> dict[str, Any]:
    """Run one client and return its results."""
    command = [str(PYTHON), str(FOLDER / driver), server.url, KEY, kind]
    run = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    heard: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    firsts = {name: [turn["first_ms"] for turn in heard[name]] for name in ("usual", "after")}
    assert None not in (*firsts["usual"], *firsts["after"]), heard
    told = ", ".join(
        f"{name} {min(ms):.0f} to {max(ms):.0f}, median {statistics.median(ms):.0f} ms"
        for name, ms in firsts.items()
    )
    print(f"{driver} {kind}: first audio {told}")
    return heard


CLIENTS = [
    ("livekit_turns.py", "eleven_v4_turbo"),
    ("livekit_turns.py", "eleven_turbo_v2_5"),
    ("pipecat_turns.py", "dialogue"),
    ("pipecat_turns.py", "multi"),
]


@pytest.mark.parametrize(("driver", "kind"), CLIENTS)
def test_a_client_hears_whole_turns_and_the_turn_after_eight_barge_ins(
    server: Server, driver: str, kind: str
) -> None:
    heard = talk(server, driver, kind)
    assert heard["errors"] == []
    for turn in (*heard["usual"], *heard["after"]):
        assert 2.0 < turn["seconds"] < 6.0
        spelled = " ".join("".join(f"{word} " for word, _ in turn["words"]).split())
        assert spelled.lower() == SHORT.lower()
        times = [at for _, at in turn["words"] if at is not None]
        # On text-to-speech sockets LiveKit passes on the times as received: from the start of each segment.
        assert times == sorted(times) or (kind == "eleven_turbo_v2_5" and times)
    if "whole" in heard:
        assert 2.0 < heard["whole"]["seconds"] < 6.0
