"""Operators of kpi_daily: preflight, capture and one slice per fact table."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseOperator

from kpi.core.ledger import Author
from kpi.core.local_days import parse_day
from kpi.core.settings import settings
from kpi.core.steps import steps
from kpi.figures import slices
from kpi.figures.run_dates import business_date, captured_at, now
from kpi.history.capture import capture, missed_days, planned
from kpi.operators.dag_defaults import DAILY_FACTS
from kpi.operators.reports import reported
from kpi.operators.script import ScriptOperator
from kpi.upkeep import preflight

# What the capture's log says of each relation.
FOUND = ("relation", "new", "changed", "closed", "reopened", "unchanged", "rejected")


# The param of a run whose person says that what looks cut short is what happened.
ACCEPT = "accept_source"


class PreflightOperator(BaseOperator):
    """Check the date, the connections, the schema and the source; writes nothing."""

    def execute(self, context: Any) -> None:
        day = business_date(context)
        with reported(self, f"All is in order for {day}") as report:
            # Refuses an instant at which nothing can be captured for the day.
            planned(day, captured_at(context), now(), None, settings().timezone)
            preflight.before_daily(day, settings())
            report.add(
                {"checked": "zone data, headers, connections, schema, rights, kpi_time, source"}
            )


class CaptureOperator(ScriptOperator):
    """Compare the source with the history and write what changed; prints what it found."""

    def execute(self, context: Any) -> None:
        day = business_date(context)
        with reported(self, f"Capture for {day}") as report:
            findings = capture(
                day,
                captured_at(context),
                steps(self.sql),
                settings(),
                Author.of(context),
                accepts=bool(context["params"].get(ACCEPT)),
            )
            if findings is None:
                self.log.info("%s was captured before; it is computed from history.", day)
            report.add(
                *({name: getattr(finding, name) for name in FOUND} for finding in findings or ())
            )


class SliceOperator(ScriptOperator):
    """Compute and write the D rows of a fact table for one local day (YYYY-MM-DD), all or nothing.

    `sql` is the slice's script; the UI shows it as rendered, with the day beside it. With `takes_missed` it first
    computes the days before whose own capture was refused or taken back: the history has told of them since.
    """

    template_fields = ("sql", "day")

    def __init__(self, *, table: str, day: str, takes_missed: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.table = table
        self.day = day
        self.takes_missed = takes_missed

    def execute(self, context: Any) -> None:
        day = parse_day(self.day)
        missed = missed_days(self.table, day, settings()) if self.takes_missed else []
        if missed:
            self.log.warning(
                "%s had no capture of their own (refused, or taken back): they are computed from the history.",
                ", ".join(map(str, missed)),
            )
        with reported(self, self.table) as report:
            for local_day in (*missed, day):
                part = slices.Slice.daily(self.table, local_day)
                written = slices.write_slice(part, steps(self.sql), settings(), Author.of(context))
                report.add_slice(part, written)


class DayDoneOperator(BaseOperator):
    """Send the event that a day's facts are complete and checked, with the day as its partition key.

    Airflow gives an event the key of its run, which a run triggered by hand with a date has not.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(outlets=[DAILY_FACTS], **kwargs)

    def execute(self, context: Any) -> None:
        day = business_date(context)
        with reported(self, f"The facts of {day} are complete and checked") as report:
            context["outlet_events"][DAILY_FACTS].add_partitions(str(day))
            report.add({"event sent": DAILY_FACTS.name, "day": day})
