"""`zelitrio bench --compare`: files that are no results are named, whatever is in them; others are shown."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from bad_servers import answer, bad_server, http

from zelitrio.bench_report import read_run
from zelitrio.bench_report.runs import _KEYS
from zelitrio.cli.app import run
from zelitrio.errors import LocalError


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The lines of a run against a real small server."""
    out = tmp_path_factory.mktemp("run") / "a.jsonl"
    with bad_server(answer(http("200 OK", bytes(range(1, 200)) * 2))) as port:
        command = ["bench", "first-audio", "--url", f"http://127.0.0.1:{port}", "--protocol", "openai"]
        assert run([*command, "--count", "2", "--out", str(out)]) == 0
    return [json.loads(line) for line in out.read_text().splitlines()]


def refusal(tmp_path: Path, capfd: pytest.CaptureFixture[str], *contents: bytes) -> str:
    """The one line that refuses to compare these files."""
    files = [tmp_path / f"{number}.jsonl" for number in range(len(contents))]
    for file, content in zip(files, contents, strict=True):
        file.write_bytes(content)
    page = tmp_path / "page.html"
    assert run(["bench", "--compare", *map(str, files), "--html", str(page)]) == 2
    err = capfd.readouterr().err
    assert err.count("\n") == 1
    assert not page.exists()
    return err


def as_file(lines: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"\xff\xfe",
        b"{",
        b"[" * 100_000,
        b"null",
        b'{"what": 1}',
        b'{"what": "point"}',
        b'{"what": "point", "n": NaN}',
        b'{"what": "knee"}',
        bytes(1000),
    ],
)
def test_a_file_of_something_else_is_named_beside_a_good_one(
    content: bytes, lines: list[dict[str, Any]], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    capfd.readouterr()
    assert "1.jsonl" in refusal(tmp_path, capfd, as_file(lines), content)


@pytest.mark.parametrize("kind", _KEYS)
def test_a_line_without_a_key_or_with_another_type_is_refused(kind: str, tmp_path: Path) -> None:
    good = {key: _value(wanted) for key, wanted in _KEYS[kind].items()}
    point = {"what": "point", **{key: _value(wanted) for key, wanted in _KEYS["point"].items()}}
    file = tmp_path / "a.jsonl"
    file.write_bytes(as_file([point, {"what": kind, **good}]))
    read_run(file)
    for key in good:
        for wrong in (None, [], "1" if not isinstance(good[key], str) else 1, True):
            file.write_bytes(as_file([point, {"what": kind, **good, key: wrong}]))
            with pytest.raises(LocalError, match=f"line 2.*{key}"):
                read_run(file)


def _value(wanted: Any) -> Any:
    if wanted is dict:
        return {"n": 1}
    return "x" if wanted is str else 1


def test_lines_with_any_value_replaced_are_shown_or_refused(
    lines: list[dict[str, Any]], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(7)
    values: list[Any] = [
        None,
        True,
        -1,
        1e308,
        1e-308,
        "",
        "x",
        "<b>",
        [],
        [1],
        {},
        {"p50": None},
        {"n": "x"},
    ]
    for _ in range(150):
        changed = json.loads(json.dumps(lines))
        for _ in range(chance.choice((1, 1, 3))):
            place = chance.choice(changed)
            while isinstance(inner := place[key := chance.choice(list(place))], dict) and inner:
                if chance.random() < 0.3:
                    break
                place = inner
            place[key] = chance.choice(values)
        file = tmp_path / "a.jsonl"
        file.write_bytes(as_file(changed))
        code = run(["bench", "--compare", str(file), str(file), "--html", str(tmp_path / "page.html")])
        err = capfd.readouterr().err
        assert code in (0, 2), (changed, err)
        assert "internal error" not in err


def test_one_file_shows_its_servers_side_by_side(
    lines: list[dict[str, Any]], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(as_file([*lines, *({**line, "server": "another"} for line in lines)]))
    page = tmp_path / "page.html"
    assert run(["bench", "--compare", str(file), "--html", str(page)]) == 0
    assert "another" in page.read_text()
    assert "another" in capfd.readouterr().err


def test_files_that_cannot_be_read_are_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for place in (tmp_path, tmp_path / "none.jsonl"):
        assert run(["bench", "--compare", str(place), str(place)]) == 2
        assert str(place) in capfd.readouterr().err
