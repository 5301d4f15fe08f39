"""Retention of what is not partitioned, deleted in chunks: closed versions of the history, ledgers, alerts, changes."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from kpi.core import ledger, local_days
from kpi.core.ledger import Written
from kpi.core.locks import lock, lock_name
from kpi.core.periods import ONE_DAY
from kpi.core.statements import script
from kpi.core.tables import Rows, count
from kpi.figures.dropped_days import history_cut
from kpi.history.capture import last_capture
from kpi.upkeep.retention import undo as undos
from kpi.upkeep.retention.guards import history_bound, ledger_bound
from kpi.upkeep.retention.limits import Limits
from kpi.upkeep.retention.reading import first_calendar_day, oldest_day, oldest_done_day
from kpi.upkeep.retention.removal import MonthBusy, Work

log = logging.getLogger(__name__)

VERSIONED = ("kpi_src_realisation", "kpi_src_membership", "kpi_src_plan")


@dataclass(frozen=True)
class Cut:
    """What was, or would be, deleted from a table: `rows` from before a local day."""

    table: str
    before: date
    rows: int
    there: int


def cut(work: Work, limits: Limits, *, dry_run: bool) -> list[Cut]:
    """Delete what has expired of history, ledger, rejects, alerts and changes, or only count it; return it by table.

    Raises MonthBusy when a capture is under way, or another KpiError; what was deleted before then stays deleted.
    """
    cuts = _cut_history(work, limits, dry_run)
    cuts.append(_cut_ledger(work, limits, dry_run))
    cuts.append(_cut_one(work, "kpi_reject", limits.rejects, dry_run))
    cuts.append(_cut_one(work, "kpi_alert", limits.ledger, dry_run))
    cuts.append(_cut_one(work, "kpi_change", limits.changes, dry_run))
    return cuts


def _cut_history(work: Work, limits: Limits, dry_run: bool) -> list[Cut]:
    """Delete the closed versions that no day from the bound on is told by, and that no capture looks back at."""
    admin = work.admin
    days = [day for day in (oldest_day(admin), oldest_done_day(admin)) if day]
    bound = history_bound(limits.history, min(days, default=None))
    already = history_cut(admin)
    bound = bound if already is None else max(bound, already)
    zone = work.settings.timezone
    values = {
        "bound": local_days.utc_start(bound, zone),
        "most": work.settings.retention_chunk_rows,
    }
    cuts, statements = [], script("retention/history.sql")
    with _no_capture(work):
        for table in VERSIONED:
            counted = int(admin.value(statements[f"expired in {table}"], values))
            cuts.append(Cut(table, bound, counted, count(admin, Rows(table))))
        admin.commit()
        if not dry_run and any(expired.rows for expired in cuts):
            # Said first: from then on no day before the bound is computed.
            _record_history(work, bound, cuts)
            for table in VERSIONED:
                _delete_versions(work, statements[f"delete from {table}"], values)
    return cuts


def _no_capture(work: Work) -> Any:
    name = lock_name(work.admin.schema, "capture")
    if work.admin.value("SELECT IS_USED_LOCK(%(name)s)", {"name": name}) is not None:
        raise MonthBusy(
            "A capture is under way, so the history is left for the next run; clear the task when it has ended."
        )
    return lock(work.admin, name, min(5, work.settings.lock_wait_seconds))


def _delete_versions(work: Work, delete: str, values: Mapping[str, Any]) -> None:
    while True:
        with work.admin.transaction():
            deleted = work.admin.run(delete, values)
        if deleted < values["most"]:
            return


def _record_history(work: Work, bound: date, cuts: list[Cut]) -> None:
    started = datetime.now(UTC).replace(tzinfo=None)
    first: date = first_calendar_day(work.admin) or bound
    first = min(first, bound - ONE_DAY)
    last = last_capture(work.admin)
    with work.admin.transaction():
        for expired in cuts:
            entry = ledger.Entry(
                expired.table,
                None,
                bound - ONE_DAY,
                Written(deleted=expired.rows, unchanged=expired.there - expired.rows),
                watermark=last.captured_at if last else None,
                first=first,
                state="DROPPED",
                message="closed versions",
            )
            ledger.record(work.admin, entry, work.by, started)


def _cut_ledger(work: Work, limits: Limits, dry_run: bool) -> Cut:
    """Delete ledger rows of days long gone; what tells that days were removed stays."""
    admin = work.admin
    kept = [day for day in (oldest_day(admin), oldest_done_day(admin)) if day]
    kept += [undo.month for undo in undos.read(admin, (undos.KEPT,))]
    last = last_capture(admin)
    if last is not None:
        kept.append(last.day)
    bound = ledger_bound(limits.ledger, min(kept, default=None))
    return _cut_one(work, "kpi_run", bound, dry_run)


def _cut_one(work: Work, table: str, before: date, dry_run: bool) -> Cut:
    admin, most = work.admin, work.settings.retention_chunk_rows
    statements, values = script("retention/ledgers.sql"), {"bound": before, "most": most}
    counted = int(admin.value(statements[f"expired in {table}"], values))
    there = count(admin, Rows(table))
    admin.commit()
    deleted = most
    while not dry_run and deleted == most:
        with admin.transaction():
            ids = [row_id for (row_id,) in admin.rows(statements[f"next in {table}"], values)]
            delete = statements[f"delete from {table}"]
            deleted = admin.run(delete, values | {"ids": json.dumps(ids)})
    return Cut(table, before, counted, there)
