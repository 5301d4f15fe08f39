"""Which weeks, months and windows follow a day or a range, by the days whose facts are written."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kpi.core import catalog
from kpi.core.catalog import longest_window
from kpi.core.settings import PROJECT
from kpi.figures.rollups import periods_of, windows_of
from kpi.figures.slices import ALL_SCOPES, Scopes, Slice

GROUPS = Scopes(("GROUPE",))
DAYS = st.dates(date(2026, 1, 1), date(2026, 3, 31))


def feb(day: int) -> date:
    """Return a day of February 2026: the 9th is a Monday, the 15th its Sunday."""
    return date(2026, 2, day)


def of_periods(period: str, first: date, last: date, done: list[date]) -> list[Slice]:
    return list(periods_of("kpi_plan_gap", period, first, last, done, ALL_SCOPES))


# -- weeks and months


def test_a_day_brings_its_week_and_month() -> None:
    for period, first, last in (("W", feb(9), feb(15)), ("M", feb(1), feb(28))):
        (found,) = of_periods(period, feb(11), feb(11), [feb(11)])
        assert found == Slice("kpi_plan_gap", period, first, last, (last,))
        assert found.at(last) == {
            "period": period,
            "first": first,
            "last": last,
            "date_id": last,
            "as_of": last,
            "since": first,
            "scope_types": None,
            "scope_ids": None,
        }


def test_a_range_brings_each_of_its_weeks_once_in_order() -> None:
    done = [feb(day) for day in range(1, 29)]
    assert [part.last for part in of_periods("W", feb(8), feb(16), done)] == [
        feb(8),
        feb(15),
        feb(22),
    ]


def test_a_week_is_told_by_any_of_its_days_even_one_outside_the_range() -> None:
    assert [part.last for part in of_periods("W", feb(11), feb(11), [feb(9)])] == [feb(15)]
    assert of_periods("W", feb(11), feb(11), [feb(8), feb(16)]) == []
    assert of_periods("M", feb(11), feb(11), [date(2026, 1, 31), date(2026, 3, 1)]) == []
    assert of_periods("M", feb(11), feb(11), []) == []


def test_periods_keep_the_scopes_asked_for() -> None:
    (part,) = periods_of("kpi_value", "W", feb(11), feb(11), [feb(11)], GROUPS)
    assert part.scopes == GROUPS
    assert part.parameters["scope_types"] == "GROUPE"


# -- windows


def test_windows_end_on_the_done_days_that_hold_a_day_of_the_range() -> None:
    done = [feb(9), feb(10), feb(13), feb(16), feb(17)]
    # A window of 7 days that ends on the 16th holds the 10th, one that ends on the 17th does not.
    found = windows_of("kpi_value", feb(10), feb(10), 7, done, GROUPS)
    assert found == Slice(
        "kpi_value", "R", feb(10), feb(16), (feb(10), feb(13), feb(16)), scopes=GROUPS
    )


def test_the_dates_of_windows_are_in_order_and_each_is_a_window_of_its_own() -> None:
    found = windows_of("kpi_value", feb(10), feb(11), 2, {feb(12), feb(11), feb(10)}, ALL_SCOPES)
    assert found is not None
    assert found.dates == (feb(10), feb(11), feb(12))
    assert found.at(feb(11))["since"] == found.at(feb(11))["as_of"] == feb(11)


@pytest.mark.parametrize("done", [[], [feb(9)], [feb(17)]])
def test_without_a_done_day_there_are_no_windows(done: list[date]) -> None:
    assert windows_of("kpi_value", feb(10), feb(10), 7, done, ALL_SCOPES) is None


@given(DAYS, st.integers(0, 40), st.integers(1, 31), st.sets(DAYS))
def test_windows_by_their_meaning(first: date, length: int, longest: int, done: set[date]) -> None:
    """A window ends on a done day, and some day of the range is among its last `longest` days."""
    last = first + timedelta(length)
    range_days = {first + timedelta(n) for n in range(length + 1)}
    expected = [
        day
        for day in sorted(done)
        if range_days & {day - timedelta(back) for back in range(longest)}
    ]
    found = windows_of("kpi_value", first, last, longest, done, ALL_SCOPES)
    assert (list(found.dates) if found else []) == expected


# -- the longest window of the headers


def test_the_longest_window_is_that_of_any_metric() -> None:
    metrics = catalog.metrics(PROJECT / "include" / "sql")
    assert longest_window(metrics) == 30
    assert longest_window([one for one in metrics if one.rolling is None]) == 1
    assert longest_window([]) == 1
    rolling = catalog.Rolling(rule="SUM", days=(31, 7))
    longer = metrics[0].model_copy(update={"rolling": rolling})
    assert longest_window([*metrics, longer]) == 31
