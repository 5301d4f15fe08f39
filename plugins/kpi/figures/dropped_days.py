"""Which days retention removed, for those who write: such a day is no empty day, and what holds it is left as it is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, timedelta

from kpi.core import catalog, periods
from kpi.core.connections import Session
from kpi.core.errors import KpiError
from kpi.core.periods import ONE_DAY
from kpi.core.settings import Settings
from kpi.core.statements import statement
from kpi.core.templates import renderer
from kpi.vocabulary import DAY, ROLLING


class DaysDropped(KpiError):
    """What is to be computed needs days that retention removed; nothing was written."""


def dropped_days(opened: Session, first: date, last: date, settings: Settings) -> list[date]:
    """Return the local days of a range that retention removed and nobody computed again since."""
    sql = renderer(settings)("rollup/dropped_days.sql")
    return [day for (day,) in opened.rows(sql, {"first": first, "last": last})]


def dropped_ranges(
    opened: Session, first: date, last: date, settings: Settings
) -> list[tuple[date, date]]:
    """Return the same as ranges, (first day, last day)."""
    return ranges(dropped_days(opened, first, last, settings))


def ranges(days: Sequence[date]) -> list[tuple[date, date]]:
    """Join days, given in order, into ranges without a gap; pure."""
    joined: list[tuple[date, date]] = []
    for day in days:
        if joined and joined[-1][1] + ONE_DAY == day:
            joined[-1] = (joined[-1][0], day)
        else:
            joined.append((day, day))
    return joined


def history_cut(opened: Session) -> date | None:
    """Return the first local day that the history still covers after retention cut it, None when it never did."""
    last: date | None = opened.value(statement("ledger/history_cut.sql"))
    return None if last is None else last + ONE_DAY


def require_history(opened: Session, day: date) -> None:
    """Refuse a local day that the history no longer covers; raises DaysDropped."""
    cut = history_cut(opened)
    if cut is not None and day < cut:
        raise DaysDropped(
            f"The history before {cut} was removed by retention, so {day} cannot be computed; choose days from {cut} "
            "on, and raise KPI_RETENTION_MONTHS_HISTORY to keep more from now on."
        )


def needs(period: str, day: date, longest: int) -> tuple[date, date]:
    """Return the first and the last day that a W, M or R row dated `day` is told by; `longest` days for R; pure."""
    if period == ROLLING:
        return day - timedelta(days=longest - 1), day
    return periods.PERIOD_OF[period](day).first, day


def without_dropped(
    period: str, dates: Sequence[date], longest: int, dropped: Collection[date]
) -> list[date]:
    """Return the dates whose week, month or window holds no dropped day; pure."""
    kept = []
    for date_id in dates:
        first, last = needs(period, date_id, longest)
        if not any(first <= day <= last for day in dropped):
            kept.append(date_id)
    return kept


def require_kept(
    opened: Session, period: str | None, dates: Sequence[date], settings: Settings
) -> None:
    """Refuse to write dates that need what retention removed; called with the locks of the slice.

    Raises DaysDropped: between the plan of a rollup and its turn retention may have been at work.
    """
    if period is None:
        return
    if period == DAY:
        require_history(opened, min(dates))
        return
    longest = catalog.longest_window(catalog.metrics(settings.sql_dir))
    first = min(needs(period, day, longest)[0] for day in dates)
    dropped = dropped_days(opened, first, max(dates), settings)
    kept = without_dropped(period, dates, longest, dropped)
    if len(kept) < len(dates):
        raise DaysDropped(
            f"Retention removed {dropped[0]} to {dropped[-1]} while this run waited, so {period} rows that hold them "
            "stay as they are; clear the task to compute the others."
        )
