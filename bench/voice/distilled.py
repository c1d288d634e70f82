"""Distill-MOS: a small network's prediction of listeners' scores (Stahl and Gamper, arXiv 2502.05356).

It prefers smooth synthetic speech to recordings.  So it is only a check against regressions.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import sys
import types
from collections.abc import Callable

import torch

from bench.voice.spoken import Pcm

MISSING_DISTILLED = "distillmos: left out, not installed: pip install --no-deps distillmos xls-r-sqa"


def open_distilled() -> Callable[[Pcm], float] | None:
    """A scorer of samples at 16 kHz, None if the package is not installed."""
    if any(importlib.util.find_spec(name) is None for name in ("distillmos", "xls_r_sqa")):
        return None
    # The package reads files by torchaudio in its command line only.
    if importlib.util.find_spec("torchaudio") is None:
        sys.modules.setdefault("torchaudio", types.ModuleType("torchaudio"))
    from distillmos import ConvTransformerSQAModel

    with contextlib.redirect_stdout(io.StringIO()):
        model = ConvTransformerSQAModel().eval()

    def score(pcm: Pcm) -> float:
        with torch.inference_mode():
            return float(model(torch.from_numpy(pcm)[None]))

    return score
