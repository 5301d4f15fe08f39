"""What the tests of the schema do to a database."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from kpi.core.connections import ADMIN, session
from kpi.core.settings import Settings
from kpi.upkeep import migrations, partitions
from mysql_server import PrivateServer

from tests.warehouse import Warehouse

FACTS = ("kpi_value", "kpi_state_count", "kpi_percentiles", "kpi_plan_gap")


@contextmanager
def bare_databases(root_uri: str, settings: Settings) -> Iterator[Callable[..., Warehouse]]:
    """Make databases without tables; Airflow's connections lead to the last one made, or used."""
    before = {name: value for name, value in os.environ.items() if name.startswith("AIRFLOW_CONN_")}
    made = []

    def make(name: str, **changes: object) -> Warehouse:
        chosen = settings.model_copy(update=changes)
        made.append(Warehouse(root_uri, f"t_{name}", chosen).create())
        return made[-1]

    try:
        yield make
    finally:
        for warehouse in made:
            warehouse.close()
        for name in [name for name in os.environ if name.startswith("AIRFLOW_CONN_")]:
            del os.environ[name]
        os.environ.update(before)


@contextmanager
def cramped_server(home: Path) -> Iterator[PrivateServer]:
    """Start a server whose tables have 4 MB, too few for 40,000 rows, while innodb_file_per_table is OFF."""
    options = {
        "innodb-buffer-pool-size": "64M",
        "innodb-redo-log-capacity": "64M",
        "innodb-data-file-path": "ibdata1:12M:autoextend:max:16M",
    }
    with PrivateServer(home, options=options, bound=True) as server:
        yield server


def fill(warehouse: Warehouse, period: str, rows: int, day: str) -> None:
    """Put so many rows of a scope and a target into a day of kpi_state_count."""
    warehouse.execute("SET SESSION cte_max_recursion_depth = 100000")
    warehouse.execute(
        "INSERT INTO kpi_state_count (date_id, period, scope_id, target_id, domain, state_code, state_ordre)"
        " WITH RECURSIVE number AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM number WHERE n < %s)"
        " SELECT %s, %s, 1, 1, 'UA', LPAD(n, 32, '-'), 1 FROM number",
        (rows, day, period),
    )


def migrate(warehouse: Warehouse, resume: bool = False) -> list[str]:
    """Apply the pending migrations of the warehouse's settings; return their names."""
    files = migrations.available(warehouse.settings.sql_dir, warehouse.settings.storage)
    with session(ADMIN) as admin:
        return migrations.migrate(admin, files, resume, lock_wait_seconds=20)


def make_partitions(months: Sequence[date]) -> list[str]:
    """Split off the months, which are given by their first days; return the statements run."""
    with session(ADMIN) as admin:
        statements = partitions.missing(admin, list(months))
        for statement in statements:
            admin.run(statement)
    return statements


def tables(warehouse: Warehouse) -> list[str]:
    """Return the names of the database's tables, sorted."""
    found = warehouse.rows(
        "SELECT table_name FROM information_schema.tables"
        " WHERE table_schema = DATABASE() ORDER BY table_name"
    )
    return [table for (table,) in found]


def layout(warehouse: Warehouse, table: str) -> dict[str, int]:
    """Return the rows in each partition of a table."""
    names = warehouse.rows(
        "SELECT partition_name FROM information_schema.partitions"
        " WHERE table_schema = DATABASE() AND table_name = %s AND partition_name IS NOT NULL"
        " ORDER BY partition_ordinal_position",
        (table,),
    )
    return {
        name: warehouse.rows(f"SELECT COUNT(*) FROM {table} PARTITION ({name})")[0][0]
        for (name,) in names
    }
