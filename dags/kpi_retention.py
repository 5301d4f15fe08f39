"""kpi_retention: removes what is old, month by month, and can bring it back for a while."""

from airflow.sdk import DAG, CronTriggerTimetable, Param
from kpi.core.settings import settings
from kpi.operators.dag_defaults import dag_defaults
from kpi.operators.dag_params import dry_run, local_day
from kpi.operators.retention import (
    FactRetentionOperator,
    LedgerRetentionOperator,
    RestoreOperator,
)

DOC = """
### kpi_retention
Each morning at 05:00 local time, after the rollups and `kpi_partition_maintenance`:

* *facts*: a month whose days are all older than `KPI_RETENTION_DAYS_D` (90) loses its days (D); weeks, months and
  windows go after `KPI_RETENTION_MONTHS_W`, `_M`, `_R`. What stays is copied to a table beside and exchanged with the
  partition, in one moment; what went is then in a table `kpi_undo_…` for `KPI_RETENTION_UNDO_DAYS` (14). In storage
  mode `foreign_keys` rows are copied there and deleted in chunks.
* *ledgers*: closed versions of the history, rows of `kpi_run` and `kpi_reject`, each by its own setting.

**What stays although it is old**, with the reason in the log's table: days whose weeks and months are not complete in
all tables, what a run is writing, what a row of `kpi_hold` names, and what is beyond
`KPI_RETENTION_PARTITIONS_PER_RUN` for this run.

**When to trigger by hand:** with `dry_run` to see what would go and why the rest stays; with `restore` (a month as
YYYY-MM, or an undo table's name) to bring back what went. Restored months are held for `KPI_RETENTION_UNDO_DAYS`.

**When a task is red:** its last log line says what to do, and nothing was lost. A table in use: the line names the
session, or how to find it. The clock: today contradicts `kpi_time` or the ledger. No room: a month's rows that stay
need to be there twice for a moment. After a run that was killed, trigger it again: it ends or takes back what was
half-done.
"""

with DAG(
    "kpi_retention",
    schedule=CronTriggerTimetable("0 5 * * *", timezone=settings().timezone),
    max_active_runs=1,
    doc_md=DOC,
    params={
        "dry_run": dry_run(
            "Imprimer ce qui serait fait, et rien d'autre. · Only print what would be done."
        ),
        "restore": Param(
            None,
            type=["null", "string"],
            title="Restaurer · Restore",
            description="Un mois (YYYY-MM) de toutes les tables de faits, ou une table kpi_undo_… par son nom. · "
            "Bring back a month (YYYY-MM) of all fact tables, or one undo table by its name.",
        ),
        "restore_over": Param(
            False,
            type=["null", "boolean"],
            title="Par-dessus · Restore over",
            description="Mettre ce qui est restauré à la place de ce qui a été calculé depuis. · "
            "Put what is restored in the place of rows that were computed since.",
        ),
        "date": local_day(
            "Le jour à prendre pour aujourd'hui ; par défaut celui de l'horloge. · "
            "The local day to take for today; by default that of the clock."
        ),
    },
    **dag_defaults("upkeep"),
):
    restore = RestoreOperator(task_id="restore", sql="tasks/retention_restore.sql")
    # Each night nothing is to be restored and `restore` is skipped.
    facts = FactRetentionOperator(
        task_id="facts", sql="tasks/retention_facts.sql", trigger_rule="none_failed"
    )
    ledgers = LedgerRetentionOperator(
        task_id="ledgers", sql="tasks/retention_ledgers.sql", trigger_rule="none_failed"
    )

    restore >> facts >> ledgers
