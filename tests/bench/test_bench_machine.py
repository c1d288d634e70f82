from __future__ import annotations

import os

import pytest

from bench import machine
from zelitrio.cli.configure import configure


def test_the_environment_may_name_the_commit_and_a_server_still_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BENCH_COMMIT", "0123456789")
    machine.commit.cache_clear()
    try:
        assert machine.commit() == "0123456789"
    finally:
        machine.commit.cache_clear()
    configure({}, os.environ)
