"""Moonshine's smallest English recogniser, run by onnxruntime.

The PyPI package `moonshine-voice` carries model and vocabulary in its wheels up to 0.0.73 (MIT licence,
https://github.com/moonshine-ai/moonshine; Jeffries and others, arXiv 2410.15608).  Only these files are
read: the package itself wants a sound card's library at import.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Pcm = npt.NDArray[np.float32]
RATE_HZ = 16_000
BEGIN, END = 1, 2
TOKENS_PER_S = 9
"""Faster than any speech: it stops a model that repeats itself without end."""


def find_model() -> Path | None:
    """The folder of the model's files, None if they are not installed."""
    package = importlib.util.find_spec("moonshine_voice")
    for place in (package.submodule_search_locations or []) if package else []:
        folder = Path(place) / "assets" / "tiny-en"
        if (folder / "decoder_model_merged.ort").is_file():
            return folder
    return None


class Moonshine:
    """Speech at 16 kHz to text, greedily, on one thread."""

    def __init__(self, folder: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._encoder = onnxruntime.InferenceSession(str(folder / "encoder_model.ort"), options)
        self._decoder = onnxruntime.InferenceSession(str(folder / "decoder_model_merged.ort"), options)
        self._pieces = read_pieces((folder / "tokenizer.bin").read_bytes())
        self._caches = [i for i in self._decoder.get_inputs() if i.name.startswith("past_key_values")]

    def __call__(self, pcm: Pcm) -> str:
        mask = np.ones((1, len(pcm)), np.int64)
        (heard,) = self._encoder.run(None, {"input_values": pcm[None], "attention_mask": mask})
        # The caches are empty; the first step fills them, the encoder's part once for all steps.
        caches: dict[str, Any] = {
            i.name: np.zeros((1, i.shape[1], 0, i.shape[3]), np.float32) for i in self._caches
        }
        tokens = [BEGIN]
        for step in range(max(8, len(pcm) * TOKENS_PER_S // RATE_HZ)):
            logits, *present = self._decoder.run(
                None,
                {
                    "input_ids": np.array([[tokens[-1]]]),
                    "encoder_attention_mask": np.ones(heard.shape[:2], np.int64),
                    "encoder_hidden_states": heard,
                    "use_cache_branch": np.array([step > 0]),
                    **caches,
                },
            )
            tokens.append(int(logits[0, -1].argmax()))
            if tokens[-1] == END:
                break
            for cache, value in zip(self._caches, present, strict=True):
                if step == 0 or ".decoder." in cache.name:
                    caches[cache.name] = value
        text = b"".join(self._pieces[token] for token in tokens if token > END)
        return text.decode("utf-8", errors="replace").replace("\u2581", " ").strip()


def read_pieces(raw: bytes) -> list[bytes]:
    """Read the vocabulary: for each piece its length (one byte below 128, else two), then the piece."""
    pieces, at = [], 0
    while at < len(raw):
        length, at = raw[at], at + 1
        if length >= 128:
            length, at = length - 128 + 128 * raw[at], at + 1
        pieces.append(raw[at : at + length])
        at += length
    return pieces
