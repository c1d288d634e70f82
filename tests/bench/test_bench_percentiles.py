from __future__ import annotations

import pytest

from zelitrio.bench_client import milliseconds, summary


def test_percentiles_of_a_hundred_values() -> None:
    figures = summary([float(value) for value in range(101)])
    assert (figures["p50"], figures["p90"], figures["p95"], figures["p99"]) == (50, 90, 95, 99)
    assert (figures["n"], figures["mean"], figures["min"], figures["max"]) == (101, 50, 0, 100)


def test_the_spread_is_small_for_a_steady_run_and_shows_one_that_grew_slower() -> None:
    steady = [1.0, 1.2] * 50
    assert summary(steady)["spread"] == [1.1, 1.1]
    assert summary([1.0] * 80 + [3.0] * 20)["spread"] == [1.0, 3.0]


def test_fewer_values_than_parts_are_no_trouble() -> None:
    assert summary([2.0])["spread"] == [2.0, 2.0]
    assert summary([]) == {"n": 0}


def test_seconds_become_milliseconds() -> None:
    assert milliseconds([0.0015])["p50"] == pytest.approx(1.5)
