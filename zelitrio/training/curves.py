"""Draws the loss curves of training runs from their logs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import orjson

from zelitrio.training.loop import LOG

_SHOWN = ("mel", "val_mel", "stft", "val_stft", "duration", "val_duration", "pitch", "val_pitch")


def read_log(run: Path) -> list[dict[str, float]]:
    """Read the lines of a run's log, oldest first; empty if there is no log."""
    log = run / LOG
    rows = []
    for line in log.read_bytes().splitlines() if log.is_file() else ():
        with suppress(orjson.JSONDecodeError):  # a run that was killed leaves an incomplete line
            rows.append(orjson.loads(line))
    return rows


def draw_curves(runs: Mapping[str, Path], picture: Path) -> None:
    """Draw each run's losses, with dots for losses on held-out recordings; takes about a second.

    Args:
        runs: the runs' folders by title.
        picture: path of the PNG file to write.
    """
    # Imported here, because matplotlib belongs to the extra `train`.  Not pyplot, which keeps global state.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5 * len(runs), 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (title, run) in zip(figure.subplots(1, len(runs), squeeze=False)[0], runs.items(), strict=True):
        rows = read_log(run)
        for number, name in enumerate(_SHOWN):
            points = [(row["step"], row[name]) for row in rows if name in row]
            if points:
                held_out = name.startswith("val_")
                label = f"{name.removeprefix('val_')}, held out" if held_out else name
                axes.plot(*zip(*points, strict=True), "o-" if held_out else "-", label=label, ms=3, lw=1)
                axes.lines[-1].set_color(f"C{number // 2}")
                axes.lines[-1].set_alpha(1.0 if held_out else 0.5)
        axes.set(title=title, xlabel="step", yscale="log")
        if rows:
            axes.legend(fontsize=7)
    figure.savefig(picture, dpi=100)
