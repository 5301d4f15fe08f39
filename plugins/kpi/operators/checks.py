"""Checks of the day's figures as tasks, one per file of include/sql/checks."""

from __future__ import annotations

from typing import Any

from airflow.providers.common.sql.operators.sql import SQLCheckOperator
from airflow.sdk.exceptions import AirflowException, AirflowSkipException

from kpi.core.connections import ETL, session
from kpi.core.settings import settings
from kpi.figures.run_dates import business_date
from kpi.operators.reports import reported

FAIL, WARN = "fail", "warn"


class FigureCheckOperator(SQLCheckOperator):
    """A check whose failure stops the day: its event is not sent.

    The query gives one row, whose columns must all be true; the error names those that are not.
    """

    template_fields = (*SQLCheckOperator.template_fields, "parameters")
    template_fields_renderers = {"sql": "mysql", "parameters": "json"}

    def execute(self, context: Any) -> None:
        # On a session of the package, not of the hook: it is set up like all others.
        with (
            reported(self, f"The figures of {business_date(context)} pass") as report,
            session(ETL) as etl,
        ):
            bound: Any = self.parameters
            record = etl.record(self.sql, bound)
            self.log.info("%s", record)
            wrong = [column for column, value in record.items() if not value]
            if wrong or not record:
                self._raise_exception(
                    f"The figures of {business_date(context)} do not pass {self.task_id}: "
                    f"not true is {' and '.join(wrong) or 'that the query has a row'}; "
                    "run this task's SQL, which says what is expected, mend the source or the metric, "
                    "and run the day again."
                )
            report.add(*({"true": column} for column in record))


class WarningCheckOperator(FigureCheckOperator):
    """A check whose failure is shown (the task ends as skipped, its log says why) and stops nothing."""

    def execute(self, context: Any) -> None:
        try:
            super().execute(context)
        except AirflowException as error:
            self.log.warning("%s", error)
            raise AirflowSkipException(f"Warning from {self.task_id}, see the log.") from error


def figure_checks() -> list[FigureCheckOperator]:
    """Make one task per file `fail__what.sql` (stops the day) or `warn__what.sql` (is only shown).

    A check is a query of one row whose columns must all be true; its first column says that there is something
    to check, so that an empty table never passes while the history holds something to measure. It is bound the day
    as %(date_id)s, and as %(as_of)s for what it takes of the day's road (include/sql/sets/day).
    """
    tasks = []
    for path in sorted((settings().sql_dir / "checks").glob("*.sql")):
        level, _, _ = path.stem.partition("__")
        operator = {FAIL: FigureCheckOperator, WARN: WarningCheckOperator}[level]
        tasks.append(
            operator(
                task_id=path.stem,
                conn_id=ETL,
                sql=f"checks/{path.name}",
                parameters=dict.fromkeys(("date_id", "as_of"), "{{ business_date() }}"),
                # What is wrong in the figures stays wrong when asked again.
                retry_on_failure=False,
            )
        )
    return tasks
