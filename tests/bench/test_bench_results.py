"""The stored lines of benches can be repeated."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

RESULTS = Path(__file__).parents[2] / "bench" / "results"


@pytest.mark.parametrize(
    "path", sorted(RESULTS.rglob("*.jsonl")), ids=lambda path: str(path.relative_to(RESULTS))
)
def test_a_stored_line_comes_from_a_clean_tree(path: Path) -> None:
    commits = [orjson.loads(line).get("commit", "") for line in path.read_bytes().splitlines()]
    assert [commit for commit in commits if commit.endswith(("+", "unknown"))] == []
