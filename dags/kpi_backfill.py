"""kpi_backfill: recomputes a range of days from the history, set-wise, then its weeks, months and windows."""

from typing import Any

from airflow.sdk import DAG, Param, TaskGroup
from kpi.operators import by_table
from kpi.operators.backfill import (
    BackfillCheckOperator,
    FactRangeOperator,
    RangeRollupOperator,
    RangeTileCacheOperator,
)
from kpi.operators.dag_defaults import dag_defaults
from kpi.operators.dag_params import REASON, dry_run
from kpi.vocabulary import FACT_TABLES, SCOPE_TYPES

DOC = """
### kpi_backfill
Recomputes the figures of a range of local days from the history: each day gets what was true at its end. A chunk
of days (`KPI_BACKFILL_CHUNK_DAYS`) is computed at once and written day by day, each day all or nothing; then the
weeks, months and windows that hold a day of the range are rolled up once. It captures nothing.

**When to trigger by hand:** after a correction in the source that reaches back, after a metric was added or changed,
or to fill days that were never computed. `dry_run` says how many rows would be inserted, changed and deleted, with the
largest changes, and names the periods that would be rolled up; it writes nothing.

**Stop and resume:** each chunk is a mapped task instance of its own, and chunks that are done stay done. After a
failure, clear the failed tasks. To stop, mark the run failed: Airflow then skips what has not begun, so to go on, clear
the failed *and the skipped* task instances; with the failed ones alone the run would end green with days missing.

**Days that retention removed** are refused, unless asked for with `into_dropped`; before the history's beginning they
cannot be computed any more. A week, month or window of which only some days were removed keeps its rows as they are.

**When a task is red:** *check* says what is wrong with the range; nothing was written. Otherwise the last log line says
what to do; clear the task.
"""

DAYS = {"first": "{{ params.date_from }}", "last": "{{ params.date_to }}"}
DATE = {"type": "string", "format": "date"}

with DAG(
    "kpi_backfill",
    schedule=None,
    max_active_runs=4,
    doc_md=DOC,
    params={
        "date_from": Param(
            **DATE,
            title="Du · From (YYYY-MM-DD)",
            description="Le premier jour local à calculer. · The first local day to compute.",
        ),
        "date_to": Param(
            **DATE,
            title="Au · To (YYYY-MM-DD)",
            description="Le dernier jour local à calculer. · The last local day to compute.",
        ),
        "facts": Param(
            list(FACT_TABLES),
            type=["null", "array"],
            items={"type": "string", "enum": list(FACT_TABLES)},
            examples=list(FACT_TABLES),
            title="Tables de faits · Fact tables",
            description="Celles à calculer ; toutes par défaut. · Those to compute; all by default.",
        ),
        "scope_types": Param(
            list(SCOPE_TYPES),
            type=["null", "array"],
            items={"type": "string", "enum": list(SCOPE_TYPES)},
            examples=list(SCOPE_TYPES),
            title="Types de points de vue · Scope types",
            description="Ceux à calculer ; tous par défaut. · Those to compute; all by default.",
        ),
        "scope_ids": Param(
            [],
            type=["null", "array"],
            items={"type": "string", "pattern": "^[0-9]+$"},
            title="Points de vue · Scopes (id)",
            description="Ceux-là seulement (colonne id de kpi_scope), un par ligne ; tous si vide. · "
            "Only these (column id of kpi_scope), one a line; all when empty.",
        ),
        "dry_run": dry_run(
            "Dire ce qui changerait et ne rien écrire. · Say what would change and write nothing."
        ),
        "into_dropped": Param(
            False,
            type=["null", "boolean"],
            title="Même les jours purgés · Into removed days",
            description="Calculer aussi les jours que kpi_retention a purgés ; il les purge de nouveau le lendemain, "
            "sauf si kpi_hold les retient. · Compute days whose rows kpi_retention removed, from the history. It "
            "removes them again the next morning, unless a row of kpi_hold keeps them.",
        ),
        "reason": REASON,
    },
    **dag_defaults("by hand"),
):
    check = BackfillCheckOperator(task_id="check")

    def chunk_of_days(**arguments: Any) -> Any:
        chunks = FactRangeOperator.partial(
            **arguments, map_index_template="{{ task.chunk['first'] }} to {{ task.chunk['last'] }}"
        )
        return chunks.expand(chunk=check.output)

    with TaskGroup("facts") as facts:
        by_table.days(chunk_of_days, road="range")

    rollups = by_table.groups_of_rollups(
        operator=RangeRollupOperator, days=DAYS, trigger_rule="none_failed"
    )
    tiles = RangeTileCacheOperator(
        task_id="kpi_tile_cache",
        sql="display/kpi_tile_cache.sql",
        day="{{ params.date_to }}",
        trigger_rule="none_failed",
    )

    facts >> rollups >> tiles
