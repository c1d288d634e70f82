"""The folder of voices: ids that are taken, damaged folders, a full disk, and mixes."""

from __future__ import annotations

import errno
from pathlib import Path
from types import SimpleNamespace

import pytest
from test_voices_public import kokoro_folder

from zelitrio.cli.app import run
from zelitrio.errors import VoiceError
from zelitrio.voices import check_room


def test_a_voice_of_an_id_that_is_taken_is_refused(
    good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add = ["voices", "add", str(good), "--into", str(tmp_path / "home")]
    assert run(add) == 0
    assert run(add) == 2
    assert "remove it first: zelitrio voices remove en_US-tiny-medium" in capsys.readouterr().err
    # The same voice in a folder of another name would keep a server from starting.
    (tmp_path / "home" / "en_US-tiny-medium").rename(tmp_path / "home" / "other")
    assert run(add) == 2
    assert "voice 'en_US-tiny-medium': expected a new id, found one in" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["other"]


def test_an_error_names_both_folders_of_one_voice(
    good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags: list[str] = []
    for name in ("one", "two"):
        assert run(["voices", "add", str(good), "--into", str(tmp_path / name)]) == 0
        flags += ["--voices", str(tmp_path / name)]
    capsys.readouterr()
    assert run(["voices", "list", *flags]) == 2
    line = capsys.readouterr().err
    assert all(str(tmp_path / name / "en_US-tiny-medium") in line for name in ("one", "two"))


def test_a_damaged_folder_is_named_and_can_be_removed(
    good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    assert run(["voices", "add", str(good), "--into", str(home)]) == 0
    (home / "en_US-tiny-medium" / "voice.json").write_text("{")
    capsys.readouterr()
    assert run(["voices", "list", "--voices", str(home)]) == 1
    assert "voice.json: is damaged" in capsys.readouterr().err
    assert run(["voices", "show", "en_US-tiny-medium", "--into", str(home)]) == 0
    assert "damaged, 0 voices" in capsys.readouterr().out
    assert run(["voices", "remove", "en_US-tiny-medium", "--into", str(home)]) == 0
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("where", ["weights", "description", "card"])
def test_a_full_disk_is_one_line_and_leaves_nothing(
    where: str,
    good: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")

    def fail(*_: object, **__: object) -> None:
        raise full

    target = {
        "weights": "zelitrio.voices.weights.save_file",
        "description": "zelitrio.voices.public_folder.json.dumps",
        "card": "zelitrio.voices.convert_piper.write_card",
    }[where]
    monkeypatch.setattr(target, fail)
    home = tmp_path / "home"
    assert run(["voices", "add", str(good), "--into", str(home)]) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(f"zelitrio: {home}") and "No space left on device" in line, line
    assert list(home.glob("*")) == list(home.glob(".*")) == []


def test_a_disk_without_room_is_reported_before_anything_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_room(tmp_path / "new" / "home", 1)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=50_000_000))
    with pytest.raises(VoiceError, match=r"the disk is full: expected 342 MB free, found 50 MB"):
        check_room(tmp_path / "new" / "home", 325_000_000)


def test_a_place_that_cannot_hold_voices_is_named(
    good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert run(["voices", "add", str(good), "--into", str(file)]) == 2
    assert f"{file}: expected a folder, found a file" in capsys.readouterr().err
    assert run(["voices", "add", str(good), "--into", str(file / "below")]) in (1, 2)
    (_, line) = ["", *capsys.readouterr().err.splitlines()]
    assert str(file) in line and "internal error" not in line


def test_a_mix_is_written_whole_or_not_at_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = kokoro_folder(tmp_path)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("zelitrio.voices.weights.save_file", fail)
    assert run(["voices", "mix", "both", "af_one+af_two", "--into", str(tmp_path)]) == 1
    assert "styles.safetensors: cannot be written" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
