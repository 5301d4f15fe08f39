"""What retention decides by, read from tables and ledger."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from kpi import periods
from kpi.connections import Session
from kpi.partitions.layouts import Storage, TableLayout, layout
from kpi.partitions.monthly import from_days, next_month, to_days
from kpi.partitions.planner import FACT_TABLES
from kpi.retention.dropped import dropped_days
from kpi.retention.guards import Evidence, Hold, RolledUp, around
from kpi.retention.planner import MonthRows
from kpi.settings import Settings
from kpi.templates import renderer

# The tables that have D rows.
DAILY = ("kpi_value", "kpi_state_count", "kpi_percentiles")


def month_rows(admin: Session, storage: Storage) -> list[MonthRows]:
    """Return what lies in each month of each fact table; counts by an index of all rows."""
    found = []
    for table in FACT_TABLES:
        if storage == "partitioned":
            found += of_layout(layout(admin, table))
        else:
            found += _by_date(admin, table)
    return found


def of_layout(one: TableLayout) -> list[MonthRows]:
    """Return the months that a table's partitions hold; pure."""
    found = []
    start: int | None = None
    for partition, content in zip(one.partitions, one.contents, strict=True):
        last = partition is one.partitions[-1]
        upper = None if partition.end is None else from_days(partition.end - 1)
        # Without rows the bound tells the month, else the oldest row does: only a whole month of its own is removed.
        month = (content.oldest or upper or date.max).replace(day=1)
        # The first partition has no lower bound: its oldest row tells where it begins.
        begins = start is None or start == to_days(month)
        alone = (
            partition.end == to_days(next_month(month)) and begins if month.year < 9999 else False
        )
        rows = dict(content.rows)
        found.append(MonthRows(one.table, month, rows, partition.name, alone, start is None, last))
        start = partition.end
    return found


def _by_date(admin: Session, table: str) -> list[MonthRows]:
    rows: dict[date, dict[str, int]] = {}
    for month, period, count in admin.rows(
        f"SELECT CAST(DATE_FORMAT(date_id, '%Y-%m-01') AS DATE) AS month_first, period, COUNT(*) FROM {table} "
        "GROUP BY month_first, period"
    ):
        rows.setdefault(month, {})[period] = count
    return [MonthRows(table, month, counts) for month, counts in sorted(rows.items())]


def holds(admin: Session, now: datetime) -> list[Hold]:
    """Return the holds that have not run out at an instant, naive UTC."""
    rows = admin.rows(
        "SELECT held_by, date_from, date_to, held_until FROM kpi_hold WHERE held_until > %(now)s ORDER BY id",
        {"now": now},
    )
    return [Hold(*row) for row in rows]


def evidence(admin: Session, month: date, settings: Settings) -> Evidence:
    """Return what ledger and tables say of a month's days, and of the weeks and months that hold them."""
    first, last = around(month)
    span = {"first": first, "last": last}
    done = admin.rows(renderer(settings)("rollup/done_days.sql"), span)
    changed = admin.rows(
        f"SELECT date_to, MAX(finished_at) FROM kpi_run WHERE table_name IN ({_quoted(DAILY)}) "
        "AND state = 'DONE' AND period = 'D' AND date_to >= %(first)s AND date_to <= %(last)s "
        "AND rows_inserted + rows_updated + rows_deleted > 0 GROUP BY date_to",
        span,
    )
    return Evidence(
        done=frozenset(day for (day,) in done),
        dropped=frozenset(dropped_days(admin, first, last, settings)),
        with_rows=_with_rows(admin, first, last),
        changed_at=dict(changed),
        rolled_up=_rolled_up(admin, first, last),
        stored=_stored(admin, month),
        removed=_removed(admin, first, last),
    )


def oldest_day(admin: Session) -> date | None:
    """Return the oldest local day with D rows, None without any."""
    found = [
        admin.value(f"SELECT date_id FROM {table} WHERE period = 'D' ORDER BY date_id LIMIT 1")
        for table in DAILY
    ]
    return min((day for day in found if day), default=None)


def oldest_done_day(admin: Session) -> date | None:
    """Return the oldest local day that counts as computed, None without any."""
    found: date | None = admin.value(
        f"SELECT MIN(date_to) FROM kpi_run WHERE table_name IN ({_quoted(DAILY)}) "
        "AND state = 'DONE' AND period = 'D'"
    )
    return found


def _with_rows(admin: Session, first: date, last: date) -> frozenset[date]:
    there = " OR ".join(
        f"EXISTS (SELECT 1 FROM {table} AS fact WHERE fact.date_id = day.date_id AND fact.period = 'D')"
        for table in DAILY
    )
    rows = admin.rows(
        "SELECT day.date_id FROM kpi_time AS day "
        f"WHERE day.date_id >= %(first)s AND day.date_id <= %(last)s AND ({there})",
        {"first": first, "last": last},
    )
    return frozenset(day for (day,) in rows)


def _rolled_up(admin: Session, first: date, last: date) -> dict[tuple[str, str, date], RolledUp]:
    found: dict[tuple[str, str, date], RolledUp] = {}
    for table, period, day, scopes, started, stored, changed in admin.rows(
        "SELECT table_name, period, date_to, scopes, started_at, rows_inserted + rows_updated + rows_unchanged, "
        f"rows_inserted - rows_deleted FROM kpi_run WHERE table_name IN ({_quoted(FACT_TABLES)}) "
        "AND state = 'DONE' AND period IN ('W', 'M') AND date_to >= %(first)s AND date_to <= %(last)s ORDER BY id",
        {"first": first, "last": last},
    ):
        key = (table, period, day)
        if scopes is None:
            found[key] = RolledUp(started, int(stored))
        elif key in found:
            found[key] = RolledUp(found[key].started_at, found[key].rows + int(changed))
    return found


def _removed(admin: Session, first: date, last: date) -> frozenset[tuple[str, str, date]]:
    return frozenset(
        admin.rows(
            "SELECT DISTINCT table_name, period, date_from FROM kpi_run WHERE state = 'DROPPED' "
            f"AND table_name IN ({_quoted(FACT_TABLES)}) AND period IN ('W', 'M') AND date_from < date_to "
            "AND date_to >= %(first)s AND date_from <= %(last)s",
            {"first": first, "last": last},
        )
    )


def _stored(admin: Session, month: date) -> dict[tuple[str, str, date], int]:
    whole = periods.month_of(month)
    dates = sorted({part.last for part in periods.touched(whole.first, whole.last)})
    listed = ", ".join(f"'{day}'" for day in dates)
    return {
        (table, period, day): count
        for table in FACT_TABLES
        for period, day, count in admin.rows(
            f"SELECT period, date_id, COUNT(*) FROM {table} WHERE date_id IN ({listed}) AND period IN ('W', 'M') "
            "GROUP BY period, date_id"
        )
    }


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
