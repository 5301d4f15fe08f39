"""Capture: what the source says now, compared with the history and written into kpi_src_* in one transaction.

The SQL is include/sql/capture; this module decides whether to capture, runs its steps in order, and moves rows
between servers where source and KPI database are not on one.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import mysql.connector

from kpi.core import ledger, local_days
from kpi.core.catalog import CONTRACT
from kpi.core.connections import (
    AS_THEY_ARE,
    ETL,
    SOURCE,
    Row,
    Session,
    attempted,
    same_server,
    session,
)
from kpi.core.errors import InputError
from kpi.core.locks import lock, lock_name
from kpi.core.settings import Settings
from kpi.core.statements import script, statement
from kpi.core.steps import Phase, Runner, Step, StepError, When, create_temporary, giving, run_step
from kpi.core.templates import renderer
from kpi.history import adapter
from kpi.history.plausibility import Implausible, Part, objections

log = logging.getLogger(__name__)

# How far back a night looks for days without a capture of their own: so many days retention keeps at least.
DAYS_LOOKED_BACK = 90
# The stage's name of a contract column that may be NULL and is also part of a key, where NULL is 0.
_STAGED_AS = {
    ("membership", "scope_ref_id"): "source_scope_ref_id",
    ("feedback", "target_ref_id"): "source_target_ref_id",
}


@dataclass(frozen=True)
class Found:
    """What a capture found in one relation, in rows."""

    relation: str
    new: int
    changed: int
    closed: int
    reopened: int
    unchanged: int
    rejected: int

    @property
    def inserted(self) -> int:
        return self.new + self.reopened

    @property
    def updated(self) -> int:
        return self.changed

    @property
    def deleted(self) -> int:
        return self.closed


@dataclass(frozen=True)
class Touched:
    """What of some learners is not as the history says: rows as (learner_id, domain, ref_id), memberships, feedback.

    Of learners who moved all rows are listed, since their scopes' figures lose or gain them.
    """

    rows: tuple[tuple[int, str, int], ...]
    moved: bool
    feedback: bool

    def __bool__(self) -> bool:
        return bool(self.rows) or self.moved or self.feedback


@dataclass(frozen=True)
class Plan:
    """A capture to make: the business day whose end it describes, and when it looks, naive UTC."""

    day: date
    captured_at: datetime
    previous: datetime | None


@dataclass(frozen=True)
class Last:
    """The last capture in the ledger: its business day and its instant, naive UTC."""

    day: date
    captured_at: datetime


def planned(
    day: date, captured_at: datetime | None, now: datetime, last: Last | None, zone: str
) -> Plan | None:
    """Decide whether a run for `day` captures; None means that the history already covers the day.

    History is written forwards: a day before the one captured last, or an instant before the last capture's, is
    computed from history, so clearing, replaying or backfilling an old date never dates today's changes back. Nor is
    a day captured again once its end was, unless an instant is given. Instants are naive UTC.
    Raises InputError when the instant lies in the future or before the day begins.
    """
    instant = captured_at or now
    if instant > now:
        raise InputError(
            f"The capture instant {instant}+00:00 lies in the future; give one that has passed."
        )
    if instant < local_days.utc_start(day, zone):
        raise InputError(
            f"The capture instant {instant}+00:00 lies before the day {day} begins; "
            "a capture describes the end of its day, so give a later instant."
        )
    if last is None:
        return Plan(day, instant, None)
    covered = captured_at is None and last.captured_at >= _end(day, zone)
    if day < last.day or instant < last.captured_at or (day == last.day and covered):
        return None
    return Plan(day, instant, last.captured_at)


def _end(day: date, zone: str) -> datetime:
    return local_days.utc_start(date.fromordinal(day.toordinal() + 1), zone)


def last_capture(etl: Session) -> Last | None:
    """Read the last capture of all learners off the ledger."""
    rows = etl.rows(statement("ledger/last_capture.sql"))
    return Last(*rows[0]) if rows else None


def set_aside_since(etl: Session) -> list[date]:
    """Return the business days whose captures were refused or taken back since the last one that stands."""
    return [day for (day,) in etl.rows(statement("ledger/captures_set_aside.sql"))]


def missed_days(table: str, day: date, settings: Settings) -> list[date]:
    """Return the days before one whose own capture was refused or taken back, and whose facts are older than the next.

    Their figures are in the history since that next capture. `table` is a fact table.
    """
    values = {"fact_table": table, "first": day - timedelta(DAYS_LOOKED_BACK), "run_day": day}
    sql = renderer(settings)("capture/missed_days.sql")
    with session(ETL) as etl:
        return [missed for (missed,) in etl.rows(sql, values)]


def capture(
    day: date,
    captured_at: datetime | None,
    steps: Sequence[Step],
    settings: Settings,
    by: ledger.Author,
    accepts: bool = False,
) -> list[Found] | None:
    """Capture the source for a business day; return what was found, None when there was nothing to do.

    Everything is written in one transaction, tried again as a whole on transient errors. Raises Implausible when too
    much would vanish or change at once, unless a person `accepts` it: only the ledger is told then.
    """
    started = datetime.now(UTC).replace(tzinfo=None)

    def once() -> list[Found] | None:
        with (
            session(SOURCE) as source,
            session(ETL) as etl,
            lock(etl, lock_name(etl.schema, "capture"), settings.lock_wait_seconds),
        ):
            plan = planned(day, captured_at, started, last_capture(etl), settings.timezone)
            if plan is None:
                return None
            if plan.previous and (others := set_aside_since(etl)):
                log.warning(
                    "The captures of %s were refused or taken back: this one follows that of %s UTC, as if they had "
                    "not been.",
                    ", ".join(map(str, others)),
                    plan.previous,
                )
            create_temporary(etl, steps)
            with etl.transaction():
                whole = _Capture(plan, source, etl, settings, accepts)
                whole.read_clock()
                findings = whole.run(steps)
                for finding in findings:
                    entry = _entry(plan, finding, whole.accepted.get(finding.relation))
                    ledger.record(etl, entry, by, started)
                # What the open day's rows follow is another history now (kpi.incremental).
                etl.run(script("changes/open_day.sql")["close"])
            return findings

    try:
        return attempted(once, settings.write_attempts)
    except Implausible as refusal:
        entry = ledger.Entry(f"kpi_src_{refusal.relation}", None, day)
        ledger.record_failure(entry, by, started, refusal)
        raise


def _entry(plan: Plan, finding: Found, accepted: str | None) -> ledger.Entry:
    return ledger.Entry(
        f"kpi_src_{finding.relation}",
        None,
        plan.day,
        finding,
        finding.rejected,
        finding.reopened,
        plan.captured_at,
        message=accepted and f"accepted: {accepted}",
    )


class _Capture:
    """One capture under way."""

    def __init__(
        self, plan: Plan, source: Session, etl: Session, settings: Settings, accepts: bool = False
    ) -> None:
        self.source = source
        self.etl = etl
        self.settings = settings
        self.accepts = accepts
        self.accepted: dict[str, str] = {}
        self.when: When = "first" if plan.previous is None else "later"
        self.one_server = same_server(source, etl)
        if not self.one_server:
            source.read_as_they_are()
        self.parameters: dict[str, Any] = {
            "day": plan.day,
            "captured_at": plan.captured_at,
            "previous": plan.previous,
        }

    def read_clock(self) -> None:
        """Ask the source for its own time, which says whether it lies before the previous capture."""
        self.parameters["source_now"] = self.source.value("SELECT UTC_TIMESTAMP(6)")

    def run(self, steps: Sequence[Step], phases: Sequence[Phase] = ("find", "run")) -> list[Found]:
        """Run steps in order; return what the relations among them were found to hold."""
        counts: dict[str, list[int]] = {}
        rejected: dict[str, int] = {}

        def take_counts(step: Step) -> None:
            counts[_relation(step)] = [int(value or 0) for value in self.etl.rows(step.sql)[0]]

        takes = {
            "relation": self._read,
            "plausibility": self._judge_step,
            "first_state": self._require_first_state,
            "warnings": self._warn,
            "counts": take_counts,
            "rejected": lambda step: rejected.update(self._rows(step)),
        }
        Runner(self.etl, self.parameters, takes=takes, when=self.when).run(steps, phases)
        return [
            Found(
                relation,
                new,
                changed,
                closed,
                reopened,
                staged - new - changed - reopened,
                int(rejected.get(relation, 0)),
            )
            for relation, (staged, new, changed, closed, reopened) in counts.items()
        ]

    def _rows(self, step: Step) -> list[Row]:
        return self.etl.rows(step.sql, self.parameters)

    def _judge_step(self, step: Step) -> None:
        relation = _relation(step)
        rows = self._rows(step)
        self._judge(relation, [Part(relation, part, *map(int, counted)) for part, *counted in rows])

    def _require_first_state(self, step: Step) -> None:
        """Refuse an adapter's word for the first state."""
        if rows := self._rows(step):
            raise adapter.first_state_error(self.settings, *rows[0])

    def _warn(self, step: Step) -> None:
        """Say what of the source is strange."""
        for (what,) in self._rows(step):
            log.warning(
                "The source seems to be an older copy: %s. If it was restored or lags behind, "
                "docs/history.md says what that does.",
                what,
            )

    def _judge(self, relation: str, parts: Sequence[Part]) -> None:
        """Raise Implausible when too much of a relation would vanish or change, unless that is accepted."""
        what = objections(parts, self.settings)
        if what is None:
            return
        if not self.accepts:
            raise Implausible(
                relation,
                what,
                "clear this task once the source is whole again (the next night captures in any case), or, if that is "
                f"what happened, trigger kpi_daily with the date {self.parameters['day']}, accept_source and a reason",
            )
        log.warning("Accepted: %s.", what)
        self.accepted[relation] = what

    def _read(self, step: Step) -> None:
        """Stage what the adapter selects; raises AdapterError for what the contract cannot hold."""
        relation = _relation(step)
        try:
            self._stage(relation, step)
        except mysql.connector.Error as error:
            wrong = adapter.explained(error, self.source, self.settings, relation)
            raise wrong or error from error

    def _stage(self, relation: str, step: Step) -> None:
        """Stage a relation: on one server in one statement, else in batches."""
        columns = [_STAGED_AS.get((relation, column), column) for column in CONTRACT[relation]]
        select = step.sql if self.one_server else None
        sql = statement(
            "capture/stage.sql",
            relation=relation,
            into=columns,
            sql_mode=AS_THEY_ARE,
            select=select,
        )
        if self.one_server:
            run_step(self.etl, replace(step, sql=sql), self.parameters)
            return
        staged = 0
        size = self.settings.stream_batch_rows
        for batch in self.source.batches(step.sql, size, self.parameters):
            staged += self.etl.load(sql, batch)
            log.info("%s: %s rows so far", step.name, staged)


class LearnersCapture(_Capture):
    """A capture of some learners alone, in the session's transaction: found first, then written.

    `steps` are those of capture/learners.sql, whose temporary tables are there and empty. The caller holds the
    capture's lock, and writes the ledger.
    """

    def __init__(
        self,
        learners: Sequence[int],
        plan: Plan,
        source: Session,
        etl: Session,
        steps: Sequence[Step],
        settings: Settings,
    ) -> None:
        super().__init__(plan, source, etl, settings)
        self.parameters["learners"] = json.dumps(list(learners))
        self._steps = steps

    def find(self) -> Touched:
        """Compare the source with the history; raises Implausible when too much of theirs would vanish."""
        self.run(self._steps, ("find",))
        rows = set(self._look("changed_rows"))
        moved = [who for (who,) in self._look("moved")]
        if moved:
            rows |= set(self._look("all_rows", {"moved": json.dumps(moved)}))
        ((feedback,),) = self._look("new_feedback")
        return Touched(tuple(sorted(rows)), bool(moved), bool(feedback))

    def write(self) -> list[Found]:
        """Bring the history up to date, and note who was seen, touched or not; return what was found."""
        return self.run(self._steps, ("run",))

    def _look(self, word: str, values: Mapping[str, Any] | None = None) -> list[Row]:
        return self.etl.rows(giving(self._steps, word).sql, values)


def _relation(step: Step) -> str:
    """Return the relation that a step of a capture names."""
    if step.relation is None:
        raise StepError(
            f"The step '{step.name}' gives '{step.gives}' of no relation; add relation=…"
        )
    return step.relation
