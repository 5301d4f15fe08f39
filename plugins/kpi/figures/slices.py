"""The slice protocol (design, "Slice protocol"): how part of a fact table is written.

locks → compute into a staged table → date by date, in one transaction: write only what differs, delete what vanished,
ledger row, commit. The scripts are the roads of include/sql/roads, one file for each fact table and road.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from kpi.core import ledger, periods
from kpi.core.connections import ETL, Session, attempted, session
from kpi.core.ledger import Written
from kpi.core.locks import lock, lock_name
from kpi.core.settings import Settings
from kpi.core.steps import Runner, Step, create_temporary, run_step
from kpi.figures.dropped_days import require_kept
from kpi.vocabulary import CALENDAR_PERIODS, DAY, TILE_CACHE

log = logging.getLogger(__name__)


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
        return cls(table, DAY, day, day, (day,))

    @classmethod
    def days(
        cls, table: str, first: date, last: date, scopes: Scopes = ALL_SCOPES, period: str = DAY
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
        return cls(TILE_CACHE.name, None, day, day, (day,), scopes)

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
        since = self.first if self.period in CALENDAR_PERIODS else day
        return self.parameters | {"date_id": day, "as_of": day, "since": since}


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
                    of_day = write_rows(etl, steps, part.at(day))
                    entry = ledger.Entry(
                        part.table, part.period, day, of_day, scopes=str(part.scopes)
                    )
                    ledger.record(etl, entry, by, started)
                written += of_day
                log.info("%s %s: %s, %s of %s", part.table, day, of_day, number, len(part.dates))
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


def _compute(etl: Session, part: Slice, steps: Sequence[Step]) -> None:
    values = part.at(part.dates[0])
    runner = Runner(etl, values, {"day": [part.at(day) for day in part.dates]})

    def close(step: Step) -> None:
        rows = etl.rows(step.sql)
        runner.each["closing"] = [{"as_of": day, "closing_scopes": scopes} for day, scopes in rows]

    runner.takes = {"closing_days": close}
    runner.run(steps)


def write_rows(etl: Session, steps: Iterable[Step], values: dict[str, Any]) -> Written:
    """Run a table's writer (include/sql/writer): say what differs, and write only that."""
    writer = {step.does: step for step in steps if step.phase == "write"}
    stored, staged, matched = map(int, etl.rows(writer["count"].sql, values)[0])
    updated = run_step(etl, writer["update"], values) if matched else 0
    inserted = run_step(etl, writer["insert"], values) if staged > matched else 0
    deleted = run_step(etl, writer["delete"], values) if stored > matched else 0
    return Written(inserted, updated, deleted, matched - updated)
