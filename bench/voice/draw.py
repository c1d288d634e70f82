"""Pictures of speech: spectrograms, pitch contours, cut sentences.

Pictures are small: 72 dots per inch, 48 colours.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import torch

from bench.voice.melody import Pair
from bench.voice.pitch import FRAMES_PER_S, ln_f0
from bench.voice.seams import Cut
from bench.voice.spoken import RATE_HZ, Pcm
from zelitrio.training import magnitudes

mpl.use("Agg")
import matplotlib.pyplot as plt

DOTS_PER_INCH, COLOURS = 72, 48
RANGE_DB = 75
INK, PALE = "#1f5fa8", "#b0b0b0"


def save(figure: Any, path: Path) -> None:
    """Write a figure as a PNG of few colours, and close it."""
    from PIL import Image

    raw = io.BytesIO()
    figure.savefig(raw, dpi=DOTS_PER_INCH, format="png")
    plt.close(figure)
    raw.seek(0)
    Image.open(raw).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


def spectrogram(axes: Any, pcm: Pcm) -> None:
    """Level over time and frequency, 0 to 12 kHz, 75 dB down from the loudest, with pitch on top."""
    level = 20 * magnitudes(torch.from_numpy(pcm)[None], 960, 240)[0].log10().numpy()
    seconds = level.shape[1] / FRAMES_PER_S
    axes.imshow(
        level,
        origin="lower",
        aspect="auto",
        extent=(0, seconds, 0, RATE_HZ / 2000),
        vmin=level.max() - RANGE_DB,
        vmax=level.max(),
        cmap="magma",
        interpolation="nearest",
    )
    pitch = axes.twinx()
    pitch.plot(*contour_of(ln_f0(pcm)), color="white", linewidth=1.2)
    pitch.set_ylim(50, 500)
    pitch.set_yscale("log")
    pitch.set_yticks([])
    pitch.minorticks_off()
    axes.set_yticks([0, 4, 8, 12])


def contour_of(ln_pitch: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Seconds and Hz of a contour, for plotting."""
    return np.arange(len(ln_pitch)) / FRAMES_PER_S, np.exp(ln_pitch)


def draw_beside(path: Path, text: str, said: Mapping[str, Pcm]) -> None:
    """Draw a spectrogram of one sentence for each system, in the given order."""
    figure, axes = plt.subplots(len(said), 1, figsize=(9, 1.75 * len(said) + 0.5), layout="constrained")
    for at, (name, pcm) in zip(axes, said.items(), strict=True):
        spectrogram(at, pcm)
        at.set_title(name, fontsize=9, loc="left", pad=2)
        at.set_ylabel("kHz", fontsize=8)
    axes[-1].set_xlabel("s")
    figure.suptitle(text, fontsize=10)
    save(figure, path)


def draw_contours(path: Path, text: str, said: Mapping[str, Pcm]) -> None:
    """Draw the pitch of one sentence for each system, one below the other."""
    figure, axes = plt.subplots(
        len(said), 1, figsize=(9, 0.95 * len(said) + 0.7), sharex=True, layout="constrained"
    )
    for at, (name, pcm) in zip(axes, said.items(), strict=True):
        contour = ln_f0(pcm)
        at.plot(*contour_of(contour), color=INK, linewidth=1.5)
        middle = float(np.exp(np.nanmedian(contour)))
        at.set_yscale("log")
        at.set_ylim(middle / 1.7, middle * 1.7)
        at.set_yticks(
            [middle / 1.5, middle, middle * 1.5], [f"{middle * by:.0f}" for by in (1 / 1.5, 1, 1.5)]
        )
        at.minorticks_off()
        at.set_title(name, fontsize=9, loc="left", pad=2)
    axes[-1].set_xlabel("s; pitch in Hz, a fifth above and below the median marked")
    figure.suptitle(text, fontsize=10)
    save(figure, path)


def draw_cut(path: Path, text: str, cut: Cut) -> None:
    """Draw a sentence in pieces, with its joins, above the same sentence spoken whole."""
    figure, axes = plt.subplots(2, 1, figsize=(9, 4.6), layout="constrained")
    spectrogram(axes[0], cut.pieces.pcm)
    for start in cut.pieces.starts[1:]:
        axes[0].axvline(start / RATE_HZ, color="white", linewidth=0.8, linestyle="--")
    axes[0].set_title("in pieces, cut at the dashed lines", fontsize=9, loc="left", pad=2)
    spectrogram(axes[1], cut.whole.pcm)
    axes[1].set_title("whole", fontsize=9, loc="left", pad=2)
    axes[1].set_xlabel("s")
    figure.suptitle(text, fontsize=10)
    save(figure, path)


def draw_questions(path: Path, pairs: Sequence[Pair]) -> None:
    """Draw questions over their statements, aligned at their ends, where they should differ."""
    columns = 4
    rows = -(-len(pairs) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(9, 1.6 * rows), sharey=True, layout="constrained")
    for at, pair in zip(axes.flat, pairs, strict=False):
        for contour, colour in ((pair.stated, PALE), (pair.asked, INK)):
            seconds, hz = contour_of(contour)
            voiced = np.flatnonzero(~np.isnan(contour))
            at.plot(seconds - seconds[voiced[-1]], hz, color=colour, linewidth=1.5)
        at.set_title(pair.question, fontsize=7, pad=2)
        at.set_yscale("log")
        at.minorticks_off()
        at.tick_params(labelsize=7)
    figure.suptitle("asked (blue) and stated (grey); s before the end", fontsize=9)
    save(figure, path)
