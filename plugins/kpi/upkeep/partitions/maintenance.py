"""Partition maintenance: reads the layout, asks the planner, executes and counts."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date

import mysql.connector

from kpi.core.connections import ADMIN, Session, attempted, session
from kpi.core.settings import Settings
from kpi.core.tables import Rows, count
from kpi.upkeep import migrations
from kpi.upkeep.partitions.clock import require_plausible
from kpi.upkeep.partitions.layouts import PartitionError, Storage, TableLayout, layout, storage_of
from kpi.upkeep.partitions.monthly import too_new, too_old, wanted_months
from kpi.upkeep.partitions.planner import Change, changes
from kpi.upkeep.partitions.table_locks import Patience, locked_tables
from kpi.upkeep.preflight import require_schema, require_writable
from kpi.vocabulary import FACT_TABLES

log = logging.getLogger(__name__)

# MySQL's errors for a full disk, quota or tablespace.
_NO_ROOM = frozenset({1021, 1026, 1114, 3019})


@dataclass(frozen=True)
class Maintained:
    """How the facts are stored, what a run changed, or would, and the partitions as they are at its end."""

    storage: Storage
    changes: list[Change]
    layouts: list[TableLayout]


def maintain(
    today: date, settings: Settings, *, dry_run: bool, patience: Patience | None = None
) -> Maintained:
    """Give every fact table its months: some ahead, all gaps, and what got into the catch-all.

    In storage mode foreign_keys there is nothing to do. After a lost connection all is read and planned again.
    Raises InputError for a day that cannot be today, TableBusy, PartitionError, ConnectionProblem or another KpiError;
    statements that ran before stay, as each is whole.
    """

    def once() -> Maintained:
        with session(ADMIN) as admin:
            if require_current_schema(admin, settings) == "foreign_keys":
                return Maintained("foreign_keys", [], [])
            require_plausible(admin, today)
            if dry_run:
                return Maintained("partitioned", *_planned(admin, today, settings))
            require_writable(admin)
            with migrations.exclusively(admin, settings.lock_wait_seconds):
                planned, layouts = _planned(admin, today, settings)
                for change in planned:
                    execute(admin, change, patience or Patience())
                if planned:
                    layouts = [layout(admin, table) for table in FACT_TABLES]
            return Maintained("partitioned", planned, layouts)

    return attempted(once, settings.write_attempts)


def require_current_schema(admin: Session, settings: Settings) -> Storage:
    """Return the mode in which the facts are stored; refuse a schema older than the package.

    It is the tables that count: after a conversion KPI_STORAGE may still name the mode before.
    """
    storage = storage_of(admin)
    names = {file.name for file in migrations.available(settings.sql_dir, storage)}
    other = {"partitioned": "foreign_keys", "foreign_keys": "partitioned"}[storage]
    others = {file.name for file in migrations.available(settings.sql_dir, other)} - names
    if any(row.name in others for row in migrations.applied(admin)):
        raise PartitionError(
            f"A conversion to {storage} stopped before its last step; trigger kpi_partition_maintenance with "
            f'{{"convert_to": "{storage}"}} to end it.'
        )
    require_schema(admin, settings.model_copy(update={"storage": storage}))
    return storage


def _planned(
    admin: Session, today: date, settings: Settings
) -> tuple[list[Change], list[TableLayout]]:
    layouts = [layout(admin, table) for table in FACT_TABLES]
    planned = []
    for table_layout in layouts:
        _warn_of_far_rows(table_layout, today)
        wanted = wanted_months(
            today,
            settings.partition_months_back,
            settings.partition_months_ahead,
            table_layout.oldest,
            table_layout.newest,
        )
        planned += changes(table_layout.table, table_layout.partitions, wanted)
    return planned, layouts


def _warn_of_far_rows(table_layout: TableLayout, today: date) -> None:
    for day, far in ((table_layout.oldest, too_old), (table_layout.newest, too_new)):
        if day is not None and far(day, today):
            log.warning(
                "%s has rows of %s, too far from today for a partition of their month; they stay where they are: "
                "look where they come from.",
                table_layout.table,
                day,
            )


def execute(admin: Session, change: Change, patience: Patience) -> None:
    """Run one change with the table's rows counted before and after; nobody writes meanwhile.

    Raises TableBusy when the table is in use, PartitionError when rows are missing afterwards or there is no
    room for the copy that MySQL makes; that statement has then changed nothing.
    """
    log.info("Running:\n%s", change.sql)
    with locked_tables(admin, [change.table], patience):
        before = count(admin, Rows(change.table))
        try:
            admin.run(change.sql)
        except mysql.connector.Error as error:
            raise no_room(change.table, error) or error from error
        require_same_count(change.table, before, count(admin, Rows(change.table)))


def require_same_count(table: str, before: int, after: int) -> None:
    """Raise PartitionError when a change of partitions changed the number of rows."""
    if before != after:
        raise PartitionError(
            f"{table} had {before} rows before its partitions were changed and has {after} after; "
            f"look at CHECK TABLE {table} and bring back the missing days with kpi_daily (their history is untouched)."
        )


def no_room(table: str, error: mysql.connector.Error) -> PartitionError | None:
    """Return a full disk's error in words, None for other errors."""
    if error.errno not in _NO_ROOM:
        return None
    return PartitionError(
        f"MySQL has no room left to rebuild {table} ({error.msg}), so it is as it was; free some space on the "
        "server, then trigger again."
    )
