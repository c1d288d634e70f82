from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from tiny_voice import tiny_catalogue

from bench.voice import systems
from bench.voice.judged import Row
from bench.voice.measure import has_recordings, means
from bench.voice.page import write_page

AROUND = {"commit": "abc", "processor": "a processor", "cores": 2, "busy": 0.5}


def test_a_reference_that_is_not_installed_is_named_with_the_way_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(systems.shutil, "which", lambda name: None)
    monkeypatch.setattr(systems, "find_library", lambda: None)
    found, left_out = systems.open_references()
    assert not found
    assert any("flite" in line and "apt-get install flite" in line for line in left_out)
    assert any("espeak-ng" in line and "[espeak]" in line for line in left_out)


def test_the_page_holds_every_figure_and_says_what_was_left_out(tmp_path: Path) -> None:
    jumps = {
        f"{kind}_{name}{tail}": 1.25
        for kind in ("level_db", "shape_db", "pitch_st")
        for name in ("join", "inside", "uncut")
        for tail in ("", "_p95")
    }
    above = {
        f"{kind}_{name}_above_pct": share
        for kind in ("level_db", "shape_db", "pitch_st")
        for name, share in (("join", 7), ("uncut", 6))
    }
    rows: list[Row] = [
        {"system": "v", "list": "names", "sentences": 3, "words": 20, "wer_pocketsphinx": 12.5},
        {"system": "v", "list": "held out", "sentences": 3, "words": 20, "mcd_db": 4.75},
        {
            "system": "v",
            "list": "seams",
            "joins": 9,
            "sharp_at_joins": 2,
            "sharp_uncut": 3,
            "length_cut_to_uncut": 1.01,
            **jumps,
            **above,
        },
        {"system": "v", "list": "questions", "question_end_st": 3.25},
        {"system": "v", "list": "series", "item_end_st": 0.75},
        {"system": "v", "list": "speed", "rtf_1_thread": 0.021, "rtf_2_thread": 0.013},
    ]
    write_page(tmp_path, rows, [tmp_path / "v-1.png"], AROUND, ["flite: left out, not found"])
    page = (tmp_path / "README.md").read_text()
    for figure in ("12.5", "4.75", "1.25 (1.25)", "7 % and 6 %", "3.25", "0.75", "0.021", "0.013"):
        assert f" {figure} |" in page
    assert "![v-1](v-1.png)" in page
    assert "flite: left out" in page


def test_lengths_that_cancel_out_are_still_an_error() -> None:
    row = means([{"length_ln": 0.1, "mcd_db": 4.0}, {"length_ln": -0.1, "mcd_db": 6.0}])
    assert row["mcd_db"] == 5.0
    assert row["length_error_pct"] == pytest.approx(10.0, abs=0.1)
    assert row["length_bias_pct"] == pytest.approx(0.5, abs=0.1)


def test_a_voice_is_compared_with_recordings_of_its_own_speaker_alone(tmp_path: Path) -> None:
    (tmp_path / "ann").mkdir()
    (tmp_path / "ann" / "metadata.csv").touch()
    voice = tiny_catalogue().default
    assert has_recordings(tmp_path, attrs.evolve(voice, labels={"speaker": "ann"}))
    assert not has_recordings(tmp_path, attrs.evolve(voice, labels={"speaker": "bob"}))
    assert not has_recordings(tmp_path, attrs.evolve(voice, labels={}))
