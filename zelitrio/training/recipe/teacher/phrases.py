"""Reads the words and phrases of the agent's texts from `phrases.txt`, a list under each heading."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib import resources


@functools.cache
def phrases() -> Mapping[str, tuple[str, ...]]:
    """The lists by name."""
    lists: dict[str, list[str]] = {}
    name = ""
    text = (resources.files("zelitrio.training.recipe.teacher") / "phrases.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith("# "):
            name = line[2:]
            lists[name] = []
        else:
            lists[name].append(line)
    return {name: tuple(lines) for name, lines in lists.items()}
