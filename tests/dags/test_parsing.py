"""The DAG files: parsed without a database or network, and what a person sees of them in the UI."""

from __future__ import annotations

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kpi.settings import PROJECT

from tests.dags.airflow_process import changed_environment

DAGS = {
    *("kpi_backfill", "kpi_bootstrap", "kpi_daily", "kpi_partition_maintenance", "kpi_rollup"),
    *("kpi_retention", "kpi_time_dimension"),
}
CONNECTING = {"socket.connect", "socket.getaddrinfo", "sqlite3.connect"}


@dataclass
class Described:
    """What a DAG says of itself."""

    doc_md: str
    tags: set[str]
    catchup: bool
    max_active_runs: int
    params: dict[str, str | None]
    owners: set[str]
    retries: set[int]
    groups: dict[str, set[str]]
    upstream: dict[str, set[str]]


@dataclass
class Parsed:
    """What a process without connections made of the DAG files."""

    import_errors: dict[str, str]
    connected: list[str]
    dags: dict[str, Described]


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory, sql_dir: Path) -> Parsed:
    without = {
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("no_database")),
        "KPI_SQL_DIR": str(sql_dir),
        **{f"AIRFLOW_CONN_KPI_{name}": None for name in ("SOURCE", "ETL", "ADMIN", "READ")},
    }
    with (
        changed_environment(without),
        ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process,
    ):
        return process.submit(parse_without_connections).result()


def parse_without_connections() -> Parsed:
    """Parse the DAG files while every attempt to connect is refused; needs a new process."""
    from airflow.dag_processing.dagbag import DagBag

    connected: list[str] = []

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event in CONNECTING:
            connected.append(f"{event}{arguments}")
            raise ConnectionRefusedError(event)

    assert "kpi.connections" not in sys.modules, "the package's import counts as well"
    sys.addaudithook(refuse)
    bag = DagBag(PROJECT / "dags")
    return Parsed(
        dict(bag.import_errors), connected, {key: describe(bag.dags[key]) for key in bag.dags}
    )


def describe(dag: Any) -> Described:
    groups = dag.task_group.get_task_group_dict()
    return Described(
        doc_md=dag.doc_md or "",
        tags=set(dag.tags),
        catchup=dag.catchup,
        max_active_runs=dag.max_active_runs,
        params={name: dag.params.get_param(name).description for name in dag.params},
        owners={task.owner for task in dag.tasks},
        retries={task.retries for task in dag.tasks},
        groups={name: set(group.children) for name, group in groups.items() if name},
        upstream={task.task_id: set(task.upstream_task_ids) for task in dag.tasks},
    )


def test_files_parse_without_a_database_or_network(parsed: Parsed) -> None:
    assert parsed.import_errors == {}
    assert parsed.connected == []
    assert set(parsed.dags) == DAGS
    assert {path.stem for path in (PROJECT / "dags").glob("*.py")} == DAGS


@pytest.mark.parametrize("dag_id", sorted(DAGS))
def test_a_dag_says_what_it_is_for_and_whose_it_is(parsed: Parsed, dag_id: str) -> None:
    dag = parsed.dags[dag_id]
    assert dag.doc_md.strip().startswith(f"### {dag_id}\n")
    assert "red" in dag.doc_md, "it says what to do when a task is red"
    assert "kpi" in dag.tags
    assert dag.owners == {"kpi"}
    assert dag.retries == {2}
    assert not dag.catchup
    assert all(dag.params.values()), "each param is described"


def test_the_tasks_of_a_night_are_grouped_and_ordered_by_layer(parsed: Parsed) -> None:
    night = parsed.dags["kpi_daily"]
    assert set(night.groups) == {"dimensions", "facts", "checks"}
    checks = {path.stem for path in (PROJECT / "include" / "sql" / "checks").glob("*.sql")}
    assert night.groups["checks"] == {f"checks.{check}" for check in checks}
    facts = {"facts.kpi_value", "facts.kpi_state_count", "facts.kpi_percentiles"}
    assert night.groups["facts"] == facts
    assert night.upstream["preflight"] == set()
    assert night.upstream["capture"] == {"preflight"}
    for task in night.groups["dimensions"]:
        assert night.upstream[task] == {"capture"}
    for task in facts:
        assert night.upstream[task] == night.groups["dimensions"]
    for task in night.groups["checks"]:
        assert night.upstream[task] == facts
    assert night.upstream["done"] == night.groups["checks"]
