"""Usage over time in the vendor's shape."""

import pytest

from zelitrio.accounts import (
    Kind,
    StatisticsQuery,
    UsageRow,
    character_statistics,
)
from zelitrio.accounts.records import Place, Usage
from zelitrio.errors import RemoteError

DAY_MS = 86_400_000
THURSDAY = 1_795_651_200_000  # 2026-11-26 00:00 UTC
ROWS = (
    UsageRow(Place("app", "2026-11-26", "v", Kind.HTTP), Usage(characters=10, audio_ms=60_000, requests=2)),
    UsageRow(Place("app", "2026-11-26", "w", Kind.SOCKET), Usage(characters=5, requests=1)),
    UsageRow(Place("app", "2026-12-01", "v", Kind.HTTP), Usage(characters=1, requests=1)),
)


def ask(**more: str) -> dict[str, object]:
    query = StatisticsQuery(start_ms=THURSDAY, end_ms=THURSDAY + 6 * DAY_MS - 1, **more)
    assert query.days == ("2026-11-26", "2026-12-01")
    return character_statistics(query, ROWS)


def test_each_day_has_its_place_on_the_axis() -> None:
    assert ask() == {
        "time": [THURSDAY + day * DAY_MS for day in range(6)],
        "usage": {"All": [15.0, 0.0, 0.0, 0.0, 0.0, 1.0]},
    }


def test_without_usage_the_axis_is_there_with_zeros() -> None:
    query = StatisticsQuery(start_ms=THURSDAY, end_ms=THURSDAY)
    assert character_statistics(query, ()) == {"time": [THURSDAY], "usage": {"All": [0.0]}}


@pytest.mark.parametrize(
    ("more", "usage"),
    [
        ({"breakdown": "voice"}, {"v": [10.0, 0, 0, 0, 0, 1.0], "w": [5.0, 0, 0, 0, 0, 0]}),
        ({"breakdown": "request_source"}, {"http": [10.0, 0, 0, 0, 0, 1.0], "socket": [5.0, 0, 0, 0, 0, 0]}),
        ({"metric": "minutes_used"}, {"All": [1.0, 0, 0, 0, 0, 0]}),
        ({"metric": "request_count"}, {"All": [3.0, 0, 0, 0, 0, 1.0]}),
        ({"interval": "cumulative"}, {"All": [16.0]}),
        ({"interval": "month"}, {"All": [15.0, 1.0]}),
        ({"interval": "week"}, {"All": [15.0, 1.0]}),
    ],
)
def test_breakdown_metric_and_interval(more: dict[str, str], usage: dict[str, list[float]]) -> None:
    assert ask(**more)["usage"] == usage


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"breakdown": "region"}, "breakdown_type"),
        ({"interval": "hour"}, "aggregation_interval"),
        ({"metric": "ttfb_avg"}, "metric"),
    ],
)
def test_an_error_names_an_unknown_parameter(more: dict[str, str], param: str) -> None:
    with pytest.raises(RemoteError, match=f"{param}: expected one of") as caught:
        ask(**more)
    assert caught.value.param == param


@pytest.mark.parametrize(("start", "end"), [(5, 4), (-1, 5), (0, 10**18), (0, 4000 * DAY_MS)])
def test_an_invalid_time_range_is_refused(start: int, end: int) -> None:
    with pytest.raises(RemoteError, match="unix"):
        StatisticsQuery(start_ms=start, end_ms=end)
