"""Settings in the stored lines of a bench."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.options import Options
from zelitrio.settings import EngineSettings


def test_a_stored_line_names_files_and_not_where_they_lie(tmp_path: Path) -> None:
    extra = argparse.Namespace(
        seed=7, keep=False, piper=tmp_path / "voice.onnx", tree=[("now", tmp_path / "tree")], rates=[1.0, 2.0]
    )
    options = Options(seed=7, keep=False, voice=None, voices=None, engine=EngineSettings(), extra=extra)
    settings = options.report("peers").settings
    assert settings == {"piper": "voice.onnx", "tree": [["now", "tree"]], "rates": [1.0, 2.0]}
