"""What partitions the fact tables have and what lies in them, read from the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from kpi.core.connections import Session
from kpi.core.errors import KpiError
from kpi.core.statements import statement
from kpi.core.tables import Rows
from kpi.upkeep.partitions.monthly import from_days
from kpi.upkeep.partitions.planner import CATCH_ALL, Change, Partition, changes, quoted
from kpi.vocabulary import FACT_TABLES

Storage = Literal["partitioned", "foreign_keys"]


class PartitionError(KpiError):
    """A table's partitions are not such as this package makes, or a change of them went wrong."""


@dataclass(frozen=True)
class Content:
    """What lies in a partition; sizes are MySQL's estimate, in bytes, rows are counted."""

    size: int
    rows: Mapping[str, int]  # by period
    oldest: date | None
    newest: date | None


@dataclass(frozen=True)
class TableLayout:
    """A table's partitions in the order of their bounds, and what lies in each."""

    table: str
    partitions: tuple[Partition, ...]
    contents: tuple[Content, ...]

    @property
    def oldest(self) -> date | None:
        """The date of the table's oldest row, None without rows."""
        return min((content.oldest for content in self.contents if content.oldest), default=None)

    @property
    def newest(self) -> date | None:
        """The date of the table's newest row, None without rows."""
        return max((content.newest for content in self.contents if content.newest), default=None)


def partitions_of(admin: Session, table: str) -> tuple[Partition, ...]:
    """Return a table's partitions in the order of their bounds; none when it is not partitioned.

    Raises PartitionError when it is partitioned otherwise than by RANGE (TO_DAYS(date_id)).
    """
    rows = admin.rows(statement("partitions/layout.sql"), {"table_name": table})
    for _, method, expression, sub, *_ in rows:
        plain = str(expression).replace("`", "").lower()
        if (method, plain, sub) != ("RANGE", "to_days(date_id)", None):
            raise PartitionError(
                f"{table} is partitioned by {method} ({expression}){' with subpartitions' if sub else ''}, "
                "not by RANGE (TO_DAYS(date_id)); partition it as include/sql/schema does "
                "(ALTER TABLE … PARTITION BY …), then trigger again."
            )
    return tuple(
        Partition(name, None if str(end) == "MAXVALUE" else int(end)) for name, *_, end, _ in rows
    )


def storage_of(admin: Session) -> Storage:
    """Return the mode in which the fact tables are stored, whatever KPI_STORAGE says.

    Raises PartitionError when they are not there, or some are partitioned and some are not.
    """
    modes: dict[str, int] = dict(admin.rows(statement("partitions/storage.sql")))
    absent = [table for table in FACT_TABLES if table not in modes]
    if absent:
        raise PartitionError(
            f"The schema '{admin.schema}' has no table {absent[0]}; trigger kpi_bootstrap, then this DAG again."
        )
    partitioned = [table for table in FACT_TABLES if modes[table]]
    if len(partitioned) not in (0, len(FACT_TABLES)):
        raise PartitionError(
            f"Of the fact tables only {', '.join(partitioned)} are partitioned, so somebody changed them by hand; "
            "give all of them the form that include/sql/schema/0002_facts.<KPI_STORAGE>.sql has."
        )
    return "partitioned" if partitioned else "foreign_keys"


def layout(admin: Session, table: str) -> TableLayout:
    """Return a table's partitions and count what lies in each; reads an index of all its rows."""
    partitions = partitions_of(admin, table)
    admin.run("SET SESSION information_schema_stats_expiry = 0")  # sizes of now, not of yesterday
    sizes: dict[str, int | None] = {
        name: size
        for name, *_, size in admin.rows(statement("partitions/layout.sql"), {"table_name": table})
    }
    contents = [
        _content(admin, table, partition, int(sizes.get(partition.name) or 0))
        for partition in partitions
    ]
    return TableLayout(table, partitions, tuple(contents))


def _content(admin: Session, table: str, partition: Partition, size: int) -> Content:
    rows = Rows(table, quoted(partition.name))
    rows_by_period = admin.rows(statement("partitions/content.sql", rows=rows))
    return Content(
        size,
        {period: count for period, count, *_ in rows_by_period},
        min((oldest for *_, oldest, _ in rows_by_period), default=None),
        max((newest for *_, newest in rows_by_period), default=None),
    )


def missing(
    admin: Session, wanted: Sequence[date], *, before_migrations: bool = False
) -> list[str]:
    """Return the statements that give every fact table the wanted months; none in foreign-key mode.

    With `before_migrations`, also those for tables that the migrations of mode `partitioned` will make.
    """
    planned = missing_changes(admin, wanted, before_migrations=before_migrations)
    return [change.sql for change in planned]


def missing_changes(
    admin: Session, wanted: Sequence[date], *, before_migrations: bool = False
) -> list[Change]:
    """Return the same as missing(), with the table of each statement."""
    statements = []
    for table in FACT_TABLES:
        partitions = partitions_of(admin, table)
        if not partitions and before_migrations:
            partitions = (Partition(CATCH_ALL, None),)
        statements += changes(table, partitions, wanted)
    return statements


def report(layouts: Sequence[TableLayout]) -> str:
    """Return a table in text: bounds, rows, MB and periods of each partition."""
    lines = [
        f"{'table':<16} {'partition':<18} {'from':<10} {'to':<10} {'rows':>12} {'MB':>9}  periods"
    ]
    for table_layout in layouts:
        start: int | None = None
        for partition, content in zip(table_layout.partitions, table_layout.contents, strict=True):
            periods = ", ".join(f"{period} {count:,}" for period, count in content.rows.items())
            lines.append(
                f"{table_layout.table:<16} {partition.name:<18} {_day(start):<10} {_day(partition.end, -1):<10} "
                f"{sum(content.rows.values()):>12,} {content.size / 1e6:>9,.1f}  {periods or '–'}"
            )
            start = partition.end
    return "\n".join(lines)


def _day(number: int | None, shift: int = 0) -> str:
    return "…" if number is None else str(from_days(number + shift) or number)
