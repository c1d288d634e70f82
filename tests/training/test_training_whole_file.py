from __future__ import annotations

from pathlib import Path

import pytest
from cut_short import cut_short

from zelitrio.training.curves import read_log
from zelitrio.training.loop import LOG
from zelitrio.training.whole_file import whole_file
from zelitrio.training.work_plan import WorkPlan


def test_a_file_is_the_old_one_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file.json"
    with whole_file(path) as partial:
        partial.write_text("old")
        assert not path.exists()
    with pytest.raises(OSError, match="File too large"), cut_short(2), whole_file(path) as partial:
        partial.write_text("newer")
    assert path.read_text() == "old"
    with whole_file(path) as partial:
        partial.write_text("new")
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_keeps_the_old_plan(tmp_path: Path) -> None:
    path = tmp_path / "work" / "plan.json"
    plan = WorkPlan.at(path, "mine", tuned=True)
    with pytest.raises(OSError, match="File too large"), cut_short(10):
        plan.kept(nearest=1, acoustic_steps=150)
    assert WorkPlan.at(path, "mine", tuned=True) == plan
    assert plan.kept(nearest=1) == WorkPlan.at(path, "mine", tuned=True)


def test_an_incomplete_log_line_is_ignored(tmp_path: Path) -> None:
    (tmp_path / LOG).write_bytes(
        b'{"step":1,"mel":0.5}\n{"step":2,"me{"step":2,"mel":0.4}\n{"step":3,"mel":0.3}\n{"st'
    )
    assert [row["step"] for row in read_log(tmp_path)] == [1, 3]
