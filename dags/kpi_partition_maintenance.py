"""kpi_partition_maintenance: keeps the monthly partitions of the fact tables ahead of the rows."""

from airflow.sdk import DAG, CronTriggerTimetable, Param
from kpi.core.settings import settings
from kpi.operators.dag_defaults import dag_defaults
from kpi.operators.dag_params import dry_run, local_day
from kpi.operators.partitions import PartitionMaintenanceOperator, StorageOperator

DOC = """
### kpi_partition_maintenance
Each night at 04:00 local time: every month from `KPI_PARTITION_MONTHS_BACK` before today (or from
the oldest row) to `KPI_PARTITION_MONTHS_AHEAD` after it gets a partition of its own. Months ahead
are split off the catch-all `p_max`, with the rows that got into it; partitions that hold several
months are split. Nothing is dropped, and rows are counted before and after each statement. The log
shows all partitions as a table: bounds, rows, MB, periods. In storage mode `foreign_keys` there is
nothing to do.

**When to trigger by hand:** after computing days older than all partitions; with `dry_run` to see
the table and what would run.

**Conversion.** `convert_to` brings the facts into the other storage mode: copied beside the tables
in use, compared, swapped in one statement. Set `KPI_STORAGE` to the new mode afterwards. The tables
from before stay as `kpi_…_old` until a run with `drop_old`. The operating guide says more.

**When a task is red:** its last log line says what to do, and no row was dropped. A table in use: the
line names the session that holds it, or how to find it. The clock: today contradicts `kpi_time` or
the ledger. After a conversion that was stopped, trigger the same again: it goes on.
"""

with DAG(
    "kpi_partition_maintenance",
    schedule=CronTriggerTimetable("0 4 * * *", timezone=settings().timezone),
    max_active_runs=1,
    doc_md=DOC,
    params={
        "dry_run": dry_run(
            "Imprimer ce qui serait fait, et rien d'autre. · Only print what would be done."
        ),
        "convert_to": Param(
            None,
            type=["null", "string"],
            enum=[None, "partitioned", "foreign_keys"],
            title="Convertir vers · Convert to",
            description="Mettre les faits dans ce mode de stockage. · Bring the facts into this storage mode.",
        ),
        "drop_old": Param(
            False,
            type=["null", "boolean"],
            title="Supprimer les anciennes · Drop the old",
            description="Supprimer ce que des conversions ont laissé : tables d'avant, copies inachevées. · "
            "Drop what conversions left: the tables from before, and unfinished copies.",
        ),
        "date": local_day(
            "Le jour à prendre pour aujourd'hui ; par défaut celui de l'horloge. · "
            "The local day to take for today; by default that of the clock."
        ),
    },
    **dag_defaults("upkeep"),
):
    storage = StorageOperator(task_id="storage", sql="tasks/storage.sql")
    # Each night no conversion is asked for and `storage` is skipped.
    partitions = PartitionMaintenanceOperator(
        task_id="partitions", sql="tasks/partitions.sql", trigger_rule="none_failed"
    )

    storage >> partitions
