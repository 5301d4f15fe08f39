"""Monthly partitions of the fact tables: which are missing, and the statements that make them.

The planner is pure: a layout goes in, statements come out; the bootstrap executes them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import date

from kpi.connections import Session

log = logging.getLogger(__name__)

FACT_TABLES = ("kpi_value", "kpi_state_count", "kpi_percentiles", "kpi_plan_gap")
CATCH_ALL = "p_max"


def months(first: date, last: date) -> list[date]:
    """Return the first days of the months from that of `first` to that of `last`."""
    found = []
    month = first.replace(day=1)
    while month <= last:
        found.append(month)
        month = _next_month(month)
    return found


def months_around(today: date, back: int, ahead: int) -> list[date]:
    """Return the months to have partitions for: `back` before today's month to `ahead` after it."""
    number = today.year * 12 + today.month - 1
    return [date(n // 12, n % 12 + 1, 1) for n in range(number - back, number + ahead + 1)]


def split_catch_all(table: str, wanted: Iterable[date], bounds: Iterable[date]) -> str | None:
    """Return the statement that splits the wanted months off the catch-all, None when all are there.

    `bounds` are the days at which the table's present partitions end. Only months after the last of them are
    made: the catch-all lies behind it. A row older than the first month lands in the first partition.
    """
    last_bound = max(bounds, default=date.min)
    ends = [_next_month(month) for month in wanted if _next_month(month) > last_bound]
    if not ends:
        return None
    parts = [
        f"  PARTITION p{_month_before(end):%Y%m} VALUES LESS THAN (TO_DAYS('{end}'))"
        for end in ends
    ]
    parts.append(f"  PARTITION {CATCH_ALL} VALUES LESS THAN MAXVALUE")
    return (
        f"ALTER TABLE {table} REORGANIZE PARTITION {CATCH_ALL} INTO (\n" + ",\n".join(parts) + "\n)"
    )


def layout(admin: Session, table: str) -> list[date] | None:
    """Return the days at which a table's partitions end, without the catch-all; None if it has none."""
    rows = admin.rows(
        "SELECT partition_name, partition_description FROM information_schema.partitions "
        "WHERE table_schema = DATABASE() AND table_name = %(table)s AND partition_name IS NOT NULL",
        {"table": table},
    )
    if not rows:
        return None
    # TO_DAYS counts from year 0; Python's ordinals from year 1.
    return [date.fromordinal(int(end) - 365) for _, end in rows if str(end) != "MAXVALUE"]


def missing(admin: Session, wanted: list[date], *, before_migrations: bool = False) -> list[str]:
    """Return the statements that give every fact table the wanted months; none in foreign-key mode.

    With `before_migrations`, also those for tables that the migrations of mode `partitioned` will make.
    """
    statements = []
    for table in FACT_TABLES:
        bounds = layout(admin, table)
        if bounds is None and before_migrations:
            bounds = []
        statement = split_catch_all(table, wanted, bounds) if bounds is not None else None
        if statement is not None:
            statements.append(statement)
    return statements


def _next_month(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _month_before(month: date) -> date:
    return date(month.year - (month.month == 1), (month.month - 2) % 12 + 1, 1)
