"""The planner of retention: what has expired, and what stands in the way; against a plain model."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kpi.core.errors import InputError
from kpi.core.periods import month_of
from kpi.core.settings import Settings
from kpi.figures import backfills
from kpi.figures.dropped_days import ranges, without_dropped
from kpi.upkeep.partitions.layouts import Content, TableLayout
from kpi.upkeep.partitions.monthly import to_days
from kpi.upkeep.partitions.planner import Partition
from kpi.upkeep.retention.guards import (
    Evidence,
    Hold,
    RolledUp,
    held,
    history_bound,
    ledger_bound,
    not_rolled_up,
)
from kpi.upkeep.retention.limits import Limits, limits
from kpi.upkeep.retention.planner import MonthRows, planned
from kpi.upkeep.retention.reading import of_layout
from kpi.upkeep.retention.removal import slices_of
from kpi.upkeep.retention.undo import RetentionError, require_undo_name, undo_name
from kpi.vocabulary import FACT_TABLES
from pydantic import ValidationError

TODAY = date(2026, 6, 5)
FEBRUARY = date(2026, 2, 1)
MONTHS = [date(2024 + number // 12, number % 12 + 1, 1) for number in range(30)]


def settings(**changes: int) -> Settings:
    return Settings(**changes)  # type: ignore[arg-type]


# -- what has expired


@pytest.mark.parametrize(
    ("today", "expired"),
    [
        ("2026-05-29", ()),  # 28 February is 90 days old: kept at least 90
        ("2026-05-30", ("D",)),
        ("2027-03-01", ("D",)),
        ("2027-04-01", ("D", "R")),
        ("2029-02-28", ("D", "R")),
        ("2029-03-01", ("D", "W", "R")),
        ("2036-03-01", ("D", "W", "M", "R")),
    ],
)
def test_a_month_expires_as_a_whole(today: str, expired: tuple[str, ...]) -> None:
    # W is kept for 36 months before this one, M for 120, R for 13.
    found = limits(date.fromisoformat(today), settings()).expired(FEBRUARY)
    assert set(found) == set(expired)


@given(st.dates(date(2024, 1, 1), date(2040, 1, 1)), st.integers(90, 400))
def test_no_day_goes_before_its_time(today: date, days: int) -> None:
    bounds = limits(today, settings(retention_days_d=days))
    for month in MONTHS:
        whole = month_of(month)
        gone = "D" in bounds.expired(month)
        assert gone == all(
            (today - day).days > days
            for day in (
                whole.first + timedelta(days=n) for n in range((whole.last - whole.first).days + 1)
            )
        )


@pytest.mark.parametrize("name", ["w", "m", "history"])
def test_what_days_are_rolled_up_into_outlives_them(name: str) -> None:
    with pytest.raises(ValidationError, match=r"KPI_RETENTION_DAYS_D=400"):
        settings(retention_days_d=400, **{f"retention_months_{name}": 12})
    with pytest.raises(ValidationError, match="greater than or equal to 90"):
        settings(retention_days_d=89)


# -- the planner

month_rows = st.builds(
    MonthRows,
    table=st.sampled_from(list(FACT_TABLES)),
    month=st.sampled_from(MONTHS),
    rows=st.dictionaries(st.sampled_from("DWMR"), st.integers(0, 9)),
    partition=st.sampled_from(["p1", "p2"]),
    alone=st.booleans(),
    first=st.booleans(),
    last=st.booleans(),
)


@given(
    st.lists(month_rows, max_size=30, unique_by=lambda one: (one.table, one.month)),
    st.sets(st.sampled_from(MONTHS)),
    st.sets(st.sampled_from(MONTHS)),
    st.integers(1, 6),
)
def test_the_plan_is_that_of_a_plain_model(
    months: list[MonthRows], held_months: set[date], incomplete: set[date], most: int
) -> None:
    bounds = limits(
        TODAY, settings(retention_months_w=8, retention_months_m=12, retention_months_r=4)
    )
    found = planned(
        months,
        bounds,
        dict.fromkeys(held_months, "held"),
        dict.fromkeys(incomplete, "incomplete"),
        most,
    )
    removing = [one for one in found if one.action in ("rewrite", "empty")]
    may = [
        one
        for one in sorted(months, key=lambda one: (one.month, one.table))
        if allowed(one, bounds, held_months, incomplete)
    ]
    assert [(one.table, one.month) for one in removing] == [
        (one.table, one.month) for one in may[:most]
    ]
    by_key = {(one.table, one.month): one for one in months}
    for one in removing:
        there = by_key[one.table, one.month]
        gone = {p for p in there.rows if p in bounds.expired(one.month) and there.rows[p]}
        assert set(one.periods) == gone
        assert one.removed == sum(there.rows[p] for p in gone) > 0
        assert one.removed + one.kept == sum(there.rows.values())
        assert (one.action == "empty") == (one.kept == 0)
    for one in found:
        assert (one.action == "keep") == bool(one.reason)
        if one.action == "drop partition":
            there = by_key[one.table, one.month]
            assert (there.first, there.last, sum(there.rows.values())) == (True, False, 0)


def allowed(one: MonthRows, bounds: Limits, held_months: set[date], incomplete: set[date]) -> bool:
    gone = {period for period in bounds.expired(one.month) if one.rows.get(period)}
    return (
        bool(gone)
        and one.alone
        and not one.last
        and one.month not in held_months
        and not ("D" in gone and one.month in incomplete)
    )


def layout(*parts: tuple[str, str | None, str | None, dict[str, int]]) -> TableLayout:
    return TableLayout(
        "kpi_value",
        tuple(
            Partition(name, to_days(date.fromisoformat(end)) if end else None)
            for name, end, _, _ in parts
        ),
        tuple(
            Content(0, rows, date.fromisoformat(oldest) if oldest else None, None)
            for _, _, oldest, rows in parts
        ),
    )


def test_only_a_month_of_its_own_is_removed() -> None:
    found = of_layout(
        layout(
            ("p_a", "2026-02-01", "2025-12-31", {"D": 1}),  # the first one, with older rows
            ("p_b", "2026-03-01", "2026-02-03", {"D": 1}),
            ("p_c", "2026-05-01", "2026-03-01", {"D": 1}),  # two months
            ("p_d", "2026-06-01", None, {}),
            ("p_max", None, "2026-06-01", {"D": 1}),
        )
    )
    assert [(one.partition, one.month.month, one.alone, one.first, one.last) for one in found] == [
        ("p_a", 12, False, True, False),
        ("p_b", 2, True, False, False),
        ("p_c", 3, False, False, False),
        ("p_d", 5, True, False, False),
        ("p_max", 6, False, False, True),
    ]


# -- the guards


def test_a_hold_on_one_day_holds_its_month() -> None:
    hold = Hold("report", date(2026, 2, 28), date(2026, 3, 5), datetime(2026, 7, 1))
    assert "report holds 2026-02-28 to 2026-03-05" in held(FEBRUARY, [hold])
    assert held(date(2026, 3, 1), [hold])
    assert held(date(2026, 4, 1), [hold]) == ""


def evidence() -> Evidence:
    """All of January to March computed, rolled up an hour later."""
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(90)]
    computed = datetime(2026, 4, 1)
    rolled = {
        (table, period, day): RolledUp(computed + timedelta(hours=1), 5)
        for table in FACT_TABLES
        for day in days
        for period in "WM"
    }
    return Evidence(
        done=frozenset(days),
        with_rows=frozenset(days),
        changed_at=dict.fromkeys(days, computed),
        rolled_up=rolled,
        stored=dict.fromkeys(rolled, 5),
    )


@pytest.mark.parametrize(
    "part", [("W", date(2026, 2, 1)), ("W", date(2026, 3, 1)), ("M", date(2026, 2, 28))]
)
@pytest.mark.parametrize("table", FACT_TABLES)
def test_every_week_and_month_must_be_complete(table: str, part: tuple[str, date]) -> None:
    whole = evidence()
    key = (table, *part)
    assert not_rolled_up(FEBRUARY, FACT_TABLES, whole) == ""
    never = replace(whole, rolled_up={k: v for k, v in whole.rolled_up.items() if k != key})
    assert f"is not in {table}" in not_rolled_up(FEBRUARY, FACT_TABLES, never)
    fewer = replace(whole, stored=dict(whole.stored) | {key: 4})
    assert f"has 4 rows in {table}, not the 5" in not_rolled_up(FEBRUARY, FACT_TABLES, fewer)
    later = replace(whole, changed_at=dict(whole.changed_at) | {part[1]: datetime(2026, 5, 1)})
    assert "is older than its days" in not_rolled_up(FEBRUARY, FACT_TABLES, later)
    undone = replace(whole, done=whole.done - {part[1]})
    assert f"{part[1]} was not computed for all scopes" in not_rolled_up(
        FEBRUARY, FACT_TABLES, undone
    )
    expired = replace(never, removed=frozenset({(table, part[0], part[1].replace(day=1))}))
    assert not_rolled_up(FEBRUARY, FACT_TABLES, expired) == ""


def test_history_and_ledger_reach_back_to_the_oldest_day() -> None:
    assert history_bound(date(2026, 1, 1), None) == date(2026, 1, 1)
    assert history_bound(date(2026, 1, 1), date(2025, 11, 20)) == date(2025, 11, 1)
    assert ledger_bound(date(2026, 1, 1), date(2025, 11, 20)) == date(2025, 10, 1)
    assert ledger_bound(date(2025, 1, 1), date(2025, 11, 20)) == date(2025, 1, 1)


# -- what is told by removed days


@given(
    st.lists(
        st.sampled_from([date(2026, 1, 1) + timedelta(days=n) for n in range(60)]), unique=True
    )
)
def test_what_holds_a_removed_day_is_left_out(gone: list[date]) -> None:
    dates = [date(2026, 1, 4) + timedelta(weeks=number) for number in range(8)]
    for period, days in (("W", 7), ("R", 30)):
        kept = without_dropped(period, dates, 30, gone)
        for day in dates:
            window = {day - timedelta(days=number) for number in range(days)}
            assert (day in kept) == (not window & set(gone))
    joined = ranges(sorted(gone))
    assert sorted(gone) == [
        first + timedelta(days=n) for first, last in joined for n in range((last - first).days + 1)
    ]
    assert all(b[0] - a[1] > timedelta(days=1) for a, b in pairwise(joined))


def test_locks_are_those_of_all_that_is_told_by_the_month_in_the_order_of_all_writers() -> None:
    found = slices_of("kpi_percentiles", FEBRUARY, 30)
    assert found == sorted(found)
    assert ("kpi_percentiles", "D", date(2026, 2, 28)) in found
    assert ("kpi_plan_gap", "W", date(2026, 3, 1)) in found
    assert ("kpi_state_count", "M", date(2026, 2, 28)) in found
    assert max(day for table, period, day in found if period == "R") == date(2026, 3, 29)
    assert {table for table, period, _ in found if period == "D"} == {"kpi_percentiles"}


def test_a_backfill_says_that_the_history_was_cut() -> None:
    bounds = backfills.Bounds(
        TODAY, date(2025, 1, 1), TODAY, ((date(2026, 2, 1), date(2026, 2, 28)),), date(2026, 1, 1)
    )
    with pytest.raises(InputError, match="the history before 2026-01-01 was removed by retention"):
        backfills.planned(date(2025, 12, 31), TODAY, bounds, 31, into_dropped=True)
    with pytest.raises(InputError, match=r"were removed by retention; .* into_dropped"):
        backfills.planned(date(2026, 2, 28), TODAY, bounds, 31)
    assert backfills.planned(date(2026, 2, 28), date(2026, 2, 28), bounds, 31, into_dropped=True)


@pytest.mark.parametrize(
    "name", ["kpi_value", "kpi_undo_kpi_run_202602_1", "kpi_undo_kpi_value_202602_1; DROP"]
)
def test_no_other_table_passes_for_an_undo_table(name: str) -> None:
    with pytest.raises(RetentionError, match="is not the name of an undo table"):
        require_undo_name(name)
    made = undo_name("kpi_value", FEBRUARY, datetime(2026, 6, 5, 4, 0))
    assert made == "kpi_undo_kpi_value_202602_20260605040000000000"
    assert len(undo_name("kpi_state_count", FEBRUARY, datetime(2026, 6, 5))) <= 64
