"""Conversion between the storage modes: beside the tables in use, compared, then swapped in one statement.

Each step can be repeated, and what there is tells how far a run came: tables kpi_…_new are a copy in the making,
kpi_…_old what was in use before. Writers go on until the last comparison, which keeps them off.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date

from kpi.core.connections import ADMIN, Session, attempted, session
from kpi.core.settings import Settings
from kpi.core.statements import script, statement
from kpi.core.tables import Rows, columns, count, there
from kpi.upkeep import collation, migrations
from kpi.upkeep.migrations import Migration
from kpi.upkeep.partitions.clock import require_plausible
from kpi.upkeep.partitions.layouts import Storage, partitions_of, storage_of
from kpi.upkeep.partitions.maintenance import execute, require_current_schema
from kpi.upkeep.partitions.monthly import wanted_months
from kpi.upkeep.partitions.planner import changes
from kpi.upkeep.partitions.table_locks import Patience, locked_tables, patiently
from kpi.upkeep.preflight import require_writable
from kpi.upkeep.storage.copying import ConversionError, Copy, catch_up, require_same_columns, settle
from kpi.upkeep.storage.tables import ForeignKey, beside, foreign_keys, new, old
from kpi.vocabulary import FACT_TABLES

log = logging.getLogger(__name__)

# Values named in an error about orphans.
_NAMED = 3


def convert(
    target: Storage,
    today: date,
    settings: Settings,
    *,
    dry_run: bool,
    patience: Patience | None = None,
) -> bool:
    """Convert the fact tables to the storage mode `target`; return False when they are so already.

    The tables from before stay, named kpi_…_old. A run that was stopped at any point is gone on with by another.
    Raises ConversionError, TableBusy, InputError or another KpiError; the tables in use are then as they were.
    """

    def once() -> bool:
        with session(ADMIN) as admin:
            if dry_run:
                return _converted(admin, target, today, settings, None)
            require_writable(admin)
            with migrations.exclusively(admin, settings.lock_wait_seconds):
                return _converted(admin, target, today, settings, patience or Patience())

    return attempted(once, settings.write_attempts)


def drop_left_behind(
    settings: Settings, *, dry_run: bool, patience: Patience | None = None
) -> list[str]:
    """Drop the tables that conversions left: those from before, and copies never swapped in; return their names.

    Raises TableBusy when one is in use, or another KpiError; all are then still there.
    """

    def once() -> list[str]:
        with (
            session(ADMIN) as admin,
            migrations.exclusively(admin, settings.lock_wait_seconds),
        ):
            require_current_schema(admin, settings)
            left = _there(admin, [name(table) for name in (old, new) for table in FACT_TABLES])
            if left and not dry_run:
                require_writable(admin)
                drop = statement("storage/drop_tables.sql", tables=left)
                patiently(admin, left, patience or Patience(), lambda: admin.run(drop))
            return left

    return attempted(once, settings.write_attempts)


def _converted(
    admin: Session, target: Storage, today: date, settings: Settings, patience: Patience | None
) -> bool:
    """Do the conversion, or with `patience` None say what would be done."""
    files = migrations.available(settings.sql_dir, target)
    if storage_of(admin) == target:
        if patience is not None:
            _record(admin, files)
        return False
    require_current_schema(admin, settings)
    require_plausible(admin, today)
    _require_nothing_left(admin)
    require_no_orphans(admin, foreign_keys(files))
    if patience is None:
        _say(admin, files)
        return True
    _make_tables(admin, files, target)
    collation.unify(admin)
    for table in FACT_TABLES if target == "partitioned" else ():
        _partition(admin, table, today, settings, patience)
    for table in FACT_TABLES:
        catch_up(admin, Copy(admin, table, columns(admin, table)))
    admin.rows(_ending()["analyse the copies"])
    _swap(admin, patience)
    _record(admin, files)
    return True


def require_no_orphans(admin: Session, keys: Sequence[ForeignKey]) -> None:
    """Refuse rows that a foreign key would refuse; raises ConversionError naming tables, columns and values."""
    orphans = []
    for key in keys:
        missing = admin.rows(statement("storage/orphans.sql", foreign_key=key))
        if missing:
            named = ", ".join(f"{value}: {rows} rows" for value, rows in missing[:_NAMED])
            more = ", …" if len(missing) > _NAMED else ""
            orphans.append(f"{key.table}.{key.column} not in {key.parent} ({named}{more})")
    if orphans:
        raise ConversionError(
            f"Rows name what is not there: {'; '.join(orphans)}; bring the dimension's rows back or delete these, "
            "then trigger again."
        )


def _require_nothing_left(admin: Session) -> None:
    left = _there(admin, [old(table) for table in FACT_TABLES])
    if left:
        raise ConversionError(
            f"The tables from before the last conversion are still there ({', '.join(left)}); look at the present "
            'ones, then drop those with {"drop_old": true}, and trigger this again.'
        )


def _say(admin: Session, files: Sequence[Migration]) -> None:
    for table in FACT_TABLES:
        log.info("Would copy %s rows of %s.", count(admin, Rows(table)), table)
    for sql in beside(files):
        log.info("Would run:\n%s", sql)
    log.info("Would run, once the copies are compared:\n%s", _ending()["swap"])


def _make_tables(admin: Session, files: Sequence[Migration], target: Storage) -> None:
    """Make the empty new tables; those of a run that was stopped are kept when they are whole."""
    left = _there(admin, [new(table) for table in FACT_TABLES])
    if left and not _usable(admin, left, target):
        log.info("Dropping %s, which a stopped run left unfinished", ", ".join(left))
        admin.run(statement("storage/drop_tables.sql", tables=left))
        left = []
    if left:
        log.info("Going on with the copies that a stopped run left: %s", ", ".join(left))
        return
    for sql in beside(files):
        log.info("Running:\n%s", sql)
        admin.run(sql)
    for table in FACT_TABLES:
        require_same_columns(table, columns(admin, table), columns(admin, new(table)))


def _usable(admin: Session, left: Sequence[str], target: Storage) -> bool:
    return len(left) == len(FACT_TABLES) and all(
        bool(partitions_of(admin, new(table))) == (target == "partitioned")
        and columns(admin, new(table)) == columns(admin, table)
        for table in FACT_TABLES
    )


def _partition(
    admin: Session, table: str, today: date, settings: Settings, patience: Patience
) -> None:
    [(oldest, newest)] = admin.rows(statement("storage/span.sql", table=table))
    wanted = wanted_months(
        today, settings.partition_months_back, settings.partition_months_ahead, oldest, newest
    )
    for change in changes(new(table), partitions_of(admin, new(table)), wanted):
        execute(admin, change, patience)


def _swap(admin: Session, patience: Patience) -> None:
    """Compare all, then put the new tables in the place of the present ones, while nobody reads or writes them."""
    copies = [Copy(admin, table, columns(admin, table)) for table in FACT_TABLES]
    both = [name for table in FACT_TABLES for name in (table, new(table))]
    with locked_tables(admin, both, patience):
        for copy in copies:
            rows = settle(admin, copy)
            log.info("%s: %s rows in both tables, checksums equal", copy.table, rows)
        admin.run(_ending()["swap"])
    log.info("Swapped:\n%s", _ending()["swap"])


def _ending() -> dict[str, str]:
    return script(
        "storage/swap.sql",
        new={table: new(table) for table in FACT_TABLES},
        old={table: old(table) for table in FACT_TABLES},
    )


def _record(admin: Session, files: Sequence[Migration]) -> None:
    """Make kpi_migration name the files of the present mode, so that KPI_STORAGE is checked against them."""
    with admin.transaction():
        for file in files:
            admin.run(
                script(migrations.STATEMENTS)["rename after a conversion"],
                {
                    "name": file.name,
                    "checksum": file.checksum,
                    "statements": len(file.statements),
                    "version": file.version,
                },
            )


def _there(admin: Session, names: Sequence[str]) -> list[str]:
    return [name for name in names if there(admin, name)]
