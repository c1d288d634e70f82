"""A teacher's speech is made once, chunk by chunk, also if the program is stopped in between."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from cut_short import cut_short

from zelitrio.errors import LocalError
from zelitrio.training import speak_timed
from zelitrio.training.recipe.teacher.kokoro import KokoroTeacher
from zelitrio.training.recipe.teacher.maker import Samples, SpeechPlan, make_speech
from zelitrio.training.recipe.teacher.requests import Request
from zelitrio.training.recipe.teacher.store import items_path, load, speech_path
from zelitrio.voices import load_builtin, save_folder

TEXTS = 30


class BuiltIn:
    """A built-in voice as the teacher, with a made-up pitch curve."""

    most_at_once = 24

    def __init__(self) -> None:
        self.voice = load_builtin().default
        self.asked: list[str] = []

    def say(self, requests: Sequence[Request]) -> Iterator[tuple[int, Samples, Samples]]:
        for index, request in reversed(list(enumerate(requests))):
            self.asked.append(request.utterance.source)
            samples, _ = speak_timed(self.voice, request.utterance, noise_at=7)
            yield index, samples, np.full(len(samples) // 300, 180.0, np.float32)


class Notes(list[dict[str, Any]]):
    def __call__(self, **row: object) -> None:
        self.append(row)


@pytest.fixture
def plan(tmp_path: Path) -> SpeechPlan:
    prose = tmp_path / "prose.txt"
    prose.write_text("\n".join(f"He counted {number} boats in the bay." for number in range(40)))
    return SpeechPlan(prose=prose, folder=tmp_path / "speech", count=TEXTS, workers=1)


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.npz"))}


def chunks_to_make(notes: Notes) -> int:
    return next(int(row["chunks_to_make"]) for row in notes if row.get("event") == "begin")


def test_speech_is_made_once_and_what_is_damaged_is_made_again(plan: SpeechPlan) -> None:
    teacher, notes = BuiltIn(), Notes()
    assert make_speech(plan, teacher, notes)
    first = digests(plan.folder)
    assert chunks_to_make(notes) == 2 and len(first) == 4
    said = load(speech_path(plan.folder, 0))
    assert said["request"].tolist() == list(range(24))
    assert len(said["pcm"]) == 240 * said["frames"].sum()
    assert len(load(items_path(plan.folder, 0))["utterance"]) >= 20

    teacher, notes = BuiltIn(), Notes()
    assert make_speech(plan, teacher, notes)
    assert chunks_to_make(notes) == 0 and not teacher.asked

    items_path(plan.folder, 1).write_bytes(items_path(plan.folder, 1).read_bytes()[:-100])
    (plan.folder / "speech_00001.partial").write_bytes(b"half")
    teacher, notes = BuiltIn(), Notes()
    assert make_speech(plan, teacher, notes)
    assert chunks_to_make(notes) == 1 and 0 < len(teacher.asked) < 24
    assert "chunk 1 is damaged" in notes[0]["fault"]
    assert digests(plan.folder) == first


def test_speech_made_before_the_time_limit_is_kept(plan: SpeechPlan) -> None:
    asked = iter([False, True])
    notes = Notes()
    assert not make_speech(plan, BuiltIn(), notes, lambda: next(asked))
    assert notes[-1] == {"event": "made", "chunks": 1, "chunks_missing": 1}
    assert set(digests(plan.folder)) == {"speech_00000.npz", "items_00000.npz"}


def test_a_full_disk_is_one_line_and_loses_nothing(plan: SpeechPlan) -> None:
    with cut_short(400_000), pytest.raises(LocalError, match=r"speech: cannot be written \(File too large\)"):
        make_speech(plan, BuiltIn(), Notes())
    assert not digests(plan.folder)
    assert make_speech(plan, BuiltIn(), Notes())
    assert len(digests(plan.folder)) == 4


@pytest.mark.parametrize(
    ("description", "told"),
    [
        (b'{"format": 0}', "expected speech of format 1, found another version's"),
        (b'{"form', "expected speech of format 1, found another version's"),
        (None, "expected beside the chunks of speech, found none"),
    ],
)
def test_speech_of_another_version_is_refused(plan: SpeechPlan, description: bytes | None, told: str) -> None:
    plan.folder.mkdir()
    speech_path(plan.folder, 0).touch()
    if description is not None:
        (plan.folder / "speech.json").write_bytes(description)
    with pytest.raises(LocalError, match=told):
        make_speech(plan, BuiltIn(), Notes())
    assert speech_path(plan.folder, 0).exists()


@pytest.mark.parametrize(("name", "value"), [("seed", 2), ("count", 31)])
def test_speech_of_other_texts_is_refused(plan: SpeechPlan, name: str, value: int) -> None:
    make_speech(plan, BuiltIn(), Notes(), lambda: True)
    with pytest.raises(LocalError, match=f"same texts, found another {name}"):
        make_speech(attrs.evolve(plan, **{name: value}), BuiltIn(), Notes())


def test_an_error_names_missing_texts(plan: SpeechPlan) -> None:
    with pytest.raises(LocalError, match="--prose: expected a file with lines of prose"):
        make_speech(attrs.evolve(plan, prose=plan.folder), BuiltIn(), Notes())


def test_a_missing_package_is_named(plan: SpeechPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(LocalError, match="pocketsphinx, which cannot be imported: python -m pip install"):
        make_speech(plan, BuiltIn(), Notes())


def test_a_folder_without_the_teachers_voices_is_named_in_one_line(plan: SpeechPlan, tmp_path: Path) -> None:
    default = load_builtin().default
    save_folder(tmp_path / "other", default.model, [default])
    with pytest.raises(LocalError, match=r"expected a folder with Kokoro's af_heart.*found zeli-voice-1"):
        KokoroTeacher.at(tmp_path / "other", "cpu")
    command = [sys.executable, "-m", "zelitrio.training.recipe", "speech"]
    flags = ["--prose", str(plan.prose), "--folder", str(plan.folder), "--teacher", str(tmp_path / "none")]
    done = subprocess.run([*command, *flags], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done.stderr
    assert json.dumps(str(tmp_path / "none"))[1:-1] in done.stderr
