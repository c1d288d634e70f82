"""Public voices converted once into folders of our own.

It reads Piper's `.onnx` beside its `.onnx.json`; Kokoro's official `.pth`, or an ONNX file of it, with
style tables as `.pt`, `.bin` or an archive of arrays.  No file is trusted: pickles are read with
`weights_only`, archives without pickles.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zelitrio.errors import VoiceError
from zelitrio.voices.convert_kokoro import convert_kokoro
from zelitrio.voices.convert_piper import convert_piper
from zelitrio.voices.origin import Converted, Origin, Progress


def convert(
    source: Path,
    folder: Path,
    origin: Origin,
    *,
    voices: Sequence[str] = (),
    measure: Sequence[str] | None = None,
    say: Progress = lambda _: None,
) -> Converted:
    """Convert a file or a folder into a voice folder.

    Args:
        source: a Piper `.onnx`, a Kokoro `.pth` or `.onnx`, or a folder that holds one of them.
        folder: where to; made if missing.
        origin: for the model card.
        voices: of Kokoro's, which to keep; empty: all.
        measure: of Kokoro's, which shall speak in the streaming mode on a CPU; some seconds each.  None: all
            if they are few.
        say: called with a line about each step.

    Raises:
        VoiceError: the source is missing or not what it says.
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
