from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest
from cut_short import cut_short
from tiny_voice import tiny_catalogue

from zelitrio.errors import LocalError
from zelitrio.training.out_folder import CATEGORY, put_voice, refuse_taken
from zelitrio.voices import Voice, load_folder, save_folder


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "out.work"
    folder.mkdir()
    (folder / "plan.json").touch()
    return folder


def voice_called(voice_id: str) -> Voice:
    return attrs.evolve(tiny_catalogue().default, voice_id=voice_id, category=CATEGORY)


def test_a_voice_replaces_an_older_one_of_the_same_work(tmp_path: Path, work: Path) -> None:
    out = tmp_path / "out"
    for voice_id in ("first", "second"):
        refuse_taken(out, work)
        size = put_voice(out, voice_called(voice_id), work)
        assert [voice.voice_id for voice in load_folder(out)] == [voice_id]
        assert (out / "weights.safetensors").stat().st_size == size
    assert {path.name for path in out.iterdir()} == {"voice.json", "weights.safetensors"}
    assert [path.name for path in work.iterdir()] == ["plan.json"]


@pytest.mark.parametrize("at_bytes", [50, 10_000])
def test_a_voice_that_could_not_be_written_leaves_the_older_one(
    tmp_path: Path, work: Path, at_bytes: int
) -> None:
    out = tmp_path / "out"
    with pytest.raises(Exception, match="File too large"), cut_short(at_bytes):
        put_voice(out, voice_called("first"), work)
    assert not out.exists()
    put_voice(out, voice_called("first"), work)
    with pytest.raises(Exception, match="File too large"), cut_short(at_bytes):
        put_voice(out, voice_called("second"), work)
    assert [voice.voice_id for voice in load_folder(out)] == ["first"]


@pytest.mark.parametrize(
    "left", [["voice.json.partial"], ["voice.json"], ["voice.json", "MODEL_CARD.md.partial"]]
)
def test_a_stopped_run_is_continued(tmp_path: Path, work: Path, left: list[str]) -> None:
    out = tmp_path / "out"
    put_voice(out, voice_called("first"), work)
    for name in left:
        (out / name).touch()
    for path in out.iterdir():
        if path.name not in left:
            path.unlink()
    refuse_taken(out, work)


def test_a_folder_not_written_by_train_is_refused_with_and_without_work(tmp_path: Path, work: Path) -> None:
    other, builtin, damaged = (tmp_path / name for name in ("other", "builtin", "damaged"))
    other.mkdir()
    (other / "notes.txt").touch()
    voice = tiny_catalogue().default
    save_folder(builtin, voice.model, [voice])
    put_voice(damaged, voice_called("mine"), work)
    (damaged / "voice.json").write_text(json.dumps(["mine"]))
    for out, found in ((other, "notes.txt"), (builtin, "voice.json"), (damaged, "voice.json")):
        for of_work in (work, tmp_path / "new.work"):
            with pytest.raises(LocalError) as refused:
                refuse_taken(out, of_work)
            assert str(refused.value) == (
                f"{out}: expected a new or empty folder for the voice, or one that zelitrio train wrote, "
                f"found {found} in it"
            )


def test_a_voice_of_other_work_is_refused(tmp_path: Path, work: Path) -> None:
    put_voice(tmp_path / "out", voice_called("mine"), work)
    with pytest.raises(LocalError, match="found a voice of other work"):
        refuse_taken(tmp_path / "out", tmp_path / "new.work")


def test_the_work_folder_may_be_inside_out_but_not_equal_it(tmp_path: Path) -> None:
    out = tmp_path / "out"
    work = out / "kept" / "work"
    work.mkdir(parents=True)
    refuse_taken(out, work)
    (work / "plan.json").touch()
    refuse_taken(out, work)
    put_voice(out, voice_called("mine"), work)
    refuse_taken(out, work)
    with pytest.raises(LocalError, match="found one for both"):
        refuse_taken(out, out)
