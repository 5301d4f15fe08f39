"""What retention decides by, read from tables and ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from kpi.core import periods
from kpi.core.connections import Row, Session
from kpi.core.settings import Settings
from kpi.core.statements import script, statement
from kpi.core.templates import renderer
from kpi.figures.dropped_days import dropped_days
from kpi.upkeep.partitions.layouts import Storage, TableLayout, layout
from kpi.upkeep.partitions.monthly import from_days, next_month, to_days
from kpi.upkeep.retention.guards import Evidence, Hold, RolledUp, around
from kpi.upkeep.retention.planner import MonthRows
from kpi.vocabulary import DAILY_TABLES, FACT_TABLES

OLDEST_DAYS = "retention/oldest_days.sql"


def month_rows(admin: Session, storage: Storage) -> list[MonthRows]:
    """Return what lies in each month of each fact table; counts by an index of all rows."""
    months = []
    for table in FACT_TABLES:
        if storage == "partitioned":
            months += of_layout(layout(admin, table))
        else:
            months += _by_date(admin, table)
    return months


def of_layout(table_layout: TableLayout) -> list[MonthRows]:
    """Return the months that a table's partitions hold; pure."""
    months = []
    start: int | None = None
    for partition, content in zip(table_layout.partitions, table_layout.contents, strict=True):
        last = partition is table_layout.partitions[-1]
        upper = None if partition.end is None else from_days(partition.end - 1)
        # Without rows the bound tells the month, else the oldest row does: only a whole month of its own is removed.
        month = (content.oldest or upper or date.max).replace(day=1)
        # The first partition has no lower bound: its oldest row tells where it begins.
        begins = start is None or start == to_days(month)
        alone = (
            partition.end == to_days(next_month(month)) and begins if month.year < 9999 else False
        )
        rows = dict(content.rows)
        months.append(
            MonthRows(table_layout.table, month, rows, partition.name, alone, start is None, last)
        )
        start = partition.end
    return months


def _by_date(admin: Session, table: str) -> list[MonthRows]:
    rows: dict[date, dict[str, int]] = {}
    for month, period, count in admin.rows(statement("retention/months.sql", table=table)):
        rows.setdefault(month, {})[period] = count
    return [MonthRows(table, month, counts) for month, counts in sorted(rows.items())]


def holds(admin: Session, now: datetime) -> list[Hold]:
    """Return the holds that have not run out at an instant, naive UTC."""
    return [
        Hold(*row) for row in admin.rows(script("retention/holds.sql")["in force"], {"now": now})
    ]


def evidence(admin: Session, month: date, settings: Settings) -> Evidence:
    """Return what ledger and tables say of a month's days, and of the weeks and months that hold them."""
    first, last = around(month)
    whole = periods.month_of(month)
    dates = sorted({part.last for part in periods.touched(whole.first, whole.last)})
    queries = script("retention/evidence.sql", dates=len(dates))
    span = {"first": first, "last": last}
    done = admin.rows(renderer(settings)("rollup/done_days.sql"), span)
    return Evidence(
        done=frozenset(day for (day,) in done),
        dropped=frozenset(dropped_days(admin, first, last, settings)),
        with_rows=frozenset(day for (day,) in admin.rows(queries["days with rows"], span)),
        changed_at=dict(admin.rows(queries["when days were changed last"], span)),
        rolled_up=_rolled_up(admin.rows(queries["rolled up"], span)),
        stored=_stored(admin, queries, dates),
        removed=frozenset(admin.rows(queries["removed"], span)),
    )


def oldest_day(admin: Session) -> date | None:
    """Return the oldest local day with D rows, None without any."""
    queries = script(OLDEST_DAYS)
    days = [admin.value(queries[f"oldest day in {table}"]) for table in DAILY_TABLES]
    return min((day for day in days if day), default=None)


def oldest_done_day(admin: Session) -> date | None:
    """Return the oldest local day that counts as computed, None without any."""
    day: date | None = admin.value(script(OLDEST_DAYS)["oldest day computed"])
    return day


def first_calendar_day(admin: Session) -> date | None:
    """Return the first local day of kpi_time, None without any."""
    day: date | None = admin.value(script(OLDEST_DAYS)["first day of the calendar"])
    return day


def _rolled_up(rows: Iterable[Row]) -> dict[tuple[str, str, date], RolledUp]:
    slices: dict[tuple[str, str, date], RolledUp] = {}
    for table, period, day, scopes, started, there, added in rows:
        key = (table, period, day)
        if scopes is None:
            slices[key] = RolledUp(started, int(there))
        elif key in slices:
            slices[key] = RolledUp(slices[key].started_at, slices[key].rows + int(added))
    return slices


def _stored(
    admin: Session, queries: Mapping[str, str], dates: Sequence[date]
) -> dict[tuple[str, str, date], int]:
    values = {f"date_{number}": day for number, day in enumerate(dates)}
    return {
        (table, period, day): count
        for table in FACT_TABLES
        for period, day, count in admin.rows(queries[f"weeks and months in {table}"], values)
    }
