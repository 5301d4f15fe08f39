"""Refresh: a few learners captured, and what their change adds to today's figures written to the cells it touches.

One transaction holds the capture, the figures of all periods, the tiles, the ledger and the changes done, so that a
change is in the figures once, whatever dies in between.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from kpi.core import ledger, local_days, periods
from kpi.core.connections import ETL, Row, Session, attempted, session, source_session
from kpi.core.errors import KpiError
from kpi.core.ledger import Written
from kpi.core.locks import lock_name, locks
from kpi.core.settings import Settings
from kpi.core.steps import Runner, Step, create_temporary, giving
from kpi.figures import rollups, slices
from kpi.figures.slices import Slice
from kpi.history.capture import Last, LearnersCapture, Plan, Touched, last_capture
from kpi.history.plausibility import Implausible
from kpi.incremental import changes, opening
from kpi.vocabulary import (
    CALENDAR_PERIODS,
    DAILY_TABLES,
    DAY,
    FACT_TABLES,
    PERIOD_WORDS,
    ROAD_OF,
)

log = logging.getLogger(__name__)

BEFORE, AFTER = -1, 1
_LONGEST_LIST = 20  # learners that a ledger row names

# The scripts of `complete`, by path.
WHOLE = (
    "facts/kpi_state_count/day.sql",
    *sorted(
        {
            f"facts/{table}/{ROAD_OF[period]}.sql"
            for table, written in FACT_TABLES.items()
            for period in written.periods
            if period != DAY
        }
    ),
    "display/kpi_tile_cache.sql",
)


class NotOpen(KpiError):
    """Today's rows do not follow the history: they have to be computed whole first."""


class Scripts(NamedTuple):
    """The steps of roads/change/before_and_after.sql, capture/learners.sql and roads/change/cells.sql."""

    before_and_after: Sequence[Step]
    capture: Sequence[Step]
    cells: Sequence[Step]


@dataclass
class Refreshed:
    """What a batch did: the rows written by table, and what is left for `complete` to compute otherwise."""

    batch: changes.Batch
    written: dict[str, Written] = field(default_factory=dict)
    begun_or_ended: tuple[int, ...] = ()
    states_reordered: bool = False
    latest_moved: bool = False

    @property
    def unfinished(self) -> bool:
        """Tell whether something is left that a change alone does not add to."""
        return bool(self.begun_or_ended) or self.states_reordered or self.latest_moved


def refresh_next(
    by_run: str,
    clock: Callable[[], datetime],
    scripts: Scripts,
    settings: Settings,
    by: ledger.Author,
) -> Refreshed | None:
    """Take up the oldest pending changes and bring today's figures up to date with them; None when there are none.

    `clock` gives the present, naive UTC; its local day must be open. It is read again when nothing is waited for any
    more, so that the source is never looked at after the capture's instant. Raises NotOpen otherwise, or KpiError when
    a whole capture lies after it; MySQL's errors go through. Either way nothing was changed.
    """
    day = local_days.local_date(clock(), settings.timezone)

    def once() -> Refreshed | None:
        with session(ETL) as etl:
            if not changes.pending(etl):
                return None
            started = datetime.now(UTC).replace(tzinfo=None)
            names = _lock_names(etl, day)
            with source_session(etl) as source, locks(etl, names, settings.lock_wait_seconds):
                captured_at = clock()
                last = _require_open(etl, day, captured_at, settings)
                batch = changes.claim(etl, by_run, settings.incremental_changes)
                if batch is None:
                    return None
                for script in scripts:
                    create_temporary(etl, script)
                plan = Plan(day, captured_at, last.captured_at)
                try:
                    with etl.transaction():
                        refreshing = _Refresh(batch, plan, source, etl, scripts, settings)
                        return refreshing.run(by, started)
                except Implausible as refusal:
                    return _leave_to_the_night(etl, batch, day, refusal, by, started)

    return attempted(once, settings.write_attempts)


def _leave_to_the_night(
    etl: Session,
    batch: changes.Batch,
    day: date,
    refusal: Implausible,
    by: ledger.Author,
    started: datetime,
) -> Refreshed:
    """Take a batch whose learners' rows all went off the list: the night judges by the whole school."""
    message = (
        f"{refusal.what}; the figures of these learners stay as they are until the night's capture"
    )
    log.warning("Of the learners %s, %s.", _named(batch.learners), message)
    entry = ledger.Entry(
        f"kpi_src_{refusal.relation}", None, day, scopes=f"learners {_named(batch.learners)}"
    )
    with etl.transaction():
        ledger.record(etl, entry, by, started, failure=message)
        changes.finish(etl, batch)
    return Refreshed(batch)


def _named(learners: Sequence[int]) -> str:
    named = " ".join(map(str, learners[:_LONGEST_LIST]))
    return f"{named} …" if len(learners) > _LONGEST_LIST else named


def _require_open(etl: Session, day: date, captured_at: datetime, settings: Settings) -> Last:
    """Return the last whole capture, which the day's rows follow; raises NotOpen or KpiError."""
    last = last_capture(etl)
    if local_days.local_date(captured_at, settings.timezone) != day:
        raise NotOpen(f"{day} has ended; its last changes are taken up with the new day.")
    if last is None or not opening.is_open(etl, day):
        raise NotOpen(
            f"{day} is not open for changes; let kpi_incremental open it, after kpi_daily has captured once."
        )
    if captured_at <= last.captured_at:
        raise KpiError(
            f"The capture instant {captured_at}+00:00 lies before the last capture, {last.captured_at}+00:00; "
            "history is written forwards, so give a later instant."
        )
    return last


def _lock_names(etl: Session, day: date) -> list[str]:
    """Return the locks of a capture and of the writers of all that the day's rows are in."""
    names: list[tuple[str, ...]] = [("incremental",), ("capture",)]
    for table in FACT_TABLES:
        for part in rollups.slices_of_day(table, day).values():
            names += part.locks
    names += Slice.tiles(day).locks
    return [lock_name(etl.schema, *name) for name in names]


class _Refresh:
    """One batch under way, in one transaction."""

    def __init__(
        self,
        batch: changes.Batch,
        plan: Plan,
        source: Session,
        etl: Session,
        scripts: Scripts,
        settings: Settings,
    ) -> None:
        self.batch, self.plan = batch, plan
        self.source, self.etl = source, etl
        self.scripts, self.settings = scripts, settings
        longest = rollups.longest_window(settings)
        whole = {period: periods.PERIOD_OF[period](plan.day) for period in CALENDAR_PERIODS}
        window_begins = plan.day - timedelta(days=longest - 1)
        self.values: dict[str, Any] = {
            "learners": json.dumps(batch.learners),
            "as_of": plan.day,
            "first": plan.day,
            "last": plan.day,
            "since": min(window_begins, *(part.first for part in whole.values())),
        }
        for period, part in whole.items():
            name = PERIOD_WORDS[period].name
            self.values |= {f"{name}_first": part.first, f"{name}_last": part.last}

    def run(self, by: ledger.Author, started: datetime) -> Refreshed:
        etl = self.etl
        done = Refreshed(self.batch)
        capture = LearnersCapture(
            self.batch.learners,
            self.plan,
            self.source,
            etl,
            self.scripts.capture,
            self.settings,
        )
        touched = capture.find()
        if touched:
            self.values["touched"] = json.dumps(touched.rows)
            latest = self._look("latest")
            self._contributions(BEFORE, touched)
        findings = capture.write()
        if touched:
            self._contributions(AFTER, touched)
            if touched.moved:
                done.begun_or_ended = tuple(scope for (scope,) in self._look("begun_or_ended"))
            done.states_reordered = self._look("reordered") != [(0,)]
            self._write(done)
            done.latest_moved = self._look("latest") != latest
        self._record(done, findings, by, started)
        changes.finish(etl, self.batch)
        if done.unfinished:
            opening.mark_unfinished(etl)
        return done

    def _look(self, word: str) -> list[Row]:
        return self.etl.rows(giving(self.scripts.before_and_after, word).sql, self.values)

    def _contributions(self, sign: int, touched: Touched) -> None:
        feedback = touched.feedback or touched.moved
        runner = Runner(self.etl, self.values | {"sign": sign}, wanted=lambda _: feedback)
        runner.run(self.scripts.before_and_after)

    def _write(self, done: Refreshed) -> None:
        """Compute the touched cells and write them, each table when its writer's turn comes."""
        touched: set[str] = set()
        runner = Runner(self.etl, self.values, wanted=touched.__contains__)

        def take_touched(step: Step) -> None:
            for table, figure in self.etl.rows(step.sql):
                touched.update((table, f"{table}.{figure}") if table else (figure,))

        runner.takes = {"touched": take_touched}
        for writer, script in groupby(self.scripts.cells, key=_writer):
            if writer is None:
                runner.run(script)
            else:
                rows = slices.write_rows(self.etl, script, self.values)
                done.written[writer.table] = done.written.get(writer.table, Written()) + rows

    def _record(
        self, done: Refreshed, findings: Sequence[Any], by: ledger.Author, started: datetime
    ) -> None:
        scopes = f"learners {_named(self.batch.learners)}"
        day, watermark = self.plan.day, self.plan.captured_at
        entries = [
            ledger.Entry(
                f"kpi_src_{finding.relation}",
                *(None, day, finding, finding.rejected, finding.reopened),
                watermark=watermark,
                scopes=scopes,
            )
            for finding in findings
            if finding.inserted or finding.updated or finding.deleted or finding.rejected
        ]
        entries += [
            ledger.Entry(
                table,
                DAY if table in DAILY_TABLES else None,
                day,
                written,
                watermark=watermark,
                scopes=scopes,
                message="the day, and the periods to date that hold it",
            )
            for table, written in done.written.items()
            if written.inserted or written.updated or written.deleted
        ]
        ledger.record_all(self.etl, entries, by, started)


class _Writer(NamedTuple):
    table: str
    part: str | None


def _writer(step: Step) -> _Writer | None:
    """Return which writer a step belongs to, None when to none."""
    return _Writer(step.table, step.part) if step.phase == "write" and step.table else None


def complete(
    done: Refreshed,
    day: date,
    script: Mapping[str, Sequence[Step]],
    settings: Settings,
    by: ledger.Author,
) -> None:
    """Compute what a batch could not add up, each slice whole, then open the day again.

    `script` gives the steps of the paths WHOLE. When this stops half-way, the day stays closed and is opened anew.
    """
    parts: list[tuple[Slice, str]] = []
    scopes = slices.Scopes(ids=done.begun_or_ended)
    for table in FACT_TABLES:
        whole = done.states_reordered and table == "kpi_state_count"
        for period, part in rollups.slices_of_day(
            table, day, slices.ALL_SCOPES if whole else scopes
        ).items():
            if whole or (scopes.ids and period != DAY):
                parts.append((part, f"facts/{table}/{ROAD_OF[period]}.sql"))
    tiles = slices.ALL_SCOPES if done.latest_moved else scopes
    if done.latest_moved or scopes.ids:
        parts.append((Slice.tiles(day, tiles), "display/kpi_tile_cache.sql"))
    for part, path in parts:
        slices.write_slice(part, script[path], settings, by)
    with session(ETL) as etl, etl.transaction():
        opening.mark_finished(etl, day)
