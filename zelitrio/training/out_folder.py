"""The folder OUT of `zelitrio train`: protect other files, and write the voice into it."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from zelitrio.errors import LocalError
from zelitrio.training.export import export
from zelitrio.training.whole_file import PARTIAL, whole_file
from zelitrio.voices import Voice

CATEGORY = "cloned"
"""Category of voices from users' recordings only."""
_DESCRIPTION = "voice.json"
_EXPECTED = "expected a new or empty folder for the voice, or one that zelitrio train wrote"


def refuse_taken(out: Path, work: Path) -> None:
    """Refuse to overwrite anything but the voice that this work folder made.

    Raises:
        LocalError: OUT is a file or the work folder, or has other content than a voice of this command; or
            it has such a voice, and the work folder has no run to continue.
    """
    if out.exists() and not out.is_dir():
        raise LocalError(f"{out}: expected a folder for the voice, found a file")
    if out.resolve() == work.resolve():
        raise LocalError(f"{out}: expected a folder for the voice and another for --work, found one for both")
    if not out.is_dir():
        return
    names = sorted(path.name for path in out.iterdir() if not _is_ours(path, work))
    if not names:
        return
    if not _is_trained(out / _DESCRIPTION):
        raise LocalError(f"{out}: {_EXPECTED}, found {names[0]} in it")
    if not (work / "plan.json").is_file():
        raise LocalError(f"{out}: expected a new or empty folder for the voice, found a voice of other work")


def put_voice(out: Path, voice: Voice, work: Path) -> int:
    """Write a voice of category `CATEGORY` to OUT.  Return the size of its weights in bytes.

    The description is written first: it marks OUT as this command's, and a voice without weights is not
    loaded.
    """
    assert voice.category == CATEGORY
    with tempfile.TemporaryDirectory(prefix="voice-", dir=work) as folder:
        size = export(Path(folder), [voice])
        for made in sorted(Path(folder).iterdir(), key=lambda path: path.name != _DESCRIPTION):
            with whole_file(out / made.name) as partial:
                shutil.copyfile(made, partial)
    return size


def _is_ours(path: Path, work: Path) -> bool:
    """Whether a path is the work folder, or an incomplete file of a stopped run."""
    return path.name == _DESCRIPTION + PARTIAL or work.resolve().is_relative_to(path.resolve())


def _is_trained(description: Path) -> bool:
    try:
        voices = json.loads(description.read_text(encoding="utf-8"))["voices"]
        return bool(voices) and all(voice["category"] == CATEGORY for voice in voices)
    except (OSError, ValueError, LookupError, TypeError):
        return False
