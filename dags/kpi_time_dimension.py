"""kpi_time_dimension: fills and repairs kpi_time."""

from airflow.sdk import DAG, CronTriggerTimetable, Param
from kpi.core.settings import settings
from kpi.operators.dag_defaults import dag_defaults
from kpi.operators.dimensions import TimeDimensionOperator

DOC = """
### kpi_time_dimension
Fills `kpi_time` from a month before the first day with source data (or from `KPI_CALENDAR_START`)
to 400 days ahead, with the UTC instants at which each local day begins and ends. Idempotent;
repairs wrong rows.

**When to trigger by hand:** after `kpi_bootstrap`, and after an update of the time zone data.

**When a task is red:** the zone data are older than the rules in force, or new zone data move days that
have facts. The log's last line says what to do; `force` moves them, after which those days are to
be computed again.
"""

with DAG(
    "kpi_time_dimension",
    schedule=CronTriggerTimetable("0 1 * * *", timezone=settings().timezone),
    max_active_runs=1,
    doc_md=DOC,
    params={
        "force": Param(
            False,
            type=["null", "boolean"],
            title="Forcer · Force",
            description="Laisser bouger des jours qui ont déjà des faits. · Let days that already have facts move.",
        ),
    },
    **dag_defaults("upkeep"),
):
    TimeDimensionOperator(
        task_id="kpi_time",
        upsert="dimensions/kpi_time.sql",
        first_source_day="dimensions/first_source_day.sql",
    )
