"""The report of `zelitrio bench`: one page without other files, for one run or several side by side."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from zelitrio.bench_report import Run, read_run, report_html

VOID = {"meta", "br"}
LOADS = {"concurrency": "streams", "open-loop": "arrivals_per_s", "listeners": "listeners"}


class Checked(HTMLParser):
    """Checks that tags close in order, and keeps texts, tags and attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def some(value: float) -> dict[str, Any]:
    return {"n": 3, "mean": value, "p50": value, "p90": value, "p95": 2 * value, "p99": 3 * value}


def point(bench: str, server: str, load: float, value: float, **more: Any) -> dict[str, Any]:
    return {
        "what": "point", "bench": bench, "server": server, "url": "ws://127.0.0.1:1", "protocol": "openai",
        "point": {LOADS.get(bench, "streams"): load}, "first_ms": some(value), "audible_ms": some(value + 5),
        "n": 3, "underruns": 0, "failed": 0, "failures": {}, "audio_s_per_s": 9.0, "real_time_factor": 0.1,
        "client": {"is_limit": False, "why": ""}, "machine": {"cores": 2}, "at": "2026-11-27", "seed": 7,
        **more,
    }  # fmt: skip


def utterance(bench: str, server: str, at_s: float, value: float | None) -> dict[str, Any]:
    return {"what": "utterance", "bench": bench, "server": server, "at_s": at_s, "audible_ms": value}


def a_run(name: str = "run", server: str = "zeli", value: float = 10.0) -> Run:
    lines = [point("first-audio", server, 1, value)]
    lines += [utterance("first-audio", server, at, value + at) for at in range(300)]
    for bench in LOADS:
        lines += [point(bench, server, load, value * load) for load in (1, 4, 16)]
        lines += [utterance(bench, server, 0.5, value), utterance(bench, server, 0.7, None)]
    lines += [
        {"what": "knee", "bench": "open-loop", "server": server, "arrivals_per_s": 12, "limit_ms": 75},
        {"what": "most", "bench": "listeners", "server": server, "listeners": 160},
    ]
    return Run(name, tuple(lines))


def test_the_page_shows_each_bench_with_plots_table_and_conditions():
    page = report_html([a_run()])
    checked = Checked(page)
    assert checked.tags.count("h2") == 5  # four benches and the conditions
    assert checked.tags.count("svg") == 2 + 3 + 3 + 4
    assert "zeli: the knee is at 12 arrivals a second (limit 75 ms)." in checked.texts
    assert "zeli: 160 listeners without an underrun." in checked.texts
    assert "15.0 ms" in checked.texts and "cores 2" in checked.texts


def test_the_page_needs_no_other_file():
    page = report_html([a_run()])
    checked = Checked(page)
    assert not {"script", "link", "img", "iframe", "object"} & set(checked.tags)
    assert not {name for name, _ in checked.attributes} & {"src", "href", "style"}
    assert "default-src 'none'" in page and "url(" not in page and "@import" not in page


def test_two_runs_stand_side_by_side_with_their_ratio():
    checked = Checked(report_html([a_run("A", value=10), a_run("B", value=25)]))
    assert {"A: zeli", "B: zeli"} <= set(checked.texts)
    assert checked.texts.index("A: zeli") < checked.texts.index("B: zeli")
    assert "1.00 times" in checked.texts and "2.00 times" in checked.texts  # 15 and 30 ms


def test_two_servers_of_one_run_are_compared_too():
    lines = (*a_run(server="zeli").lines, *a_run(server="other", value=25).lines)
    checked = Checked(report_html([Run("both", lines)]))
    assert "2.00 times" in checked.texts and "other: the knee is at 12" in "".join(checked.texts)


def test_a_run_without_success_is_reported():
    none = {"n": 0}
    failed = point(
        "first-audio", "dead", 1, 1, n=0, failed=3, failures={"refused": 3}, first_ms=none, audible_ms=none
    )
    checked = Checked(report_html([Run("dead", (failed,))]))
    assert "dead: at 1: 3 failed (refused)." in checked.texts
    assert "svg" not in checked.tags


def test_names_are_text_and_never_markup():
    page = report_html([a_run(server="<script>alert(1)</script>&\"'")])
    assert "<script" not in page
    Checked(page)


@pytest.mark.parametrize("value", [0.0, 1e-6, 1.0, 123456.0])
def test_every_plotted_place_is_within_its_picture(value: float):
    page = report_html([a_run(value=value)])
    places = re.findall(r'c[xy]="([^"]+)"', page)
    assert places and all(0 <= float(place) <= 460 for place in places)
    assert "nan" not in page and "inf" not in page


def test_the_command_writes_the_page_of_two_files(tmp_path: Path):
    for name in ("A", "B"):
        lines = [json.dumps(line) for line in a_run(name).lines if line["what"] == "point"]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines), "utf-8")
    zelitrio = Path(sys.executable).parent / "zelitrio"
    command = [str(zelitrio), "bench", "--compare", "A.jsonl", "B.jsonl", "--html", "both.html"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    page = (tmp_path / "both.html").read_text("utf-8")
    assert page == report_html([read_run(tmp_path / "A.jsonl"), read_run(tmp_path / "B.jsonl")])
