"""kpi_status: how nights, tables and zone data are doing, every hour; and the alert of a late night."""

from airflow.sdk import DAG, CronTriggerTimetable, Param
from kpi.core.settings import settings
from kpi.operators.dag_defaults import dag_defaults
from kpi.operators.status import LateNightsOperator, StatusOperator

DOC = """
### kpi_status
Every hour, ten minutes past: the last good night, days that lack facts, failed runs, changes waiting, partitions, what
retention will remove next, schema and zone data, each green, amber or red, as a table at the end of the log of
*status*. It reads through `kpi_read` and writes nothing.

*late_nights* raises one alert when the last day is not there by `KPI_NIGHT_DUE_AT` (06:00 local time), ends it once it
is, and gives the notifier every alert that it has not taken yet.

**When to trigger by hand:** whenever you want to know; with `at` the clock is another.

**When a task is red:** *status* is never red for what it finds: its table says the level, the lines above it say what
to do. *late_nights* is red when the KPI database cannot be written; its last log line says what to do. It catches
up within the hour.
"""

with DAG(
    "kpi_status",
    schedule=CronTriggerTimetable("10 * * * *", timezone=settings().timezone),
    max_active_runs=1,
    doc_md=DOC,
    params={
        "at": Param(
            None,
            type=["null", "string"],
            title="Instant · Instant",
            description="L'instant à prendre pour maintenant ; par défaut celui de l'horloge. · The instant to take "
            "for now, 2026-02-16T07:00:00+00:00; by default that of the clock.",
        ),
    },
    **dag_defaults("upkeep"),
):
    # What is late is to be told even where nothing can be read.
    StatusOperator(task_id="status") >> LateNightsOperator(task_id="late_nights")
