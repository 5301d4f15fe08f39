"""What is rolled up after a day's or a range's facts: weeks, months, windows, tiles (design, "Periods").

Which of them is pure; whether a day's facts are all written, the ledger knows. What a period's rows are, SQL says
(include/sql/rollup).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date, timedelta

from kpi import catalog, periods
from kpi.connections import ETL, session
from kpi.settings import Settings
from kpi.slices import ALL_SCOPES, Scopes, Slice
from kpi.templates import renderer

# The tables that have weeks and months; kpi_value has windows (R) as well.
ROLLED_UP = ("kpi_value", "kpi_state_count", "kpi_percentiles", "kpi_plan_gap")


def longest_window(metrics: Sequence[catalog.Metric]) -> int:
    """Return the days of the longest rolling window that a header declares, 1 when none does."""
    return max((days for one in metrics if one.rolling for days in one.rolling.days), default=1)


def periods_of(
    table: str, period: str, first: date, last: date, done: Collection[date], scopes: Scopes
) -> Iterator[Slice]:
    """Yield the slices of the weeks (W) or months (M) that hold a day of a range and have a done day to be told by."""
    for part in periods.touched(first, last, (period,)):
        if any(part.first <= day <= part.last for day in done):
            yield Slice.of_period(table, part, scopes)


def windows_of(
    first: date, last: date, longest: int, done: Collection[date], scopes: Scopes
) -> Slice | None:
    """Return the slice of the windows that hold a day of a range, None when they end on no done day."""
    reach = last + timedelta(days=longest - 1)
    dates = tuple(sorted(day for day in done if first <= day <= reach))
    return Slice("kpi_value", "R", dates[0], dates[-1], dates, scopes) if dates else None


def done_days(first: date, last: date, settings: Settings) -> list[date]:
    """Return the days of a range whose facts are all written, for all scopes, as the ledger says."""
    sql = renderer(settings)("rollup/done_days.sql")
    with session(ETL) as etl:
        return [day for (day,) in etl.rows(sql, {"first": first, "last": last})]


def slices_to_roll_up(
    table: str,
    period: str,
    first: date,
    last: date,
    settings: Settings,
    scopes: Scopes = ALL_SCOPES,
) -> list[Slice]:
    """Return the slices of a table that a range of days touches, for period W, M or R."""
    longest = longest_window(catalog.metrics(settings.sql_dir))
    around = timedelta(days=max(longest, 31))
    done = done_days(first - around, last + around, settings)
    if period == "R":
        windows = windows_of(first, last, longest, done, scopes)
        return [windows] if windows else []
    return list(periods_of(table, period, first, last, done, scopes))
