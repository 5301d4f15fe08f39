"""A run of retention: reads, asks the planner, removes month by month, and drops what need not be kept for undoing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TypeVar

from kpi.core.connections import ADMIN, attempted, session
from kpi.core.ledger import Author
from kpi.core.settings import Settings
from kpi.core.statements import statement
from kpi.core.tables import Rows, count
from kpi.upkeep import migrations
from kpi.upkeep.partitions.clock import require_plausible
from kpi.upkeep.partitions.layouts import Storage
from kpi.upkeep.partitions.maintenance import require_current_schema, require_same_count
from kpi.upkeep.partitions.planner import quoted
from kpi.upkeep.partitions.table_locks import Patience, locked_tables
from kpi.upkeep.preflight import require_writable
from kpi.upkeep.retention import ledgers, reading, restoring
from kpi.upkeep.retention import undo as undos
from kpi.upkeep.retention.guards import held, not_rolled_up
from kpi.upkeep.retention.ledgers import Cut
from kpi.upkeep.retention.limits import Limits, limits
from kpi.upkeep.retention.planner import Decision, planned
from kpi.upkeep.retention.removal import MonthBusy, Work, month_locked, remove, settle
from kpi.upkeep.retention.undo import RetentionError, Undo
from kpi.vocabulary import FACT_TABLES

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class Retained:
    """What was decided and done about the months with expired rows, and what became of the undo tables."""

    storage: Storage
    decisions: list[Decision]
    purged: list[Undo]
    kept: list[Undo]


def retain(
    today: date, settings: Settings, by: Author, *, dry_run: bool, patience: Patience | None = None
) -> Retained:
    """Remove the facts that have expired on a local day, as far as nothing stands in the way; or only say so.

    Undo tables whose time is over are dropped first. Raises InputError for a day that cannot be today, TableBusy,
    RetentionError or another KpiError: the month under way is then as it was, those before it are done.
    """

    def once(work: Work, storage: Storage) -> Retained:
        bounds = limits(today, settings)
        require_plausible(work.admin, today)
        if not dry_run:
            settle(work)
        kept = undos.read(work.admin, (undos.KEPT, undos.RESTORED))
        purged = restoring.due(kept, work) if dry_run else restoring.purge(work, kept)
        decisions = _decisions(work, storage, bounds)
        if not dry_run:
            decisions = [_carried_out(work, decision) for decision in decisions]
        return Retained(storage, decisions, purged, undos.read(work.admin, (undos.KEPT,)))

    return _run(settings, by, patience, once, writes=not dry_run)


def restore(
    asked: str,
    settings: Settings,
    by: Author,
    *,
    over: bool,
    dry_run: bool,
    patience: Patience | None = None,
) -> list[Undo]:
    """Bring back what an undo table, or all of a month (YYYY-MM), holds; return what was, or would be, restored.

    Raises InputError when there is no such undo table, MonthBusy, RetentionError or another KpiError; the undo tables
    named before the one that failed are restored.
    """

    def once(work: Work, _: Storage) -> list[Undo]:
        if not dry_run:
            settle(work)
        undo_tables = restoring.chosen(undos.read(work.admin, (undos.KEPT,)), asked)
        for undo in [] if dry_run else undo_tables:
            restoring.restore(work, undo, over=over)
        return undo_tables

    return _run(settings, by, patience, once, writes=not dry_run)


def cut(today: date, settings: Settings, by: Author, *, dry_run: bool) -> list[Cut]:
    """Delete what has expired on a local day of the history and the ledgers (kpi_run, kpi_reject, …), or only count it.

    Raises InputError for a day that cannot be today, MonthBusy during a capture, or another KpiError.
    """

    def once(work: Work, _: Storage) -> list[Cut]:
        require_plausible(work.admin, today)
        return ledgers.cut(work, limits(today, settings), dry_run=dry_run)

    return _run(settings, by, None, once, writes=not dry_run)


def _run(
    settings: Settings,
    by: Author,
    patience: Patience | None,
    once: Callable[[Work, Storage], T],
    *,
    writes: bool,
) -> T:
    """Do it on a session of kpi_admin; when it writes, alone among all that changes tables. Lost connections: again."""

    def attempt() -> T:
        with session(ADMIN) as admin:
            storage = require_current_schema(admin, settings)
            now = datetime.now(UTC).replace(tzinfo=None)
            work = Work(admin, settings, by, patience or Patience(), now)
            if not writes:
                return once(work, storage)
            require_writable(admin)
            with migrations.exclusively(admin, settings.lock_wait_seconds):
                return once(work, storage)

    return attempted(attempt, settings.write_attempts)


def _decisions(work: Work, storage: Storage, bounds: Limits) -> list[Decision]:
    months = reading.month_rows(work.admin, storage)
    holds = reading.holds(work.admin, work.now)
    obstacles = {part.month: held(part.month, holds) for part in months}
    to_go = {
        part.month for part in months if part.rows.get("D") and "D" in bounds.expired(part.month)
    }
    days_obstacles = {
        month: not_rolled_up(month, FACT_TABLES, reading.evidence(work.admin, month, work.settings))
        for month in sorted(to_go)
        if not obstacles[month]
    }
    work.admin.commit()
    return planned(
        months,
        bounds,
        obstacles,
        days_obstacles,
        work.settings.retention_partitions_per_run,
    )


def _carried_out(work: Work, decision: Decision) -> Decision:
    """Do what was decided; return it, or as kept with the reason when somebody writes the month."""
    if decision.action == "keep":
        return decision
    if decision.action == "drop partition":
        _drop_empty(work, decision)
        return decision
    try:
        with month_locked(work, decision.table, decision.month):
            _require_nothing_in_the_way(work, decision)
            remove(work, decision)
    except MonthBusy as busy:
        log.warning("%s", busy)
        rows = decision.removed + decision.kept
        return replace(decision, action="keep", removed=0, kept=rows, reason=str(busy))
    return decision


def _require_nothing_in_the_way(work: Work, decision: Decision) -> None:
    """Look again with the locks held: between the plan and its turn somebody may have written, or asked for a hold."""
    reason = held(decision.month, reading.holds(work.admin, work.now))
    if not reason and "D" in decision.periods:
        evidence = reading.evidence(work.admin, decision.month, work.settings)
        reason = not_rolled_up(decision.month, FACT_TABLES, evidence)
    work.admin.commit()
    if reason:
        raise MonthBusy(
            f"{decision.table} {decision.month:%Y-%m} is left for the next run: {reason}"
        )


def _drop_empty(work: Work, decision: Decision) -> None:
    """Drop a partition that is still empty when nobody can write it."""
    admin, table, partition = work.admin, decision.table, quoted(decision.partition or "")
    with locked_tables(admin, [table], work.patience):
        rows = count(admin, Rows(table, partition))
        if rows:
            raise RetentionError(
                f"{table} got {rows} rows into its empty partition {partition}, which is kept; trigger again."
            )
        before = count(admin, Rows(table))
        admin.run(statement("partitions/drop.sql", table=table, partition=partition))
        require_same_count(table, before, count(admin, Rows(table)))


def columns() -> Sequence[str]:
    """Return the heads of the table that a run's log ends with."""
    return ("table", "month", "periods", "what", "removed", "stay", "why not")


def told(decisions: Iterable[Decision]) -> list[tuple[object, ...]]:
    """Return its lines."""
    return [
        (
            decision.table,
            f"{decision.month:%Y-%m}",
            " ".join(decision.periods),
            decision.action,
            decision.removed,
            decision.kept,
            decision.reason,
        )
        for decision in decisions
    ]
