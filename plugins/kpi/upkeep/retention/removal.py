"""Removal of a table's month: what stays is copied aside and exchanged with the partition, or rows are deleted.

Either way the removed rows are then in an undo table. Writers of the month's slices, and of weeks, months and windows
that hold one of its days, wait from the copy to the end.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import mysql.connector

from kpi.core import catalog, periods
from kpi.core.connections import Session
from kpi.core.errors import KpiError
from kpi.core.ledger import Author
from kpi.core.locks import lock, lock_name
from kpi.core.periods import month_of
from kpi.core.settings import Settings
from kpi.core.statements import script
from kpi.core.tables import Column, Rows, columns, count, there
from kpi.upkeep.partitions.maintenance import no_room
from kpi.upkeep.partitions.planner import quoted
from kpi.upkeep.partitions.table_locks import Patience, patiently
from kpi.upkeep.retention import undo as undos
from kpi.upkeep.retention.planner import Decision
from kpi.upkeep.retention.undo import RetentionError, Undo, require_undo_name
from kpi.upkeep.storage.copying import Digest
from kpi.vocabulary import FACT_TABLES

log = logging.getLogger(__name__)

# Who writes a slice of an old month seldom ends soon: the month's turn comes tomorrow.
_WAIT_SECONDS = 2
_LIES_OTHERWISE = 1731


class MonthBusy(KpiError):
    """A run writes what is to be removed, or what is told by it; nothing was removed."""


@dataclass(frozen=True)
class Work:
    """What all steps of a run need."""

    admin: Session
    settings: Settings
    by: Author
    patience: Patience
    now: datetime  # naive UTC


def remove(work: Work, decision: Decision) -> Undo:
    """Remove the expired rows of a month, whose slices the caller has locked; return where they are.

    Raises RetentionError, TableBusy, PartitionError or another KpiError; the table is then as it was, or a next run
    ends what this one began (settle).
    """
    admin, table = work.admin, decision.table
    parts = columns(admin, table)
    place = _place(decision)
    before = undos.digests(admin, place, parts)
    admin.commit()
    _require_as_planned(decision, before)
    undo = undos.begin(
        admin, table, decision.month, decision.periods, work.settings.retention_undo_days
    )
    try:
        if decision.partition is None:
            _copy(admin, undo, parts, replace(place, periods=undo.periods), before)
            undos.mark_removed(admin, undo, before, undos.DELETING, work.by)
        else:
            staying = tuple(period for period in before if period not in undo.periods)
            _copy(admin, undo, parts, replace(place, periods=staying), before)
            undos.mark_removed(admin, undo, before, undos.EXCHANGING, work.by)
            exchange(work, table, decision.partition, undo.undo_table)
    except (KpiError, mysql.connector.Error) as error:
        if admin.connection.is_connected():
            _take_back(admin, undo)
        if isinstance(error, mysql.connector.Error):
            raise no_room(table, error) or error from error
        raise
    if decision.partition is None:
        delete_copied(work, undo)
    else:
        _require_exchanged(work, decision, undo, parts, before)
    with admin.transaction():
        undos.set_state(admin, undo, undos.KEPT)
    log.info(
        "%s %s: %s rows removed of %s, kept as %s until %s UTC",
        table,
        f"{undo.month:%Y-%m}",
        decision.removed,
        decision.removed + decision.kept,
        undo.undo_table,
        undo.keep_until,
    )
    return undo


def _place(decision: Decision) -> Rows:
    """Return where a month's rows lie: in a partition of their own, or among the others."""
    if decision.partition is None:
        return Rows(decision.table, None, decision.month, month_of(decision.month).last)
    return Rows(decision.table, quoted(decision.partition))


def _require_as_planned(decision: Decision, before: Mapping[str, Digest]) -> None:
    rows = {period: digest.rows for period, digest in before.items()}
    removed = sum(rows.get(period, 0) for period in decision.periods)
    kept = sum(rows.values()) - removed
    if (removed, kept) != (decision.removed, decision.kept) or not all(
        period in rows for period in decision.periods
    ):
        raise MonthBusy(
            f"{decision.table} {decision.month:%Y-%m} has {removed} expired rows and {kept} others now, not "
            f"{decision.removed} and {decision.kept}: somebody wrote meanwhile, so it is left for the next run."
        )


def _copy(
    admin: Session,
    undo: Undo,
    parts: Sequence[Column],
    copied: Rows,
    before: Mapping[str, Digest],
) -> None:
    """Make the table beside and fill it with the rows of some periods; raises RetentionError when they differ."""
    name, of_periods = require_undo_name(undo.undo_table), copied.periods or ()
    statements = script(
        "retention/removal.sql", table=undo.table, undo_table=name, columns=parts, copied=copied
    )
    admin.run(statements["make the undo table"])
    if admin.value(statements["its partitions"], {"name": name}):
        admin.run(statements["without partitions"])
    if of_periods:
        with admin.transaction():
            admin.run(statements["copy"], copied.values)
    made = undos.digests(admin, Rows(name), parts)
    admin.commit()
    if made != {period: before[period] for period in of_periods}:
        raise RetentionError(
            f"The copy {name} differs from {undo.table} though no run writes its slices, so nothing was removed; "
            "find out what else writes the table, then trigger again."
        )


def exchange(work: Work, table: str, partition: str, other: str) -> None:
    """Exchange a partition with a table whose rows came from it; raises TableBusy when others have the table."""
    statements = script(
        "retention/exchange.sql",
        table=table,
        partition=quoted(partition),
        undo_table=require_undo_name(other),
    )
    try:
        _alter(work, table, statements["exchange"])
    except mysql.connector.Error as error:
        if error.errno != _LIES_OTHERWISE:
            raise
        _alter(work, table, statements["rebuild"])
        _alter(work, table, statements["exchange"])


def _alter(work: Work, table: str, sql: str) -> None:
    log.info("Running:\n%s", sql)
    patiently(work.admin, [table], work.patience, lambda: work.admin.run(sql))


def _require_exchanged(
    work: Work,
    decision: Decision,
    undo: Undo,
    parts: Sequence[Column],
    before: Mapping[str, Digest],
) -> None:
    """Count and compare after the exchange; on any difference exchange back and raise RetentionError."""
    admin, partition = work.admin, decision.partition or ""
    stays = count(admin, _place(decision))
    swapped = undos.digests(admin, Rows(undo.undo_table), parts)
    admin.commit()
    if stays == decision.kept and swapped == before:
        return
    exchange(work, decision.table, partition, undo.undo_table)
    _take_back(admin, undo)
    raise RetentionError(
        f"{decision.table} {decision.month:%Y-%m} was changed while it was exchanged, by something that does not lock "
        "slices; it was exchanged back. Find out what else writes the table, then trigger again."
    )


def _take_back(admin: Session, undo: Undo) -> None:
    """Undo the marks and the table beside of a removal that did not happen."""
    admin.rollback()
    with admin.transaction():
        undos.mark_there(admin, undo)
    undos.forget(admin, undo)


def delete_copied(work: Work, undo: Undo) -> None:
    """Delete the rows that an undo table holds from the fact table, some at a time; days computed since stay."""
    admin, name = work.admin, require_undo_name(undo.undo_table)
    statements = script(
        "retention/deletion.sql", table=undo.table, undo_table=name, periods=undo.periods
    )
    after, most = 0, work.settings.retention_chunk_rows
    while True:
        upper = admin.value(statements["last of the next rows"], {"after": after, "most": most})
        if upper is None:
            return
        with admin.transaction():
            admin.run(statements["delete"], {"after": after, "upper": upper})
        after = upper


def settle(work: Work) -> None:
    """End or undo what a killed run left half-done: the tables tell how far it came."""
    for undo in undos.read(work.admin, (undos.COPYING, undos.EXCHANGING, undos.DELETING)):
        if undo.state == undos.DELETING:
            with month_locked(work, undo.table, undo.month):
                delete_copied(work, undo)
            ended = True
        else:
            # The exchange is atomic: the table beside has the rows that stay, or all rows from before.
            ended = undo.state == undos.EXCHANGING and _rows(work.admin, undo) == undo.rows_before
        if not ended:
            _take_back(work.admin, undo)
        else:
            with work.admin.transaction():
                undos.set_state(work.admin, undo, undos.KEPT)
        log.warning(
            "A run that was stopped left %s: %s.",
            undo.undo_table,
            "its rows are removed and kept there" if ended else "nothing was removed, dropped it",
        )


def _rows(admin: Session, undo: Undo) -> int | None:
    name = undo.undo_table
    return count(admin, Rows(name)) if there(admin, name) else None


def slices_of(table: str, month: date, longest: int) -> list[tuple[str, str, date]]:
    """Return the slices to lock for a month, as (table, period, date), in the order in which all writers do; pure.

    Its own, and those that are told by its days: weeks and months of all tables, and windows of `longest` days.
    """
    whole = month_of(month)
    days = list(periods.days(whole.first, whole.last))
    keys = {(table, "D", day) for day in days}
    keys |= {
        (other, part.period, part.last)
        for other in FACT_TABLES
        for part in periods.touched(whole.first, whole.last)
    }
    reach = periods.days(whole.first, whole.last + timedelta(days=longest - 1))
    keys |= {("kpi_value", "R", day) for day in reach}
    return sorted(keys)


@contextmanager
def month_locked(work: Work, table: str, month: date) -> Iterator[None]:
    """Keep writers of a month off; raises MonthBusy when one is at work."""
    longest = catalog.longest_window(catalog.metrics(work.settings.sql_dir))
    with ExitStack() as held:
        for name, period, day in slices_of(table, month, longest):
            locked = lock_name(work.admin.schema, name, period, str(day))
            wait = min(_WAIT_SECONDS, work.settings.lock_wait_seconds)
            try:
                held.enter_context(lock(work.admin, locked, wait))
            except KpiError as error:
                raise MonthBusy(
                    f"{table} {month:%Y-%m} is left for the next run: {name} {period} of {day} is being written "
                    f"({error})"
                ) from error
        yield
