"""Real servers under the rendered HAProxy file: restarted and killed while listeners play."""

import pytest
import trio

from bench.fleet import run_fleet
from bench.report import Report

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(400)]


def test_a_restart_cuts_no_utterance_and_a_kill_harms_only_the_killed_server() -> None:
    report = Report(bench="fleet", seed=7, settings={})
    tallies = trio.run(run_fleet, 2, 6, 24.0, 9.0, 7, report, ("--state-dir", "none"))
    restarts, kill = tallies["restarts"], tallies["kill"]
    assert restarts.whole > 6 and not restarts.cut
    assert set(restarts.reconnects) <= {"1012"} and restarts.reconnects
    assert kill.whole > 0
    # The listeners of the killed server, at most half of all and one more, were cut and went elsewhere.
    assert sum(kill.cut.values()) <= 4
    assert set(kill.cut) | set(kill.reconnects) <= {"1006", "connection_closed", "connection_failed"}
