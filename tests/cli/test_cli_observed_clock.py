"""Time limits do not count the time in which the process was suspended."""

from __future__ import annotations

import math

import pytest

from zelitrio.cli import observed_clock
from zelitrio.cli.observed_clock import BEAT_S, STOPPED_S, ObservedClock


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The system's clock; its only item is the time."""
    now = [1000.0]
    monkeypatch.setattr(observed_clock.time, "perf_counter", lambda: now[0])
    return now


def test_a_sleep_and_a_busy_loop_count(system: list[float]) -> None:
    clock = ObservedClock()
    clock.start_clock()
    begin = clock.current_time()
    for _ in range(100):
        system[0] += clock.deadline_to_sleep_time(math.inf)
        clock.current_time()
        system[0] += 0.9 * STOPPED_S
        clock.current_time()
    assert clock.current_time() - begin == pytest.approx(100 * (BEAT_S + 0.9 * STOPPED_S))


@pytest.mark.parametrize("stopped_s", [4.0, 25.0, 3600.0])
@pytest.mark.parametrize("is_asleep", [False, True])
def test_a_stop_does_not_count(system: list[float], stopped_s: float, is_asleep: bool) -> None:
    clock = ObservedClock()
    clock.start_clock()
    begin = clock.current_time()
    if is_asleep:
        clock.deadline_to_sleep_time(begin + 20)
    system[0] += stopped_s
    assert clock.current_time() - begin <= BEAT_S
    system[0] += 1.0
    assert clock.current_time() - begin == pytest.approx(1.0 + is_asleep * BEAT_S)


def test_a_deadline_is_not_slept_past(system: list[float]) -> None:
    clock = ObservedClock()
    clock.start_clock()
    assert clock.deadline_to_sleep_time(clock.current_time() + 0.25) == pytest.approx(0.25)
    assert clock.deadline_to_sleep_time(clock.current_time() - 1) == 0.0
