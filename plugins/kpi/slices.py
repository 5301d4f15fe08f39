"""The slice protocol (design, "Slice protocol"): how one fact table × period × date is written.

lock → one transaction: compute into a staged table, write only what differs, delete what vanished, ledger row,
commit. A script's steps, in include/sql/facts/<table>/slice.sql, are named; the runner knows these names:
`create …` (before the transaction), `count stored`, `write differences`, `delete vanished`; all others compute.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from kpi import ledger
from kpi.connections import ETL, Session, attempted, session
from kpi.errors import KpiError
from kpi.settings import Settings
from kpi.templates import Step

log = logging.getLogger(__name__)

COUNT_STORED = "count stored"
WRITE_DIFFERENCES, DELETE_VANISHED = "write differences", "delete vanished"


@dataclass(frozen=True)
class Slice:
    """Part of a fact table that is written at once. Dates are local days.

    For period D all three dates are the day itself.
    """

    table: str
    period: str
    date_id: date
    as_of: date
    since: date

    @classmethod
    def daily(cls, table: str, day: date) -> Slice:
        return cls(table, "D", day, day, day)

    @property
    def parameters(self) -> dict[str, Any]:
        """The values bound to every statement of the slice's script."""
        return {
            "period": self.period,
            "date_id": self.date_id,
            "as_of": self.as_of,
            "since": self.since,
        }


@dataclass(frozen=True)
class Written:
    """What a slice's run did to its rows."""

    inserted: int
    updated: int
    deleted: int
    unchanged: int


def write_slice(
    part: Slice, steps: Sequence[Step], settings: Settings, by: ledger.Author
) -> Written:
    """Compute and write one slice; on a transient error the whole transaction is tried again.

    Raises KpiError when another run holds the slice too long; MySQL's errors go through. Either way the slice
    is as it was, and the ledger says FAILED where it can be reached.
    """
    started = datetime.now(UTC).replace(tzinfo=None)

    def once() -> Written:
        with (
            session(ETL) as etl,
            lock(
                etl,
                lock_name(etl.schema, part.table, part.period, part.date_id),
                settings.lock_wait_seconds,
            ),
        ):
            create_temporary(etl, steps)
            with etl.transaction():
                written = _write(etl, part, steps)
                ledger.record(
                    etl, ledger.Entry(part.table, part.period, part.date_id, written), by, started
                )
            return written

    try:
        return attempted(once, settings.write_attempts)
    except Exception as error:
        ledger.record_failure(part.table, part.period, part.date_id, by, started, error)
        raise


def lock_name(schema: str, *parts: object) -> str:
    """Return a lock's name, at most 64 characters whatever the schema's name; locks are server-wide."""
    place = hashlib.sha256(schema.encode()).hexdigest()[:12]
    return ":".join(["kpi", place, *map(str, parts)])


@contextmanager
def lock(etl: Session, name: str, wait_seconds: int) -> Iterator[None]:
    """Hold a named lock of MySQL; raises KpiError naming the holder when the wait is over."""
    if etl.value("SELECT GET_LOCK(%(name)s, %(wait)s)", {"name": name, "wait": wait_seconds}) != 1:
        holder = etl.value("SELECT IS_USED_LOCK(%(name)s)", {"name": name})
        raise KpiError(
            f"The lock '{name}' was not free within {wait_seconds} s (held by MySQL connection {holder}); "
            "wait for that run to end, or raise KPI_LOCK_WAIT_SECONDS."
        )
    try:
        yield
    finally:
        # A lost connection has released its locks by itself.
        if etl.connection.is_connected():
            etl.value("SELECT RELEASE_LOCK(%(name)s)", {"name": name})


def temporary(step: Step) -> bool:
    """Tell whether a step creates a temporary table: those run before the transaction begins."""
    return step.name.rpartition(": ")[2].startswith("create ")


def create_temporary(etl: Session, steps: Sequence[Step]) -> None:
    """Run the steps that create temporary tables."""
    for step in steps:
        if temporary(step):
            run_step(etl, step, None)


def run_step(etl: Session, step: Step, parameters: dict[str, Any] | None) -> int:
    """Run one statement and say how long it took; return the rows it affected."""
    log.info("%s …", step.name)
    begun = time.monotonic()
    affected = etl.run(step.sql, parameters)
    log.info("%s: %s rows, %.2f s", step.name, affected, time.monotonic() - begun)
    return affected


def _write(etl: Session, part: Slice, steps: Sequence[Step]) -> Written:
    values = part.parameters
    count = _only(steps, COUNT_STORED)
    framed = {COUNT_STORED, WRITE_DIFFERENCES, DELETE_VANISHED}
    staged = sum(
        run_step(etl, step, values)
        for step in steps
        if step.name not in framed and not temporary(step)
    )
    before = int(etl.value(count.sql, values))
    touched = run_step(etl, _only(steps, WRITE_DIFFERENCES), values)
    after = int(etl.value(count.sql, values))
    inserted = after - before
    # An upsert counts 1 for a row inserted and 2 for one updated.
    updated = (touched - inserted) // 2
    deleted = run_step(etl, _only(steps, DELETE_VANISHED), values) if after > staged else 0
    return Written(inserted, updated, deleted, staged - inserted - updated)


def _only(steps: Sequence[Step], name: str) -> Step:
    return next(step for step in steps if step.name == name)
