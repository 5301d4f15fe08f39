"""Weeks, months and chunks of days."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kpi.core import periods
from kpi.core.periods import Period

DAYS = st.dates(date(2023, 1, 1), date(2031, 12, 31))
LENGTHS = st.integers(0, 800).map(timedelta)


@pytest.mark.parametrize(
    ("day", "monday", "sunday"),
    [
        (date(2026, 2, 15), date(2026, 2, 9), date(2026, 2, 15)),
        (date(2026, 2, 16), date(2026, 2, 16), date(2026, 2, 22)),
        (date(2025, 12, 29), date(2025, 12, 29), date(2026, 1, 4)),
        # 2026 has a week 53, which lies in two years.
        (date(2026, 12, 27), date(2026, 12, 21), date(2026, 12, 27)),
        (date(2026, 12, 28), date(2026, 12, 28), date(2027, 1, 3)),
        (date(2026, 12, 31), date(2026, 12, 28), date(2027, 1, 3)),
        (date(2027, 1, 1), date(2026, 12, 28), date(2027, 1, 3)),
        (date(2027, 1, 3), date(2026, 12, 28), date(2027, 1, 3)),
        (date(2027, 1, 4), date(2027, 1, 4), date(2027, 1, 10)),
    ],
)
def test_week_of_a_day(day: date, monday: date, sunday: date) -> None:
    assert periods.week_of(day) == Period("W", monday, sunday)


@pytest.mark.parametrize(
    ("day", "last"),
    [
        (date(2026, 2, 1), date(2026, 2, 28)),
        (date(2028, 2, 29), date(2028, 2, 29)),
        (date(2026, 4, 30), date(2026, 4, 30)),
        (date(2026, 12, 31), date(2026, 12, 31)),
        (date(2027, 1, 1), date(2027, 1, 31)),
    ],
)
def test_month_of_a_day(day: date, last: date) -> None:
    assert periods.month_of(day) == Period("M", day.replace(day=1), last)


@given(DAYS)
def test_the_periods_of_a_day_hold_it_and_adjoin(day: date) -> None:
    week, month = periods.week_of(day), periods.month_of(day)
    for part, of in ((week, periods.week_of), (month, periods.month_of)):
        assert part.first <= day <= part.last
        assert of(part.first) == of(part.last) == part
        assert of(part.first - periods.ONE_DAY).last == part.first - periods.ONE_DAY
        assert of(part.last + periods.ONE_DAY).first == part.last + periods.ONE_DAY
    assert (week.first.isoweekday(), week.last - week.first) == (1, timedelta(6))
    assert week.first.isocalendar()[:2] == day.isocalendar()[:2] == week.last.isocalendar()[:2]
    assert (month.first.month, month.last.month) == (day.month, day.month)


def test_weeks_and_months_that_a_range_touches() -> None:
    assert periods.touched(date(2026, 12, 27), date(2027, 1, 4)) == [
        Period("W", date(2026, 12, 21), date(2026, 12, 27)),
        Period("W", date(2026, 12, 28), date(2027, 1, 3)),
        Period("W", date(2027, 1, 4), date(2027, 1, 10)),
        Period("M", date(2026, 12, 1), date(2026, 12, 31)),
        Period("M", date(2027, 1, 1), date(2027, 1, 31)),
    ]
    assert periods.touched(date(2026, 2, 15), date(2026, 2, 15), ("M",)) == [
        Period("M", date(2026, 2, 1), date(2026, 2, 28))
    ]
    assert periods.touched(date(2026, 2, 15), date(2026, 2, 14)) == []


@given(DAYS, LENGTHS)
def test_a_range_touches_the_periods_of_its_days(first: date, length: timedelta) -> None:
    days = list(periods.days(first, first + length))
    found = periods.touched(first, first + length)
    for period, of in periods.PERIOD_OF.items():
        # A dict keeps each once, in order.
        assert [one for one in found if one.period == period] == list(
            dict.fromkeys(of(day) for day in days)
        )


def test_days_of_a_range() -> None:
    assert list(periods.days(date(2026, 2, 28), date(2026, 3, 1))) == [
        date(2026, 2, 28),
        date(2026, 3, 1),
    ]
    assert list(periods.days(date(2026, 2, 28), date(2026, 2, 27))) == []


@pytest.mark.parametrize(
    ("first", "last", "size", "expected"),
    [
        ("2026-02-13", "2026-02-17", 31, ["02-13 02-17"]),
        ("2026-02-13", "2026-02-17", 2, ["02-13 02-14", "02-15 02-16", "02-17 02-17"]),
        # Months of 28, 30 and 31 days in chunks of at most 31.
        (
            "2026-02-01",
            "2026-05-01",
            31,
            ["02-01 02-28", "03-01 03-31", "04-01 04-30", "05-01 05-01"],
        ),
        ("2028-02-01", "2028-03-01", 31, ["02-01 02-29", "03-01 03-01"]),
        # A month's end cuts a chunk short; the next begins on the first.
        ("2026-01-25", "2026-02-10", 10, ["01-25 01-31", "02-01 02-10"]),
        ("2026-12-31", "2027-01-01", 31, ["12-31 12-31", "01-01 01-01"]),
    ],
)
def test_chunks_of_a_range(first: str, last: str, size: int, expected: list[str]) -> None:
    found = periods.chunks(date.fromisoformat(first), date.fromisoformat(last), size)
    assert [f"{begin:%m-%d} {end:%m-%d}" for begin, end in found] == expected


@given(DAYS, LENGTHS, st.integers(1, 31))
def test_chunks_cover_a_range_exactly_once_within_months(
    first: date, length: timedelta, size: int
) -> None:
    last = first + length
    found = periods.chunks(first, last, size)
    covered = [day for begin, end in found for day in periods.days(begin, end)]
    assert covered == list(periods.days(first, last))
    for begin, end in found:
        assert timedelta(0) <= end - begin < timedelta(size)
        assert begin.replace(day=1) == end.replace(day=1)
    # No two neighbours could have been one.
    for (begin, _), (_, end) in pairwise(found):
        assert begin.replace(day=1) != end.replace(day=1) or end - begin >= timedelta(size)


def test_a_range_that_is_upside_down_has_no_chunks() -> None:
    assert periods.chunks(date(2026, 2, 2), date(2026, 2, 1), 31) == []
