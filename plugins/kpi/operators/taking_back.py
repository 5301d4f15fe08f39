"""Operator of kpi_take_back: the history as it was before the last capture."""

from __future__ import annotations

from typing import Any

from airflow.sdk.exceptions import AirflowSkipException

from kpi.core.connections import ETL, session
from kpi.core.ledger import Author
from kpi.core.settings import settings
from kpi.core.steps import steps
from kpi.figures.run_dates import captured_at
from kpi.history.taking_back import take_back
from kpi.operators.reports import reported
from kpi.operators.script import ScriptOperator
from kpi.upkeep import preflight


class TakeBackOperator(ScriptOperator):
    """Take back the capture that the run's param `captured_at` names.

    Returns the days to compute again, [{first, last}, …]. With the param `dry_run` it says what would be done and
    writes nothing; it ends as skipped, and so does what comes after it.
    """

    def execute(self, context: Any) -> list[dict[str, str]]:
        dry_run = bool(context["params"].get("dry_run"))
        with reported(self, "What is taken back") as report:
            with session(ETL) as etl:
                preflight.require_schema(etl, settings())
            done = take_back(
                captured_at(context),
                steps(self.sql),
                settings(),
                Author.of(context),
                dry_run=dry_run,
            )
            days = ", ".join(map(str, done.days)) or "none"
            self.log.info(
                "%s the capture of %s UTC for %s; days %s computed again: %s.",
                "Would take back" if dry_run else "Took back",
                done.capture.captured_at,
                done.capture.day,
                "that would be" if dry_run else "to be",
                days,
            )
            report.add(
                *(
                    {"table": table, "removed": rows.deleted, "put back": rows.inserted}
                    for table, rows in done.written.items()
                )
            )
        if dry_run:
            raise AirflowSkipException("A dry run writes nothing.")
        return [{"first": str(day), "last": str(day)} for day in done.days]
