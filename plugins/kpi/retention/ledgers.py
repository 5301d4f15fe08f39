"""Retention of what is not partitioned, deleted in chunks: closed versions of the history, ledgers, alerts, changes."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from kpi import calendar, ledger
from kpi.capture import last_capture
from kpi.locks import lock, lock_name
from kpi.periods import ONE_DAY
from kpi.retention import undo as undos
from kpi.retention.dropped import history_cut
from kpi.retention.guards import history_bound, ledger_bound
from kpi.retention.limits import Limits
from kpi.retention.reading import oldest_day, oldest_done_day
from kpi.retention.removal import MonthBusy, Work
from kpi.slices import Written

log = logging.getLogger(__name__)

# Keys of the versioned relations; kpi_src_feedback stays whole: an event that is gone would be captured anew.
VERSIONED = {
    "kpi_src_realisation": ("learner_id", "domain", "ref_id"),
    "kpi_src_membership": ("learner_id", "scope_type", "scope_ref_id"),
    "kpi_src_plan": ("scope_type", "scope_ref_id", "ua_ref_id"),
}


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
    found = _cut_history(work, limits, dry_run)
    found.append(_cut_ledger(work, limits, dry_run))
    found.append(
        _cut_one(
            work,
            "kpi_reject",
            limits.rejects,
            "last_seen_at < %(before)s",
            {"before": limits.rejects},
            dry_run,
        )
    )
    # One that lasts stays, however old.
    over = "until_on < %(before)s"
    found.append(
        _cut_one(work, "kpi_alert", limits.ledger, over, {"before": limits.ledger}, dry_run)
    )
    # One that is pending stays, however old.
    done = "done_at < %(before)s"
    found.append(
        _cut_one(work, "kpi_change", limits.changes, done, {"before": limits.changes}, dry_run)
    )
    return found


def _cut_history(work: Work, limits: Limits, dry_run: bool) -> list[Cut]:
    """Delete the closed versions that no day from the bound on is told by, and that no capture looks back at."""
    admin = work.admin
    days = [day for day in (oldest_day(admin), oldest_done_day(admin)) if day]
    bound = history_bound(limits.history, min(days, default=None))
    already = history_cut(admin)
    bound = bound if already is None else max(bound, already)
    zone = work.settings.timezone
    values = {"before": calendar.utc_start(bound, zone), "most": work.settings.retention_chunk_rows}
    found = []
    with _no_capture(work):
        for table, key in VERSIONED.items():
            counted = _count_versions(work, table, key, values)
            there = int(admin.value(f"SELECT COUNT(*) FROM {table}"))
            found.append(Cut(table, bound, counted, there))
        admin.commit()
        if not dry_run and any(one.rows for one in found):
            # Said first: from then on no day before the bound is computed.
            _record_history(work, bound, found)
            for table, key in VERSIONED.items():
                _delete_versions(work, table, key, values)
    return found


def _no_capture(work: Work) -> Any:
    name = lock_name(work.admin.schema, "capture")
    if work.admin.value("SELECT IS_USED_LOCK(%(name)s)", {"name": name}) is not None:
        raise MonthBusy(
            "A capture is under way, so the history is left for the next run; clear the task when it has ended."
        )
    return lock(work.admin, name, min(5, work.settings.lock_wait_seconds))


def _expired_version(table: str, key: tuple[str, ...]) -> str:
    """Select the versions to delete.

    The newest of a key stays, open or closed: the capture tells by it whether a row comes back, and as what.
    """
    same = " AND ".join(f"later.{column} = version.{column}" for column in key)
    return (
        f"FROM {table} AS version WHERE version.valid_to <= %(before)s AND EXISTS ("
        f"SELECT 1 FROM {table} AS later WHERE {same} AND later.valid_from > version.valid_from)"
    )


def _count_versions(work: Work, table: str, key: tuple[str, ...], values: Mapping[str, Any]) -> int:
    return int(work.admin.value(f"SELECT COUNT(*) {_expired_version(table, key)}", values))


def _delete_versions(
    work: Work, table: str, key: tuple[str, ...], values: Mapping[str, Any]
) -> None:
    primary = ("valid_to", *key)
    chosen = ", ".join(f"version.{column}" for column in primary)
    same = " AND ".join(f"chosen.{column} = gone.{column}" for column in primary)
    while True:
        with work.admin.transaction():
            deleted = work.admin.run(
                f"DELETE gone FROM {table} AS gone INNER JOIN "
                f"(SELECT {chosen} {_expired_version(table, key)} LIMIT %(most)s) AS chosen ON {same}",
                values,
            )
        if deleted < values["most"]:
            return


def _record_history(work: Work, bound: date, found: list[Cut]) -> None:
    started = datetime.now(UTC).replace(tzinfo=None)
    first: date = work.admin.value("SELECT MIN(date_id) FROM kpi_time") or bound
    first = min(first, bound - ONE_DAY)
    last = last_capture(work.admin)
    with work.admin.transaction():
        for one in found:
            entry = ledger.Entry(
                one.table,
                None,
                bound - ONE_DAY,
                Written(deleted=one.rows, unchanged=one.there - one.rows),
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
    kept += [one.month for one in undos.read(admin, (undos.KEPT,))]
    last = last_capture(admin)
    if last is not None:
        kept.append(last.day)
    bound = ledger_bound(limits.ledger, min(kept, default=None))
    return _cut_one(
        work,
        "kpi_run",
        bound,
        "date_to < %(before)s AND finished_at < %(before)s AND state IN ('DONE', 'FAILED', 'TAKEN_BACK')",
        {"before": bound},
        dry_run,
    )


def _cut_one(
    work: Work, table: str, before: date, where: str, values: dict[str, Any], dry_run: bool
) -> Cut:
    admin, most = work.admin, work.settings.retention_chunk_rows
    counted = int(admin.value(f"SELECT COUNT(*) FROM {table} WHERE {where}", values))
    there = int(admin.value(f"SELECT COUNT(*) FROM {table}"))
    admin.commit()
    deleted = most
    while not dry_run and deleted == most:
        with admin.transaction():
            # By their ids: a DELETE that looks for its rows itself waits for those that others are writing.
            ids = admin.rows(f"SELECT id FROM {table} WHERE {where} LIMIT {most:d}", values)
            deleted = admin.run(
                f"DELETE gone FROM JSON_TABLE(%(ids)s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS listed "
                f"INNER JOIN {table} AS gone ON gone.id = listed.id WHERE {where}",
                {**values, "ids": json.dumps([one for (one,) in ids])},
            )
    return Cut(table, before, counted, there)
