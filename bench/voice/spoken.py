"""The subject of every measurement: one sentence spoken by one system."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt

Pcm = npt.NDArray[np.float32]
RATE_HZ = 24_000
SEED = 7
SENTENCES = Path(__file__).parent.parent / "sentences"
LISTS = ("harvard", "agent", "read", "names", "numbers")
"""Files of `bench/sentences`; the training text contains none of their lines."""


@attrs.frozen(eq=False)
class Spoken:
    """One spoken sentence."""

    words: tuple[str, ...]
    """The words of the text, in lower case."""
    pcm: Pcm
    """Samples at RATE_HZ, in [-1, 1]."""
    made_in_s: float | None = None
    """Seconds of one thread for the synthesis, if measured."""
    releases: tuple[tuple[int, int], ...] | None = None
    """First and last sample of each time in which a plosive may be released, if phones have times."""


def read_lines(name: str) -> list[str]:
    """The lines of `bench/sentences/<name>.txt`."""
    path = SENTENCES / f"{name}.txt"
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
