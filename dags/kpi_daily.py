"""kpi_daily: captures the source and computes the facts of the local day that just ended."""

from airflow.sdk import DAG, CronPartitionTimetable, Param, TaskGroup
from kpi.alerts.nights import night_mended
from kpi.core.settings import settings
from kpi.operators import by_table
from kpi.operators.alerts import AlertsOperator
from kpi.operators.checks import figure_checks
from kpi.operators.dag_defaults import dag_defaults
from kpi.operators.dag_params import REASON, replayed_at
from kpi.operators.daily import (
    CaptureOperator,
    DayDoneOperator,
    PreflightOperator,
    SliceOperator,
)
from kpi.operators.dimensions import DimensionsOperator, MetricDictionaryOperator

DOC = """
### kpi_daily
Each night at 01:30 local time: what does the LMS say (capture), then the day's figures from the
history (facts), then checks. The run's partition key is the local day that just ended.

**When to trigger by hand:** to compute a day again, give `date`. A day whose end was captured is
computed from history, so an old day gets its own figures, never today's. `captured_at` replays a
past night with the clock at that instant.

**Several days:** `kpi_backfill`, or Airflow's own backfill of this DAG: give its last day with a time (23:00), else
Airflow leaves that day out, and let it reprocess completed runs.

**When a task is red:** its last log line says what to do. *preflight*: a connection, the schema or
the source is not as it should be; nothing was written. *capture* and the facts: the slice is as it
was; clear the task to try again. A capture stops when much of the source vanished or changed at once (a copy cut
short): once the source is whole, clear it; or leave it to the next night, which computes the missed day too. If
that much did go, trigger with `accept_source` and a reason. A false capture that went through: `kpi_take_back`.
*checks*: the figures are there and wrong; the task's SQL says what
was expected. Until *done* is green the day's event is not sent, so nothing builds on it. *alerts*
comes after: the day is complete without it; clear it, or leave it to the next night. A failed run
raises an alert (`kpi_alert`), which ends when the run, or one of that day or a later day, is green.
"""

with DAG(
    "kpi_daily",
    schedule=CronPartitionTimetable(
        "30 1 * * *", timezone=settings().timezone, run_offset=-1, key_format="%Y-%m-%d"
    ),
    max_active_runs=4,
    doc_md=DOC,
    params={
        "date": Param(
            None,
            type=["null", "string"],
            format="date",
            # Airflow refuses a malformed date with a message that shows the title.
            title="Jour local · Local day (YYYY-MM-DD)",
            description="Le jour à calculer ; par défaut la clé de partition du run. · "
            "The local day to compute; by default the run's partition key.",
        ),
        "captured_at": replayed_at("2026-02-16T01:30:00+00:00"),
        "accept_source": Param(
            False,
            type=["null", "boolean"],
            title="Accepter la source · Accept the source",
            description="Capturer bien qu'une grande part de la source ait disparu ou changé, puisque c'est arrivé. · "
            "Capture although much of the source vanished or changed at once, since that is what happened.",
        ),
        "reason": REASON,
    },
    **dag_defaults("nightly", alerts=True),
):
    preflight = PreflightOperator(task_id="preflight")
    capture = CaptureOperator(task_id="capture", sql="capture/capture.sql")

    with TaskGroup("dimensions") as dimensions:
        MetricDictionaryOperator(task_id="kpi_metric", sql="dimensions/kpi_metric.sql")
        DimensionsOperator(task_id="kpi_scope_and_target", sql="dimensions/dimensions.sql")

    with TaskGroup("facts") as facts:
        by_table.days(SliceOperator, day="{{ business_date() }}", takes_missed=True)

    with TaskGroup("checks") as checks:
        figure_checks()

    # A warning ends as skipped.
    done = DayDoneOperator(task_id="done", trigger_rule="none_failed")
    alerts = AlertsOperator(
        task_id="alerts", sql="alerts/thresholds.sql", on_success_callback=night_mended
    )

    preflight >> capture >> dimensions >> facts >> checks >> done >> alerts
