"""Operators of kpi_rollup: weeks, months, rolling windows and tiles of a day or a range of days."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import date
from typing import Any

from airflow.sdk import BaseOperator

from kpi.core.ledger import Author
from kpi.core.local_days import parse_day
from kpi.core.settings import settings
from kpi.core.steps import steps
from kpi.figures import slices
from kpi.figures.rollups import due_slices, missed_slices, one_rollup_at_a_time, slices_to_roll_up
from kpi.figures.run_dates import business_date, requested_scopes
from kpi.operators.dag_defaults import ROLLED_UP_FACTS
from kpi.operators.reports import reported
from kpi.operators.script import ScriptOperator
from kpi.upkeep import preflight

# The types of runs that nobody asked for; those of kpi_rollup follow the event of kpi_daily.
OF_SCHEDULE = ("scheduled", "asset_triggered")


class RollupPreflightOperator(BaseOperator):
    """Check the date, the schema and the calendar around it; writes nothing."""

    def execute(self, context: Any) -> None:
        day = business_date(context)
        with reported(self, f"All is in order to roll up {day}") as report:
            preflight.before_rollup(day, day, settings())
            report.add({"checked": "zone data, headers, schema, rights, kpi_time"})


class RollupOperator(ScriptOperator):
    """Recompute the weeks (W), months (M) or windows (R) of a fact table that a range of days touches.

    `days` holds `first` and `last` (YYYY-MM-DD); `sql` is the script of one of its slices. With `takes_missed` it first
    takes what no rollup has taken of the days before; in a scheduled run's first try it takes nothing else, so that
    several late nights are rolled up once. Whoever triggers a run or clears a task has the day's periods computed anew.
    """

    template_fields = ("sql", "days")
    template_fields_renderers = {"sql": "mysql", "days": "json"}

    def __init__(
        self,
        *,
        table: str,
        period: str,
        days: Mapping[str, str],
        takes_missed: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.table = table
        self.period = period
        self.days = days
        self.takes_missed = takes_missed

    def execute(self, context: Any) -> None:
        first, last = parse_day(self.days["first"]), parse_day(self.days["last"])
        with (
            reported(self, f"{self.table} {self.period}") as report,
            self._alone(),
        ):
            parts = self._parts(context, first, last)
            if not parts:
                self.log.info(
                    "Nothing to roll up for %s to %s: no day around has all its facts, or a rollup has taken them.",
                    first,
                    last,
                )
            script = steps(self.sql)
            for number, part in enumerate(parts, start=1):
                written = slices.write_slice(part, script, settings(), Author.of(context))
                report.add_slice(part, written)
                self.log.info("%s of %s: %s %s", number, len(parts), part.period, part.last)

    def _alone(self) -> AbstractContextManager[None]:
        """Hold off what may take the same missed days; who takes none waits for his slices only."""
        if not self.takes_missed:
            return nullcontext()
        return one_rollup_at_a_time(self.table, self.period, settings())

    def _parts(self, context: Any, first: date, last: date) -> list[slices.Slice]:
        of_table = (self.table, self.period)
        if self.takes_missed and _by_schedule(context):
            return due_slices(*of_table, first, settings())
        missed = missed_slices(*of_table, first, settings()) if self.takes_missed else []
        scopes = requested_scopes(context)
        return [*missed, *slices_to_roll_up(*of_table, first, last, settings(), scopes)]


def _by_schedule(context: Any) -> bool:
    """Tell whether nobody asked for this: a scheduled run, at its first try. Clearing a task counts as another try."""
    return context["dag_run"].run_type in OF_SCHEDULE and context["ti"].try_number == 1


class TileCacheOperator(ScriptOperator):
    """Bring kpi_tile_cache up to date with the latest figures."""

    template_fields = ("sql", "day")

    def __init__(self, *, day: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.day = day

    def execute(self, context: Any) -> None:
        part = slices.Slice.tiles(parse_day(self.day), requested_scopes(context))
        with reported(self, "kpi_tile_cache") as report:
            report.add_slice(
                part, slices.write_slice(part, steps(self.sql), settings(), Author.of(context))
            )


class RolledUpOperator(BaseOperator):
    """Send the event that the periods of a day are rolled up, with the day as its partition key."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(outlets=[ROLLED_UP_FACTS], **kwargs)

    def execute(self, context: Any) -> None:
        day = business_date(context)
        with reported(self, f"The periods of {day} are rolled up") as report:
            context["outlet_events"][ROLLED_UP_FACTS].add_partitions(str(day))
            report.add({"event sent": ROLLED_UP_FACTS.name, "day": day})
