"""Convert public voices into voice folders.

Sources are Piper's `.onnx` with its `.onnx.json`, and Kokoro's official `.pth` or an ONNX file of it, with
style tables as `.pt`, `.bin` or an archive of arrays.  No file is trusted: pickles are read with
`weights_only`, archives without pickles.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zelitrio.errors import VoiceError
from zelitrio.voices.convert_kokoro import convert_kokoro
from zelitrio.voices.convert_piper import convert_piper
from zelitrio.voices.origin import ConvertedVoice, Origin, Progress


def convert(
    source: Path,
    folder: Path,
    origin: Origin,
    *,
    voices: Sequence[str] = (),
    measure: Sequence[str] | None = None,
    say: Progress = lambda _: None,
) -> ConvertedVoice:
    """Convert a file or a folder into a voice folder.

    Args:
        source: a Piper `.onnx`, a Kokoro `.pth` or `.onnx`, or a folder with one of them.
        folder: the voice folder to write; made if missing.
        origin: source and licence, for the model card.
        voices: Kokoro's voices to keep; empty: all.
        measure: Kokoro's voices to measure, some seconds each; only these speak in the streaming mode on a
            CPU.  None: all, if they are few.
        say: called with a line about each step.

    Raises:
        VoiceError: the source is missing or not such a voice.
    """
    path = _main_file(source)
    if path.suffix == ".onnx" and path.with_name(path.name + ".json").exists():
        return convert_piper(path, folder, origin, say)
    return convert_kokoro(path, folder, origin, voices, measure, say)


def _main_file(source: Path) -> Path:
    if source.is_file():
        if source.suffix not in (".onnx", ".pth"):
            raise VoiceError(
                source, "is no voice", expected=".onnx or .pth", found=source.suffix or "no suffix"
            )
        return source
    if not source.is_dir():
        raise VoiceError(source, "does not exist", expected="a file or a folder", found="nothing")
    found = (
        sorted(source.glob("*.pth")) or sorted(source.glob("*.onnx")) or sorted(source.glob("onnx/*.onnx"))
    )
    if len(found) != 1:
        names = ", ".join(file.name for file in found) or "none"
        raise VoiceError(source, "holds no single voice", expected="one .onnx or .pth", found=names)
    return found[0]
