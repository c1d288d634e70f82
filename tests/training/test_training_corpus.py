from __future__ import annotations

from pathlib import Path

import pytest

from zelitrio.errors import LocalError
from zelitrio.training import read_recordings
from zelitrio.training.corpus import Recording
from zelitrio.training.recipe.speakers import find_speakers


def test_metadata_is_read_in_both_layouts(tmp_path: Path) -> None:
    (tmp_path / "a.flac").touch()
    (tmp_path / "b.wav").touch()
    (tmp_path / "metadata.csv").write_text("a.flac|Hello there.\n\nb|It was 3.|It was three.\n")
    assert [(r.path.name, r.text) for r in read_recordings(tmp_path)] == [
        ("a.flac", "Hello there."),
        ("b.wav", "It was three."),
    ]


@pytest.mark.parametrize("line", ["a.flac", "a.flac|", "missing.flac|Hello."])
def test_a_bad_line_is_named_with_its_number(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.flac").touch()
    (tmp_path / "metadata.csv").write_text(f"a.flac|Fine.\n{line}\n")
    with pytest.raises(LocalError, match=r"metadata\.csv:2"):
        read_recordings(tmp_path)


def test_known_speakers_come_first_in_a_fixed_order(tmp_path: Path) -> None:
    for name in ("zoe", "bdl", "kathleen"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "metadata.csv").touch()
    assert [speaker.name for speaker in find_speakers(tmp_path)] == ["kathleen", "bdl", "zoe"]


def test_an_empty_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match=r"metadata\.csv"):
        find_speakers(tmp_path)


def test_all_takes_of_a_prompt_are_held_out_together() -> None:
    prompts = [f"arctic_a{number:04d}" for number in range(500)]
    for prompt in prompts:
        plain = Recording(Path(f"bdl/{prompt}.opus"), "x").held_out
        assert plain == Recording(Path(f"kathleen/{prompt}_159.flac"), "x").held_out
    share = sum(Recording(Path(prompt), "x").held_out for prompt in prompts) / len(prompts)
    assert 0.01 < share < 0.06
