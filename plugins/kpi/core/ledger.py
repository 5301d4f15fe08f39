"""The ledger kpi_run: one row per slice or relation written."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Protocol

from kpi.core.connections import ETL, Session, session
from kpi.core.statements import statement

log = logging.getLogger(__name__)

_SCOPES_LENGTH = 255  # of the column kpi_run.scopes


class RowCounts(Protocol):
    """What happened to the rows of a table."""

    @property
    def inserted(self) -> int: ...
    @property
    def updated(self) -> int: ...
    @property
    def deleted(self) -> int: ...
    @property
    def unchanged(self) -> int: ...


@dataclass(frozen=True)
class Written:
    """What a run did to the rows of a table."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0

    def __add__(self, other: Written) -> Written:
        return Written(
            self.inserted + other.inserted,
            self.updated + other.updated,
            self.deleted + other.deleted,
            self.unchanged + other.unchanged,
        )


@dataclass(frozen=True)
class Author:
    """Who writes, and why when a person said so: the Airflow task instance, all None outside Airflow."""

    dag_id: str | None = None
    run_id: str | None = None
    task_id: str | None = None
    try_number: int | None = None
    reason: str | None = None

    @classmethod
    def of(cls, context: Mapping[str, Any]) -> Author:
        """Read the author off an Airflow task context."""
        task = context.get("ti")
        if task is None:
            return cls()
        reason = (context.get("params") or {}).get("reason")
        return cls(task.dag_id, task.run_id, task.task_id, task.try_number, reason)


@dataclass(frozen=True)
class Entry:
    """One table's part of a run: of `day`, or from `first` to `day`; `scopes` is empty for all.

    `state` is what it is when nothing failed: DONE, or DROPPED for what retention removes.
    """

    table_name: str
    period: str | None
    day: date
    counts: RowCounts | None = None
    rejected: int = 0
    reopened: int = 0
    watermark: datetime | None = None
    scopes: str = ""
    first: date | None = None
    state: str = "DONE"
    message: str | None = None


def record(
    etl: Session, entry: Entry, by: Author, started: datetime, failure: str | None = None
) -> None:
    """Write one ledger row in the session's transaction; instants are naive UTC."""
    etl.run(statement("ledger/record.sql"), _row(etl, entry, by, started, failure))


def record_all(etl: Session, entries: Iterable[Entry], by: Author, started: datetime) -> None:
    """Write a ledger row for each entry in the session's transaction, in one statement; instants are naive UTC."""
    if rows := [_row(etl, entry, by, started) for entry in entries]:
        etl.load(statement("ledger/record.sql"), rows)


def _row(
    etl: Session, entry: Entry, by: Author, started: datetime, failure: str | None = None
) -> dict[str, Any]:
    counts = entry.counts
    return {
        "table_name": entry.table_name,
        "period": entry.period,
        "date_from": entry.first or entry.day,
        "date_to": entry.day,
        "scopes": _short(entry.scopes) or None,
        **vars(by),
        "state": entry.state if failure is None else "FAILED",
        "rows_inserted": counts.inserted if counts else 0,
        "rows_updated": counts.updated if counts else 0,
        "rows_deleted": counts.deleted if counts else 0,
        "rows_unchanged": counts.unchanged if counts else 0,
        "rows_rejected": entry.rejected,
        "rows_reopened": entry.reopened,
        "watermark": entry.watermark or watermark(etl),
        "message": failure or entry.message,
        "started_at": started,
        "finished_at": datetime.now(UTC).replace(tzinfo=None),
    }


def _short(scopes: str) -> str:
    return scopes if len(scopes) <= _SCOPES_LENGTH else f"{scopes[: _SCOPES_LENGTH - 1]}…"


def record_failure(entry: Entry, by: Author, started: datetime, error: Exception) -> None:
    """Write a FAILED row on a connection of its own; when that fails too, only log it."""
    try:
        with session(ETL) as etl, etl.transaction():
            record(etl, entry, by, started, failure=str(error))
    except Exception as second:
        log.warning("The ledger could not be told of the failure: %s", second)


def watermark(etl: Session) -> datetime | None:
    """Return the instant of the last capture of all learners, naive UTC; None before the first."""
    rows = etl.rows(statement("ledger/last_capture.sql"))
    return rows[0][1] if rows else None
