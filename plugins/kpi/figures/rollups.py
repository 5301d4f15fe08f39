"""What is rolled up after a day's or a range's facts: weeks, months, windows, tiles (design, "Periods").

Which of them is pure; whether a day's facts are all written, the ledger knows. What a period's rows are, SQL says
(include/sql/roads).
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta

from kpi.core import catalog, periods
from kpi.core.connections import ETL, Session, session
from kpi.core.locks import lock, lock_name
from kpi.core.settings import Settings
from kpi.core.templates import renderer
from kpi.figures import dropped_days
from kpi.figures.slices import ALL_SCOPES, Scopes, Slice
from kpi.vocabulary import CALENDAR_PERIODS, FACT_TABLES, ROLLING, Period

log = logging.getLogger(__name__)

# How far back a rollup looks for days that no rollup has taken: so many days retention keeps at least.
DAYS_LOOKED_BACK = 90


def periods_of(
    table: str, period: str, first: date, last: date, done: Collection[date], scopes: Scopes
) -> Iterator[Slice]:
    """Yield the slices of the weeks (W) or months (M) that hold a day of a range and have a done day to be told by."""
    for part in periods.touched(first, last, (period,)):
        if any(part.first <= day <= part.last for day in done):
            yield Slice.of_period(table, part, scopes)


def windows_of(
    table: str, first: date, last: date, longest: int, done: Collection[date], scopes: Scopes
) -> Slice | None:
    """Return the slice of a table's windows that hold a day of a range, None when they end on no done day."""
    reach = last + timedelta(days=longest - 1)
    dates = tuple(sorted(day for day in done if first <= day <= reach))
    return Slice(table, ROLLING, dates[0], dates[-1], dates, scopes) if dates else None


def slices_of_day(table: str, day: date, scopes: Scopes = ALL_SCOPES) -> dict[Period, Slice]:
    """Return the slices of a table that a day is in, by period: its own, its week, its month, the windows it ends."""
    return {
        period: Slice.of_period(table, periods.PERIOD_OF[period](day), scopes)
        if period in CALENDAR_PERIODS
        else Slice.days(table, day, day, scopes, period)
        for period in FACT_TABLES[table].periods
    }


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
    longest = longest_window(settings)
    around = timedelta(days=max(longest, periods.LONGEST))
    done = done_days(first - around, last + around, settings)
    if period == ROLLING:
        windows = windows_of(table, first, last, longest, done, scopes)
        parts = [windows] if windows else []
    else:
        parts = list(periods_of(table, period, first, last, done, scopes))
    return _whole(parts, longest, settings) if parts else []


def due_slices(table: str, period: str, day: date, settings: Settings) -> list[Slice]:
    """Return what a night's rollup has to write of a table, for period W, M or R: what no rollup has taken yet.

    That is what rollups missed before the day, and of what holds the day, later windows too, what is older than a done
    day that it holds. So of several late nights the first rollup takes all, and the others find nothing to do.
    """
    missed = missed_slices(table, period, day, settings)
    around = timedelta(days=max(longest_window(settings), periods.LONGEST))
    with session(ETL) as etl:
        untaken = _untaken(etl, table, period, day - around, day + around, settings, any_rows=True)
    own = slices_to_roll_up(table, period, day, day, settings) if untaken else []
    return [*missed, *(part for whole in own for part in _on_dates(whole, untaken))]


def _on_dates(part: Slice, dates: Collection[date]) -> Iterator[Slice]:
    """Yield the slice with only some of its dates, or nothing when none is left."""
    kept = tuple(day for day in part.dates if day in dates)
    if len(kept) == len(part.dates):
        yield part
    elif kept:
        yield replace(part, first=kept[0], last=kept[-1], dates=kept)


def _untaken(
    etl: Session,
    table: str,
    period: str,
    first: date,
    before: date,
    settings: Settings,
    any_rows: bool = False,
) -> list[date]:
    """Return the dates of a table's period that are older than a done day, since the first, that they hold."""
    values = {
        "fact_table": table,
        "period": period,
        "longest": longest_window(settings),
        "first": first,
        "before_day": before,
        "any_rows": any_rows,
    }
    return [day for (day,) in etl.rows(renderer(settings)("rollup/missed_days.sql"), values)]


@contextmanager
def one_rollup_at_a_time(table: str, period: str, settings: Settings) -> Iterator[None]:
    """Hold off other rollups of a table's period, which then find what this one took."""
    with (
        session(ETL) as etl,
        lock(etl, lock_name(etl.schema, "rollup", table, period), settings.lock_wait_seconds),
    ):
        yield


def longest_window(settings: Settings) -> int:
    """Return the days of the longest rolling window of any metric."""
    return catalog.longest_window(catalog.metrics(settings.sql_dir))


def _whole(parts: Sequence[Slice], longest: int, settings: Settings) -> list[Slice]:
    """Leave out the dates that hold a day removed by retention, and say so: their rows stay as they are."""
    dates = [(part.period or "", day) for part in parts for day in part.dates]
    bounds = [dropped_days.needs(period, day, longest) for period, day in dates]
    with session(ETL) as etl:
        gone = dropped_days.dropped_days(
            etl, min(first for first, _ in bounds), max(last for _, last in bounds), settings
        )
    parts_kept: list[Slice] = []
    left: list[str] = []
    for part in parts:
        kept = dropped_days.without_dropped(part.period or "", part.dates, longest, gone)
        left += [str(day) for day in part.dates if day not in kept]
        parts_kept += _on_dates(part, kept)
    if left:
        log.warning(
            "%s %s of %s stay as before: retention removed days that they need (%s to %s). To compute them again, "
            "trigger kpi_backfill over all of those with into_dropped.",
            parts[0].table,
            parts[0].period,
            ", ".join(left),
            gone[0],
            gone[-1],
        )
    return parts_kept


def missed_slices(table: str, period: str, day: date, settings: Settings) -> list[Slice]:
    """Return the slices of a table, for period W, M or R, that end before a day and that rollups missed.

    They are older than a done day that they hold: an event of kpi_daily is lost while kpi_rollup is paused. What holds
    a day removed by retention stays as it is.
    """
    longest = longest_window(settings)
    with session(ETL) as etl:
        since = day - timedelta(days=DAYS_LOOKED_BACK)
        dates = _untaken(etl, table, period, since, day, settings)
        if dates:
            first, _ = dropped_days.needs(period, dates[0], longest)
            gone = dropped_days.dropped_days(etl, first, dates[-1], settings)
            dates = dropped_days.without_dropped(period, dates, longest, gone)
    if not dates:
        return []
    log.warning(
        "%s %s of %s: no rollup has taken all their days (kpi_rollup was paused, or failed), so they are taken along.",
        table,
        period,
        ", ".join(map(str, dates)),
    )
    if period == ROLLING:
        return [Slice(table, period, dates[0], dates[-1], tuple(dates))]
    return [Slice.of_period(table, periods.PERIOD_OF[period](last)) for last in dates]
