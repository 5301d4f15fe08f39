"""kpi_bootstrap: makes the schema, the metric dictionary and the first partitions."""

from airflow.sdk import DAG, Param
from kpi.core.connections import ADMIN
from kpi.operators.bootstrap import (
    BootstrapPreflightOperator,
    FirstPartitionsOperator,
    MigrateOperator,
)
from kpi.operators.dag_defaults import dag_defaults
from kpi.operators.dimensions import MetricDictionaryOperator

DOC = """
### kpi_bootstrap
Makes or upgrades the `kpi_*` tables, registers the metrics, and splits off the first monthly
partitions. It runs once by itself. Running it again changes nothing.

**When to trigger by hand:** after each upgrade of the package. `plan` prints what would run and
writes nothing; `resume` goes on with a migration that stopped half-way.

**When a task is red:** its last log line says what to do. A migration that stopped half-way: mend
the cause (a missing right, a full disk), then trigger with `resume`.
"""

with DAG(
    "kpi_bootstrap",
    schedule="@once",
    max_active_runs=1,
    doc_md=DOC,
    params={
        "plan": Param(
            False,
            type=["null", "boolean"],
            title="Plan seulement · Plan only",
            description="Imprimer ce qui serait exécuté, et rien d'autre. · Only print what would run.",
        ),
        "resume": Param(
            False,
            type=["null", "boolean"],
            title="Reprendre · Resume",
            description="Reprendre une migration arrêtée à mi-chemin. · Go on with a migration that stopped half-way.",
        ),
    },
    **dag_defaults("by hand"),
):
    (
        BootstrapPreflightOperator(task_id="preflight")
        >> MigrateOperator(task_id="migrations")
        >> MetricDictionaryOperator(
            task_id="metric_dictionary", sql="dimensions/kpi_metric.sql", conn_id=ADMIN
        )
        >> FirstPartitionsOperator(task_id="first_partitions")
    )
