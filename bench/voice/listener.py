"""DNSMOS: a network's prediction of listeners' scores (Reddy, Gopal, Cutler, arXiv 2110.01763).

It detects noise, buzz and muffling, but not wrong words or bad melody.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.voice.spoken import Pcm

RATE_HZ = 16_000
WINDOW_SAMPLES = int(9.01 * RATE_HZ)
SILENCE_SAMPLES = RATE_HZ // 4
"""Silence before and after every clip.  DNSMOS repeats short clips; without silence a last word runs into the
first, and closely trimmed clips score worst (0.08 to 0.09 OVRL less in these voices)."""
KEYS = {"ovrl": "ovrl_mos", "sig": "sig_mos", "bak": "bak_mos", "p808": "p808_mos"}
Listener = Callable[[Pcm], dict[str, float]]


def open_listener() -> Listener:
    """Load the models from the package speechmos, for one thread.

    A clip shorter than the models' 9.01 s is repeated to that length, as DNSMOS does, but scored once: its
    further windows contain the same clip again.  Silence separates the repetitions.
    """
    import onnxruntime
    from speechmos import dnsmos

    models = Path(dnsmos.__file__).parent / "dnsmos_models"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    plain_session = onnxruntime.InferenceSession
    onnxruntime.InferenceSession = lambda path: plain_session(path, options)
    try:
        scorer = dnsmos.DNSMOS(str(models / "sig_bak_ovr.onnx"), str(models / "model_v8.onnx"))
    finally:
        onnxruntime.InferenceSession = plain_session

    def score(pcm: Pcm) -> dict[str, float]:
        clip = np.pad(pcm, SILENCE_SAMPLES)
        clip = np.resize(clip, WINDOW_SAMPLES) if len(clip) < WINDOW_SAMPLES else clip
        scores = scorer(clip, RATE_HZ, False)
        return {short: float(scores[key]) for short, key in KEYS.items()}

    return score
