"""kpi_rollup: weeks, months and rolling windows of a day whose facts are complete, then the tiles."""

from airflow.sdk import DAG, PartitionedAssetTimetable
from kpi.alerts.nights import night_mended
from kpi.operators import by_table
from kpi.operators.dag_defaults import DAILY_FACTS, dag_defaults
from kpi.operators.dag_params import local_day
from kpi.operators.rollups import (
    RolledUpOperator,
    RollupPreflightOperator,
    TileCacheOperator,
)

DOC = """
### kpi_rollup
When a day's facts are complete (the event of `kpi_daily`, with the day as its key): the week and the month that
hold the day, and the rolling windows (7 and 30 days) that hold it. The current week and month are told *to
date*; `extra_json` says as of which day, how many days that covers and whether the period is complete. Then
`kpi_tile_cache`.

**Days that no rollup has taken yet**, since this DAG was paused or failed, are taken along by the next run, when they
lie at most 90 days before its own; its log names them. Of several late days the first run takes all, and the others
find nothing to do.

**When to trigger by hand:** with `date`, after a metric's rollup rule was changed. An old day brings its own
week, month and windows up to date, and days before it that no rollup has taken.

**When a task is red:** its last log line says what to do. Each week, month or day of windows is written all or
nothing; clear the task to try again. A failed run raises an alert, which ends
when it, or a later one of that day, is green.
"""

DAYS = {"first": "{{ business_date() }}", "last": "{{ business_date() }}"}

with DAG(
    "kpi_rollup",
    schedule=PartitionedAssetTimetable(assets=DAILY_FACTS),
    max_active_runs=4,
    doc_md=DOC,
    params={
        "date": local_day(
            "Le jour à cumuler ; par défaut la clé de partition du run. · "
            "The local day to roll up; by default the run's partition key."
        ),
    },
    **dag_defaults("nightly", alerts=True),
):
    preflight = RollupPreflightOperator(task_id="preflight")

    rollups = by_table.groups_of_rollups(days=DAYS, takes_missed=True)
    tiles = TileCacheOperator(
        task_id="kpi_tile_cache", sql="display/kpi_tile_cache.sql", day="{{ business_date() }}"
    )
    done = RolledUpOperator(task_id="done", on_success_callback=night_mended)

    preflight >> rollups >> tiles >> done
