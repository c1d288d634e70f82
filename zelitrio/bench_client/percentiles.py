"""Percentiles of measured values, and their change during the run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Figures = dict[str, Any]
"""Figures by name, as in result lines.  `spread` is a pair; without values there is only `n`."""

PARTS = 5


def summary(values: Sequence[float], scale: float = 1.0, digits: int = 3) -> Figures:
    """Compute percentiles of `values` times `scale`.  `values` are in the order they were measured.

    `spread` is the lowest and the highest median of five consecutive parts of the run.  If they differ a
    lot, other programs were using the machine and the percentiles mean little.
    """
    if not len(values):
        return {"n": 0}
    scaled = np.asarray(values, np.float64) * scale
    parts = [float(np.median(part)) for part in np.array_split(scaled, PARTS) if len(part)]
    figures: Figures = {"n": len(scaled), "mean": round(float(scaled.mean()), digits)}
    for q in (50, 90, 95, 99):
        figures[f"p{q}"] = round(float(np.percentile(scaled, q)), digits)
    figures["min"], figures["max"] = round(float(scaled.min()), digits), round(float(scaled.max()), digits)
    figures["spread"] = [round(min(parts), digits), round(max(parts), digits)]
    return figures


def milliseconds(seconds: Sequence[float]) -> Figures:
    """`summary` of seconds, in milliseconds."""
    return summary(seconds, 1000.0)
