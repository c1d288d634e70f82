"""README's examples run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def _examples() -> list[str]:
    section = README.split("## In a Trio program\n")[1].split("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)


@pytest.mark.parametrize("example", _examples(), ids=lambda example: f"{len(example)} characters")
def test_an_example_for_embedding_runs_as_it_stands(example: str) -> None:
    exec(compile(example, "README.md", "exec"), {"__name__": "example"})


def test_there_are_examples() -> None:
    assert len(_examples()) == 1
