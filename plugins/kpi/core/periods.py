"""Which weeks, months, windows and chunks a day or a range of days touches; pure (design, "Periods")."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from kpi import vocabulary
from kpi.vocabulary import CALENDAR_PERIODS, MONTH, PERIOD_WORDS, WEEK

ONE_DAY = timedelta(days=1)


class Period(NamedTuple):
    """An ISO week (W) or a calendar month (M), from its first to its last local day, which is its date_id."""

    period: vocabulary.Period
    first: date
    last: date


def week_of(day: date) -> Period:
    """Return the ISO week, Monday to Sunday, that holds a day."""
    monday = day - timedelta(days=day.weekday())
    return Period(WEEK, monday, monday + timedelta(days=6))


def month_of(day: date) -> Period:
    """Return the calendar month that holds a day."""
    last = monthrange(day.year, day.month)[1]
    return Period(MONTH, day.replace(day=1), day.replace(day=last))


PERIOD_OF: dict[str, Callable[[date], Period]] = {WEEK: week_of, MONTH: month_of}
# How many days the longest period of the calendar has.
LONGEST = max(PERIOD_WORDS[period].days for period in CALENDAR_PERIODS)


def touched(first: date, last: date, periods: Sequence[str] = CALENDAR_PERIODS) -> list[Period]:
    """Return the weeks and months that hold a day of a range, each once: weeks in order, then months."""
    weeks_and_months = []
    for period in periods:
        day = first
        while day <= last:
            weeks_and_months.append(PERIOD_OF[period](day))
            day = weeks_and_months[-1].last + ONE_DAY
    return weeks_and_months


def days(first: date, last: date) -> Iterator[date]:
    """Yield the days from `first` to `last`, both included."""
    day = first
    while day <= last:
        yield day
        day += ONE_DAY


def chunks(first: date, last: date, size: int) -> list[tuple[date, date]]:
    """Cut a range into parts of at most `size` days, none of which leaves its month, as (first, last)."""
    parts = []
    day = first
    while day <= last:
        end = min(day + timedelta(days=size - 1), month_of(day).last, last)
        parts.append((day, end))
        day = end + ONE_DAY
    return parts
