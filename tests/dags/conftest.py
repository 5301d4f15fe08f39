"""Airflow for the test session, and databases to run the project's DAGs on."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from environment import environment
from kpi.core.settings import Settings
from mysql_server import PrivateServer

from tests.dags.airflow_process import AirflowProcess, Outcome
from tests.sql.schemas import bare_databases
from tests.warehouse import Warehouse


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory, sql_dir: Path) -> Iterator[AirflowProcess]:
    names = (name for name in environment() if name.startswith("AIRFLOW__CORE__"))
    chosen = {
        **{name: environment()[name] for name in names},
        "KPI_SQL_DIR": str(sql_dir),
        "KPI_SOURCE_ADAPTER": "contract",
    }
    with AirflowProcess(tmp_path_factory.mktemp("airflow"), chosen) as started:
        yield started


@dataclass
class Operated:
    """A warehouse, and the Airflow that runs the project's DAGs on it."""

    airflow: AirflowProcess
    warehouse: Warehouse

    def run(
        self,
        dag_id: str,
        conf: Mapping[str, Any] | None = None,
        environment: Mapping[str, str | None] | None = None,
        partition_key: str | None = None,
    ) -> Outcome:
        """Run a DAG to its end; `environment` is over the warehouse's connections."""
        changes = self.environment | dict(environment or {})
        return self.airflow.start(dag_id, conf, changes, partition_key).result()

    @property
    def environment(self) -> dict[str, str | None]:
        connections = self.warehouse.connections.items()
        return {f"AIRFLOW_CONN_{name.upper()}": json.dumps(value) for name, value in connections}

    def tables(self) -> list[str]:
        rows = self.warehouse.rows(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = DATABASE() ORDER BY table_name"
        )
        return [table for (table,) in rows]

    def checksums(self, *leave_out: str) -> dict[str, int]:
        """Return a checksum of the rows of each table, the ledger's too unless left out."""
        tables = [table for table in self.tables() if table not in leave_out]
        if not tables:
            return {}
        found = self.warehouse.rows(f"CHECKSUM TABLE {', '.join(tables)}")
        return {table.rpartition(".")[2]: checksum for table, checksum in found}


@pytest.fixture(scope="module")
def operated(airflow: AirflowProcess, module_warehouse: Warehouse) -> Operated:
    """A bootstrapped database with kpi_time filled, shared by a module's tests, and Airflow."""
    return Operated(airflow, module_warehouse)


@pytest.fixture(scope="module")
def new_operated(
    airflow: AirflowProcess, server: PrivateServer, contract_settings: Settings
) -> Iterator[Callable[..., Operated]]:
    """Make databases that nothing has been done to: no tables, an empty source."""
    with bare_databases(server.root_uri, contract_settings) as bare:

        def make(name: str, **changes: object) -> Operated:
            made = bare(name, **changes)
            made.create_contract_source()
            return Operated(airflow, made)

        yield make


@pytest.fixture
def overlaid(sql_dir: Path, tmp_path: Path) -> Callable[[Mapping[str, str | None]], str]:
    """Make a folder of SQL like the project's, with some files new or other, or gone (None)."""

    def make(files: Mapping[str, str | None]) -> str:
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        _link(sql_dir, folder)
        for name, text in files.items():
            path = folder / name
            for parent in [*path.relative_to(folder).parents][-2::-1]:
                _unfold(folder / parent)
            path.unlink(missing_ok=True)
            if text is not None:
                path.write_text(text)
        return str(folder)

    return make


def _link(source: Path, folder: Path) -> None:
    for entry in source.iterdir():
        (folder / entry.name).symlink_to(entry)


def _unfold(folder: Path) -> None:
    """Replace a link to a folder by a folder of links, so that a file in it can be another."""
    if folder.is_symlink():
        source = folder.resolve()
        folder.unlink()
        folder.mkdir()
        _link(source, folder)
