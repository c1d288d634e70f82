from __future__ import annotations

import pytest

from bench import machine
from zelitrio.cli.app import app


def test_the_environment_may_name_the_commit_and_a_server_still_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BENCH_COMMIT", "0123456789")
    machine.commit.cache_clear()
    try:
        assert machine.commit() == "0123456789"
    finally:
        machine.commit.cache_clear()
    app.parse_args(["serve"], exit_on_error=False, print_error=False)
