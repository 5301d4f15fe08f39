"""The slice protocol (design, "Slice protocol"): how part of a fact table is written.

locks → compute into a staged table → date by date, in one transaction: write only what differs, delete what vanished,
ledger row, commit. A script's steps, in slice.sql, range.sql and period.sql, are named; the runner knows these names:
`create …` makes temporary tables; `count staged`, `count stored`, `write differences` and `delete vanished` are run for
each date; `dry run: …` only by kpi.dry_run. All others compute: `each day: …` once for each date, `each closing day: …`
once for each day that the step `closing days` gives.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from kpi import ledger, periods
from kpi.connections import ETL, Session, attempted, session
from kpi.errors import KpiError
from kpi.retention.dropped import require_kept
from kpi.settings import Settings
from kpi.templates import Step

log = logging.getLogger(__name__)

COUNT_STAGED, COUNT_STORED = "count staged", "count stored"
WRITE_DIFFERENCES, DELETE_VANISHED = "write differences", "delete vanished"
CLOSING_DAYS, EACH_CLOSING_DAY, EACH_DAY = "closing days", "each closing day: ", "each day: "
DRY_RUN = "dry run: "
_FRAMED = (COUNT_STAGED, COUNT_STORED, WRITE_DIFFERENCES, DELETE_VANISHED, CLOSING_DAYS)


@dataclass(frozen=True)
class Scopes:
    """The scopes that a slice is about: of these types, with these kpi_scope.id; an empty tuple restricts nothing."""

    types: tuple[str, ...] = ()
    ids: tuple[int, ...] = ()

    def __str__(self) -> str:
        return " ".join([*self.types, *map(str, self.ids)])

    @property
    def parameters(self) -> dict[str, str | None]:
        """The values bound as %(scope_types)s and %(scope_ids)s, None where nothing is restricted."""
        return {
            "scope_types": ",".join(self.types) or None,
            "scope_ids": ",".join(map(str, self.ids)) or None,
        }


ALL_SCOPES = Scopes()


@dataclass(frozen=True)
class Slice:
    """Part of a fact table: the rows of a period at some dates, of all scopes or some. Dates are local days.

    They are computed from the days `first` to `last`: for D and R these are the dates, for W and M the one date is the
    period's last day. kpi_tile_cache has neither period nor dates: its date is the day of the run, for the ledger.
    """

    table: str
    period: str | None
    first: date
    last: date
    dates: tuple[date, ...]
    scopes: Scopes = ALL_SCOPES

    @classmethod
    def daily(cls, table: str, day: date) -> Slice:
        """The D rows of one day, of all scopes."""
        return cls(table, "D", day, day, (day,))

    @classmethod
    def days(
        cls, table: str, first: date, last: date, scopes: Scopes = ALL_SCOPES, period: str = "D"
    ) -> Slice:
        """The D (or R) rows of each day of a range."""
        return cls(table, period, first, last, tuple(periods.days(first, last)), scopes)

    @classmethod
    def of_period(cls, table: str, part: periods.Period, scopes: Scopes = ALL_SCOPES) -> Slice:
        """The rows of one week or month."""
        return cls(table, part.period, part.first, part.last, (part.last,), scopes)

    @classmethod
    def tiles(cls, day: date, scopes: Scopes = ALL_SCOPES) -> Slice:
        """The rows of kpi_tile_cache."""
        return cls("kpi_tile_cache", None, day, day, (day,), scopes)

    @property
    def parameters(self) -> dict[str, Any]:
        """The values bound to the statements of the slice's script, those of one date excepted."""
        return {
            "period": self.period,
            "first": self.first,
            "last": self.last,
            **self.scopes.parameters,
        }

    @property
    def locks(self) -> list[tuple[str, ...]]:
        """What a writer of the slice locks, in the order in which all writers do."""
        if self.period is None:
            return [(self.table,)]
        return [(self.table, self.period, str(day)) for day in sorted(self.dates)]

    def at(self, day: date) -> dict[str, Any]:
        """The values bound for one date: as of it, since the period's first day or, day by day, since itself."""
        since = self.first if self.period in ("W", "M") else day
        return self.parameters | {"date_id": day, "as_of": day, "since": since}


@dataclass(frozen=True)
class Written:
    """What a slice's run did to its rows."""

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


def write_slice(
    part: Slice, steps: Sequence[Step], settings: Settings, by: ledger.Author
) -> Written:
    """Compute and write one slice, each date all or nothing; on a transient error all is tried again.

    Raises KpiError when another run holds the slice too long; MySQL's errors go through. Either way the dates not yet
    written are as they were, and the ledger says FAILED where it can be reached.
    """
    started = datetime.now(UTC).replace(tzinfo=None)

    def once() -> Written:
        with computed(part, steps, settings) as etl:
            written = Written()
            for number, day in enumerate(part.dates, start=1):
                with etl.transaction():
                    one = _write(etl, part.at(day), steps)
                    entry = ledger.Entry(part.table, part.period, day, one, scopes=str(part.scopes))
                    ledger.record(etl, entry, by, started)
                written += one
                log.info("%s %s: %s, %s of %s", part.table, day, one, number, len(part.dates))
            return written

    try:
        return attempted(once, settings.write_attempts)
    except Exception as error:
        entry = ledger.Entry(part.table, part.period, part.last, scopes=str(part.scopes))
        ledger.record_failure(replace(entry, first=part.first), by, started, error)
        raise


@contextmanager
def computed(part: Slice, steps: Sequence[Step], settings: Settings) -> Iterator[Session]:
    """Hold the slice's locks with its figures computed into the staged table, on a session of its own."""
    with session(ETL) as etl, ExitStack() as held:
        for names in part.locks:
            held.enter_context(lock(etl, lock_name(etl.schema, *names), settings.lock_wait_seconds))
        require_kept(etl, part.period, part.dates, settings)
        create_temporary(etl, steps)
        with etl.transaction():
            _compute(etl, part, steps)
        yield etl


def lock_name(schema: str, *parts: object) -> str:
    """Return a lock's name, at most 64 characters whatever the schema's name; locks are server-wide."""
    place = hashlib.sha256(schema.encode()).hexdigest()[:12]
    return ":".join(["kpi", place, *map(str, parts)])


@contextmanager
def lock(etl: Session, name: str, wait_seconds: int) -> Iterator[None]:
    """Hold a named lock of MySQL; raises KpiError naming the holder when the wait is over."""
    if etl.value("SELECT GET_LOCK(%(name)s, %(wait)s)", {"name": name, "wait": wait_seconds}) != 1:
        raise _not_free(etl, name, wait_seconds)
    try:
        yield
    finally:
        # A lost connection has released its locks by itself.
        if etl.connection.is_connected():
            etl.value("SELECT RELEASE_LOCK(%(name)s)", {"name": name})


@contextmanager
def locks(etl: Session, names: Sequence[str], wait_seconds: int) -> Iterator[None]:
    """Hold several named locks, taken in the order given in one round trip; raises KpiError like `lock`.

    The session must hold no other: at the end all of its locks are released.
    """
    asked = {f"name_{number}": name for number, name in enumerate(names)}
    taken = ", ".join(f"GET_LOCK(%({key})s, %(wait)s)" for key in asked)
    try:
        row = etl.rows(f"SELECT {taken}", {**asked, "wait": wait_seconds})[0]
        missed = [name for name, one in zip(names, row, strict=True) if one != 1]
        if missed:
            raise _not_free(etl, missed[0], wait_seconds)
        yield
    finally:
        if etl.connection.is_connected():
            etl.value("SELECT RELEASE_ALL_LOCKS()")


def _not_free(etl: Session, name: str, wait_seconds: int) -> KpiError:
    holder = etl.value("SELECT IS_USED_LOCK(%(name)s)", {"name": name})
    return KpiError(
        f"The lock '{name}' was not free within {wait_seconds} s (held by MySQL connection {holder}); "
        "wait for that run to end, or raise KPI_LOCK_WAIT_SECONDS."
    )


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


def step_named(steps: Sequence[Step], name: str) -> Step:
    """Return the script's step of that name."""
    return next(step for step in steps if step.name == name)


def _compute(etl: Session, part: Slice, steps: Sequence[Step]) -> None:
    (only_date, *_) = part.dates
    closing_days: list[dict[str, Any]] = []
    for step in steps:
        if step.name == CLOSING_DAYS:
            rows = etl.rows(step.sql)
            closing_days = [{"as_of": day, "closing_scopes": scopes} for day, scopes in rows]
        elif step.name.startswith(EACH_CLOSING_DAY):
            for closing in closing_days:
                run_step(etl, step, part.at(only_date) | closing)
        elif step.name.startswith(EACH_DAY):
            for day in part.dates:
                run_step(etl, step, part.at(day))
        elif not (temporary(step) or step.name in _FRAMED or step.name.startswith(DRY_RUN)):
            run_step(etl, step, part.at(only_date))


def _write(etl: Session, values: dict[str, Any], steps: Sequence[Step]) -> Written:
    count = step_named(steps, COUNT_STORED)
    staged = int(etl.value(step_named(steps, COUNT_STAGED).sql, values))
    before = int(etl.value(count.sql, values))
    touched = run_step(etl, step_named(steps, WRITE_DIFFERENCES), values)
    after = int(etl.value(count.sql, values))
    inserted = after - before
    # An upsert counts 1 for a row inserted and 2 for one updated.
    updated = (touched - inserted) // 2
    deleted = run_step(etl, step_named(steps, DELETE_VANISHED), values) if after > staged else 0
    return Written(inserted, updated, deleted, staged - inserted - updated)
