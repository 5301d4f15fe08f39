"""Months, and the day numbers in which MySQL keeps the bounds of partitions; pure."""

from __future__ import annotations

from datetime import date

# MySQL's TO_DAYS counts from year 0, Python's ordinals from year 1.
_DAYS_OF_YEAR_0 = 365
# Rows dated further off than the settings reach are not worth hundreds of empty partitions.
MOST_MONTHS_BACK, MOST_MONTHS_AHEAD = 240, 36


def months(first: date, last: date) -> list[date]:
    """Return the first days of the months from that of `first` to that of `last`."""
    firsts = []
    month = first.replace(day=1)
    while month <= last:
        firsts.append(month)
        month = next_month(month)
    return firsts


def months_around(today: date, back: int, ahead: int) -> list[date]:
    """Return the months to have partitions for: `back` before today's month to `ahead` after it."""
    return months(_shifted(today, -back), _shifted(today, ahead))


def wanted_months(
    today: date, back: int, ahead: int, oldest: date | None, newest: date | None
) -> list[date]:
    """Return the months that a table is to have partitions for, without a gap.

    `back` and `ahead` are months around today's; `oldest` and `newest` are the dates of the table's rows, whose
    months are wanted too unless they are implausibly far (MOST_MONTHS_BACK, MOST_MONTHS_AHEAD).
    """
    usual = months_around(today, back, ahead)
    first, last = usual[0], usual[-1]
    if oldest is not None and not too_old(oldest, today):
        first = min(first, oldest.replace(day=1))
    if newest is not None and not too_new(newest, today):
        last = max(last, newest.replace(day=1))
    return months(first, last)


def too_old(day: date, today: date) -> bool:
    """Tell whether a row's date lies too far back for its month to get a partition."""
    return day < _shifted(today, -MOST_MONTHS_BACK)


def too_new(day: date, today: date) -> bool:
    """Tell whether a row's date lies too far ahead for its month to get a partition."""
    return day >= next_month(_shifted(today, MOST_MONTHS_AHEAD))


def next_month(month: date) -> date:
    """Return the first day of the month after a day's."""
    return _shifted(month, 1)


def to_days(day: date) -> int:
    """Return what MySQL's TO_DAYS gives for a day."""
    return day.toordinal() + _DAYS_OF_YEAR_0


def from_days(number: int) -> date | None:
    """Return the day of a bound; None when no date has that number."""
    ordinal = number - _DAYS_OF_YEAR_0
    return date.fromordinal(ordinal) if 1 <= ordinal <= date.max.toordinal() else None


def _shifted(day: date, by: int) -> date:
    number = day.year * 12 + day.month - 1 + by
    return date(number // 12, number % 12 + 1, 1)
