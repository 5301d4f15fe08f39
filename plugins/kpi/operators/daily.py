"""Operators of kpi_daily: preflight, capture and one slice per fact table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import BaseOperator

from kpi import preflight, slices
from kpi.calendar import parse_day
from kpi.capture import Found, capture, planned
from kpi.dag_defaults import DAILY_FACTS
from kpi.ledger import Author
from kpi.run_dates import business_date, captured_at, now
from kpi.settings import settings
from kpi.templates import steps


class PreflightOperator(BaseOperator):
    """Check the date, the connections, the schema and the source; writes nothing."""

    def execute(self, context: Any) -> None:
        day = business_date(context)
        # Refuses an instant at which nothing can be captured for the day.
        planned(day, captured_at(context), now(), None, settings().timezone)
        preflight.before_daily(day, settings())
        self.log.info("All is in order for %s.", day)


class CaptureOperator(BaseOperator):
    """Compare the source with the history and write what changed; prints what it found."""

    template_fields = ("sql",)
    template_ext = (".sql",)
    template_fields_renderers = {"sql": "mysql"}

    def __init__(self, *, sql: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sql = sql

    def execute(self, context: Any) -> None:
        day = business_date(context)
        found = capture(day, captured_at(context), steps(self.sql), settings(), Author.of(context))
        if found is None:
            self.log.info("%s was captured before; it is computed from history.", day)
        else:
            self.log.info("Captured for %s:\n%s", day, _table(found))


class SliceOperator(BaseOperator):
    """Compute and write one slice of a fact table, all or nothing.

    `sql` is the slice's script, `parameters` the values bound to its statements: period and the dates
    date_id, as_of and since (YYYY-MM-DD); the UI shows both as rendered.
    """

    template_fields = ("sql", "parameters")
    template_ext = (".sql",)
    template_fields_renderers = {"sql": "mysql", "parameters": "json"}

    def __init__(
        self, *, table: str, sql: str, parameters: Mapping[str, str], **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.table = table
        self.sql = sql
        self.parameters = parameters

    def execute(self, context: Any) -> None:
        dates = {key: parse_day(self.parameters[key]) for key in ("date_id", "as_of", "since")}
        part = slices.Slice(self.table, self.parameters["period"], **dates)
        written = slices.write_slice(part, steps(self.sql), settings(), Author.of(context))
        self.log.info(
            "%s %s %s: %s rows inserted, %s changed, %s deleted, %s unchanged.",
            part.table,
            part.period,
            part.date_id,
            written.inserted,
            written.updated,
            written.deleted,
            written.unchanged,
        )


class DayDoneOperator(BaseOperator):
    """Send the event that a day's facts are complete and checked, with the day as its partition key.

    Airflow gives an event the key of its run, which a run triggered by hand with a date has not.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(outlets=[DAILY_FACTS], **kwargs)

    def execute(self, context: Any) -> None:
        day = business_date(context)
        context["outlet_events"][DAILY_FACTS].add_partitions(str(day))
        self.log.info("The facts of %s are complete and checked.", day)


def _table(found: Sequence[Found]) -> str:
    columns = ("relation", "new", "changed", "closed", "reopened", "unchanged", "rejected")
    lines = [f"{columns[0]:<12}" + "".join(f"{name:>11}" for name in columns[1:])]
    for one in found:
        counts = "".join(f"{getattr(one, name):>11}" for name in columns[1:])
        lines.append(f"{one.relation:<12}{counts}")
    return "\n".join(lines)
