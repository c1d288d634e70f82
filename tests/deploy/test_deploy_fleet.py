"""Real servers under the rendered HAProxy file: restarted and killed while listeners play."""

from __future__ import annotations

import pytest
import trio

from bench.fleet import Outcome, Plan, run_fleet

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(300)]
PLAN = Plan(servers=3, listeners=18, steady_seconds=10.0, seconds=20.0, kill_seconds=6.0)


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    return trio.run(run_fleet, PLAN)


def test_the_load_spreads_within_a_fifth_of_even(outcome: Outcome) -> None:
    even = 1 / PLAN.servers
    assert all(0.8 * even <= share <= 1.2 * even for share in outcome.steady_shares), outcome.steady_shares


def test_without_trouble_every_utterance_is_whole_at_the_first_try(outcome: Outcome) -> None:
    steady = outcome.steady
    assert steady.whole >= PLAN.listeners
    assert not (steady.cut or steady.asked_again or steady.reconnects or steady.refused)


def test_a_restart_cuts_no_utterance_and_sends_clients_away_with_1012_only(outcome: Outcome) -> None:
    restarts = outcome.restarts
    assert restarts.whole >= PLAN.listeners
    assert not restarts.cut
    assert set(restarts.reconnects) == {"1012"}
    assert not restarts.refused


def test_a_killed_server_harms_its_own_streams_only_and_new_ones_go_elsewhere(outcome: Outcome) -> None:
    kill = outcome.kill
    assert kill.whole >= PLAN.listeners
    assert set(kill.cut) | set(kill.reconnects) == {"1006"}
    assert 1 <= kill.reconnects.total() <= outcome.killed_sockets
    assert not kill.refused
    assert len(kill.back_s) == kill.reconnects.total()  # each listener is back on another server
