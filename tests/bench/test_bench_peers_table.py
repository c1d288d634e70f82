"""The table beside other servers is made from the stored lines and replaces the old one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from bench import peers_table


def line(server: str, streams: int, p50: float | None, at: str = "2", **failures: int) -> dict[str, Any]:
    return {
        "server": server,
        "streams": streams,
        "audible_ms": {"n": 0} if p50 is None else {"n": 1, "p50": p50, "p95": 2 * p50},
        "audio_s_per_s": 9.5,
        "failures": failures,
        "heard": 7,
        "at": at,
        "busy": 1.5,
        "commit": "abc",
        "versions": {"piper-tts": "1.8.0"},
    }


RUN = [
    line("zelitrio, built-in voice", 1, 18.2),
    line("zelitrio, built-in voice", 1, 19.8),
    line("zelitrio, built-in voice", 4, 40.0),
    line("wyoming-piper", 1, 1234.5),
    line("wyoming-piper", 4, None, system_busy=3),
]


def test_a_row_has_the_median_of_the_rounds_and_their_spread() -> None:
    assert peers_table.table(RUN)[2:] == [
        "| zelitrio, built-in voice | 19 (18 to 20) | 40 | 80 | 9.5 | 0 |",
        "| wyoming-piper | 1,234 | - | - | 9.5 | 3 of 10 |",
    ]


def test_only_the_last_run_of_a_file_counts(tmp_path: Path) -> None:
    file = tmp_path / "peers.jsonl"
    file.write_bytes(b"\n".join(orjson.dumps(one) for one in [line("old", 1, 1.0, at="1"), *RUN]))
    assert peers_table.last_run(file) == RUN


@pytest.mark.parametrize(
    ("name", "beginning", "rows"),
    [
        ("README.md", peers_table.ROW, [peers_table.readme_row(RUN)]),
        ("bench/README.md", peers_table.HEAD, peers_table.table(RUN)),
        ("bench/README.md", peers_table.RUN, [f"{peers_table.RUN}{peers_table.conditions(RUN)}."]),
    ],
)
def test_the_places_of_the_run_are_found_in_the_readmes(
    name: str, beginning: str, rows: list[str], tmp_path: Path
) -> None:
    original = (peers_table.REPOSITORY / name).read_text()
    file = tmp_path / "README.md"
    file.write_text(original)
    for _ in range(2):
        peers_table.replace(file, beginning, rows)
        written = file.read_text()
        assert "\n".join(rows) in written
        assert written.partition(beginning)[0] == original.partition(beginning)[0]
        rest = written.partition(rows[-1])[2]
        assert original.endswith(rest)
        assert len(rest) > 1000
