"""kpi_take_back: the history as it was before the last capture, and the figures that were built on it."""

from typing import Any

from airflow.sdk import DAG, Param, TaskGroup
from kpi.operators import by_table
from kpi.operators.backfill import FactRangeOperator
from kpi.operators.dag_defaults import dag_defaults
from kpi.operators.dag_params import REASON, dry_run
from kpi.operators.dimensions import DimensionsOperator
from kpi.operators.rollups import TileCacheOperator
from kpi.operators.taking_back import TakeBackOperator

DOC = """
### kpi_take_back
When the last capture was false (the source was cut short, or restored from a wrong copy, and it went through): the
history is brought back as it was before that capture, and the days computed since are computed again from it, with
their weeks, months, windows and tiles. Captures of some learners made since (`kpi_incremental`) are taken back along
with it, and their changes are pending again. A later capture of all learners makes it final.

**When to trigger by hand:** with `captured_at`, the instant of the capture (`kpi_run.watermark`); a run without it says
which one it is. First with `dry_run`: it says what would be removed, put back and computed again.

**Afterwards** the day has no capture of its own. With the source whole again, trigger `kpi_daily` for it; or leave
it to the next night, whose capture tells of it too and which computes it again.

**When a task is red:** *take_back* says what is wrong; nothing was written. After it, the history is as it was before,
and each table's days are written all or nothing: clear the task.
"""

BUILT = "ti.xcom_pull(task_ids='take_back')"
DAYS = {"first": f"{{{{ {BUILT}[0]['first'] }}}}", "last": f"{{{{ {BUILT}[-1]['last'] }}}}"}

with DAG(
    "kpi_take_back",
    schedule=None,
    max_active_runs=1,
    doc_md=DOC,
    params={
        "captured_at": Param(
            None,
            type=["null", "string"],
            title="Instant de capture · Capture instant",
            description="La capture à annuler, d'après kpi_run.watermark. · The capture to take back, as "
            "kpi_run.watermark says: 2026-02-16T01:30:00+00:00.",
        ),
        "dry_run": dry_run(
            "Dire ce qui serait annulé, sans rien écrire. · Say what would be taken back, write nothing."
        ),
        "reason": REASON,
    },
    **dag_defaults("by hand"),
):
    take_back = TakeBackOperator(task_id="take_back", sql="capture/take_back.sql")

    def chunk_of_days(**arguments: Any) -> Any:
        chunks = FactRangeOperator.partial(
            **arguments, map_index_template="{{ task.chunk['first'] }}"
        )
        return chunks.expand(chunk=take_back.output)

    dimensions = DimensionsOperator(task_id="kpi_scope_and_target", sql="dimensions/dimensions.sql")

    with TaskGroup("facts") as facts:
        by_table.days(chunk_of_days, road="range")

    # Skipped, like all after take_back, in a dry run; and where no day was computed since.
    with TaskGroup("rollups") as rollups:
        by_table.rollups(DAYS, plural="s")
    tiles = TileCacheOperator(
        task_id="kpi_tile_cache", sql="display/kpi_tile_cache.sql", day=DAYS["last"]
    )

    take_back >> dimensions >> facts >> rollups >> tiles
