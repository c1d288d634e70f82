"""Usage that is not stored yet is counted exactly once, also after disk errors."""

from hypothesis import given
from hypothesis import strategies as st

from zelitrio.accounts import (
    Kind,
    Period,
)
from zelitrio.accounts.ledger import MAX_PLACES, OVERFLOW_VOICE, Ledger, Totals
from zelitrio.accounts.records import Place, Usage, UsageRow, first_day_of, next_reset_s

DAY = "2026-11-26"


def a_place(key: str = "app", day: str = DAY, voice: str = "v") -> Place:
    return Place(key, day, voice, Kind.HTTP)


@given(st.lists(st.sampled_from(["use", "take", "stored", "failed"]), max_size=60))
def test_used_is_exact_at_every_moment(steps: list[str]) -> None:
    ledger, disk, used, taken = Ledger(), 0, 0, None
    for step in steps:
        if step == "use":
            ledger.add(a_place(), Usage(characters=3))
            used += 3
        elif step == "take" and taken is None:
            taken = ledger.take()
        elif step == "stored" and taken is not None:
            disk += sum(row.usage.characters for row in taken)
            ledger.settle(Totals(DAY, {period: {"app": disk} for period in Period}))
            taken = None
        elif step == "failed" and taken is not None:
            ledger.put_back()
            taken = None
        assert ledger.used("app", Period.DAY, DAY) == used
        assert ledger.used("app", Period.MONTH, DAY) == used
    if taken is not None:
        ledger.put_back()
    assert disk + sum(row.usage.characters for row in ledger.take()) == used


def test_a_new_day_begins_at_0_and_the_month_continues() -> None:
    ledger = Ledger()
    ledger.settle(Totals("2026-11-25", {Period.DAY: {"app": 5}, Period.MONTH: {"app": 50}}))
    ledger.add(a_place(day="2026-11-26"), Usage(characters=2))
    assert ledger.used("app", Period.DAY, "2026-11-26") == 2
    assert ledger.used("app", Period.MONTH, "2026-11-26") == 52
    assert ledger.used("app", Period.MONTH, "2026-12-01") == 0


def test_one_key_does_not_count_for_another() -> None:
    ledger = Ledger()
    ledger.add(a_place("a"), Usage(characters=2))
    assert ledger.used("b", Period.DAY, DAY) == 0


def test_memory_is_bounded_during_disk_errors_and_no_character_is_lost() -> None:
    ledger = Ledger()
    for number in range(MAX_PLACES + 500):
        ledger.add(a_place(voice=f"voice-{number}"), Usage(characters=1))
    rows = ledger.take()
    assert len(rows) == MAX_PLACES + 1
    assert sum(row.usage.characters for row in rows) == MAX_PLACES + 500
    assert rows[-1].place.voice == OVERFLOW_VOICE
    ledger.put_back()
    assert ledger.used("app", Period.DAY, DAY) == MAX_PLACES + 500


def test_periods_begin_in_utc() -> None:
    noon = 1_795_694_400.0  # 2026-11-26 12:00 UTC
    assert next_reset_s(Period.DAY, noon) == noon + 12 * 3600
    assert next_reset_s(Period.MONTH, noon) == noon + (4 * 24 + 12) * 3600
    assert first_day_of(Period.MONTH, DAY) == "2026-11-01"
    december = noon + 20 * 86_400
    assert next_reset_s(Period.MONTH, december) == 1_798_761_600.0  # 2027-01-01


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(20, 30), st.integers(0, 9)), max_size=20))
def test_totals_grow_by_what_was_stored_in_their_period(uses: list[tuple[str, int, int]]) -> None:
    rows = [
        UsageRow(a_place(key, f"2026-11-{day}"), Usage(characters=characters))
        for key, day, characters in uses
    ]
    day = "2026-11-25"
    totals = Totals(day, {period: {"a": 100} for period in Period}).plus(rows)
    for period in Period:
        for key in ("a", "b"):
            inside = [
                row for row in rows if row.place.key == key and row.place.day >= first_day_of(period, day)
            ]
            expected = sum(row.usage.characters for row in inside) + (100 if key == "a" else 0)
            assert totals.characters[period].get(key, 0) == expected
