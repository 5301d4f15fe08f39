"""Operators of kpi_backfill: the check of the range, and one chunk of days of a fact table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from kpi.core import local_days
from kpi.core.connections import ETL, Session, session
from kpi.core.errors import InputError
from kpi.core.ledger import Author
from kpi.core.local_days import parse_day
from kpi.core.settings import Settings, settings
from kpi.core.statements import script
from kpi.core.steps import Step, steps
from kpi.figures import backfills, slices
from kpi.figures.dropped_days import dropped_ranges, history_cut
from kpi.figures.dry_run import Comparison, compare_slice
from kpi.figures.rollups import slices_to_roll_up
from kpi.figures.run_dates import now, requested_scopes
from kpi.history.capture import last_capture
from kpi.operators.reports import Report, reported, text_table
from kpi.operators.rollups import RollupOperator, TileCacheOperator
from kpi.operators.script import ScriptOperator
from kpi.upkeep import preflight
from kpi.upkeep.time_dimension import DAYS_BEFORE
from kpi.vocabulary import DAY, FACT_TABLES

COMPUTABLE = "ledger/computable.sql"


class BackfillCheckOperator(BaseOperator):
    """Check the range and the scopes that a backfill asks for; returns its chunks, [{first, last}, …].

    Writes nothing. Raises InputError in one sentence when the range or a scope cannot be computed.
    """

    def execute(self, context: Any) -> list[dict[str, str]]:
        params, kpi_settings = context["params"], settings()
        first, last = parse_day(str(params["date_from"])), parse_day(str(params["date_to"]))
        with reported(self, f"{first} to {last} in chunks of days") as report:
            with session(ETL) as etl:
                preflight.require_schema(etl, kpi_settings)
                chunks = backfills.planned(
                    first,
                    last,
                    _bounds(etl, kpi_settings, first, last),
                    kpi_settings.backfill_chunk_days,
                    bool(params.get("into_dropped")),
                )
                _require_scopes(etl, requested_scopes(context))
            preflight.before_rollup(first, last, kpi_settings)
            report.add(*({"chunk from": begin, "to": end} for begin, end in chunks))
        return [{"first": str(begin), "last": str(end)} for begin, end in chunks]


class FactRangeOperator(ScriptOperator):
    """Compute the D rows of a fact table for a chunk of days at once, or only say what would change (dry run).

    `chunk` holds `first` and `last` (YYYY-MM-DD), `sql` is the table's range script.
    """

    template_fields = ("sql", "chunk")
    template_fields_renderers = {"sql": "mysql", "chunk": "json"}

    def __init__(self, *, table: str, chunk: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.table = table
        self.chunk = chunk

    def execute(self, context: Any) -> None:
        require_wanted(context, self.table)
        part = slices.Slice.days(
            self.table,
            parse_day(self.chunk["first"]),
            parse_day(self.chunk["last"]),
            requested_scopes(context),
        )
        with reported(self, self.table) as report:
            script = steps(self.sql)
            if context["params"].get("dry_run"):
                compare(self, report, part, script)
                return
            written = slices.write_slice(part, script, settings(), Author.of(context))
            report.add_slice(part, written)


class RangeRollupOperator(RollupOperator):
    """Roll up the range of a backfill once; a dry run compares the plan gap and names the rest."""

    def execute(self, context: Any) -> None:
        require_wanted(context, self.table)
        if not context["params"].get("dry_run"):
            super().execute(context)
            return
        first, last = parse_day(self.days["first"]), parse_day(self.days["last"])
        with reported(self, f"{self.table} {self.period}, dry run") as report:
            parts = slices_to_roll_up(
                self.table, self.period, first, last, settings(), requested_scopes(context)
            )
            if DAY not in FACT_TABLES[self.table].periods:
                # It rests on the history alone; the others would rest on D rows that a dry run does not write.
                for part in parts:
                    compare(self, report, part, steps(self.sql))
            dates = ", ".join(str(day) for part in parts for day in part.dates)
            self.log.info(
                "%s %s would be rolled up for: %s.", self.table, self.period, dates or "none"
            )


class RangeTileCacheOperator(TileCacheOperator):
    """Bring the tiles up to date after a backfill, unless it is a dry run."""

    def execute(self, context: Any) -> None:
        if context["params"].get("dry_run"):
            raise AirflowSkipException("A dry run writes nothing.")
        super().execute(context)


def compare(task: BaseOperator, report: Report, part: slices.Slice, script: Sequence[Step]) -> None:
    """Say what a dry run found of a slice: with examples in the log, in rows in its report."""
    compared = compare_slice(part, script, settings())
    task.log.info("%s", comparison(part, compared))
    report.add(
        {
            "table": part.table,
            "period": part.period,
            "from": part.first,
            "to": part.last,
            "would be inserted": compared.new,
            "would be changed": compared.changed,
            "would be deleted": compared.vanished,
        }
    )


def comparison(part: slices.Slice, compared: Comparison) -> str:
    """Return what a dry run says of a slice: the rows that would change, and the largest changes."""
    sentence = (
        f"{part.table}, {part.first} to {part.last} would be: {compared.new} rows inserted, "
        f"{compared.changed} changed, {compared.vanished} deleted. Nothing was written."
    )
    if not compared.examples:
        return sentence
    columns = ("date", "scope", "target", *FACT_TABLES[part.table].named, "was", "becomes")
    return f"{sentence} The largest changes:\n{text_table(columns, compared.examples)}"


def require_wanted(context: Any, table: str) -> None:
    """Skip the task when the run's param `facts` leaves the table out."""
    wanted = context["params"].get("facts") or FACT_TABLES
    if table not in wanted:
        raise AirflowSkipException(f"{table} was not asked for.")


def _bounds(etl: Session, settings: Settings, begin: date, end: date) -> backfills.Bounds:
    """Read off kpi_time, the history and the ledger which days can be computed, and which of a range are gone."""
    first_day: date | None = etl.value(script(COMPUTABLE)["first day of the calendar"])
    oldest: datetime | None = etl.value(script(COMPUTABLE)["first instant of the history"])
    last = last_capture(etl)
    today = local_days.local_date(now(), settings.timezone)
    first = date.fromordinal((first_day or today).toordinal() + DAYS_BEFORE)
    if oldest is not None:
        first = max(first, local_days.local_date(oldest, settings.timezone))
    return backfills.Bounds(
        today,
        first,
        last.day if last else None,
        tuple(dropped_ranges(etl, begin, end, settings)),
        history_cut(etl),
    )


def _require_scopes(etl: Session, asked: slices.Scopes) -> None:
    """Refuse scope ids that kpi_scope lacks or that are of other types than asked for."""
    types: dict[int, str] = dict(etl.rows(script(COMPUTABLE)["scopes"]))
    for scope_id in asked.ids:
        if scope_id not in types:
            raise InputError(
                f"There is no scope with the id {scope_id}; give ids of kpi_scope (column id), not of the source."
            )
        if asked.types and types[scope_id] not in asked.types:
            raise InputError(
                f"The scope {scope_id} is of type {types[scope_id]}, which scope_types leaves out; "
                "add the type, or leave the id out."
            )
