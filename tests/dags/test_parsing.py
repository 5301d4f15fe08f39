"""The DAG files: parsed without a database or network, and what a person sees of them in the UI."""

from __future__ import annotations

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kpi.core.settings import PROJECT

from tests.dags.airflow_process import changed_environment

DAGS = {
    *("kpi_backfill", "kpi_bootstrap", "kpi_daily", "kpi_partition_maintenance", "kpi_rollup"),
    *("kpi_incremental", "kpi_retention", "kpi_status", "kpi_take_back", "kpi_time_dimension"),
}
# What a DAG is tagged with beside `kpi`: one word that says when it runs, or that it looks after the tables.
TAGS = {"nightly", "during the day", "by hand", "upkeep"}
CONNECTING = {"socket.connect", "socket.getaddrinfo", "sqlite3.connect"}


@dataclass
class Field:
    """A param as Airflow's form shows it."""

    title: str
    description: str
    marked: bool  # as required: there is no null in its type
    has_default: bool


@dataclass
class Described:
    """What a DAG says of itself."""

    doc_md: str
    tags: set[str]
    catchup: bool
    max_active_runs: int
    params: dict[str, Field]
    owners: set[str]
    retries: set[int]
    groups: dict[str, set[str]]
    upstream: dict[str, set[str]]
    alerting: set[str]
    sql: dict[str, str | None]


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

    assert "kpi.core.connections" not in sys.modules, "the package's import counts as well"
    sys.addaudithook(refuse)
    bag = DagBag(PROJECT / "dags")
    return Parsed(
        dict(bag.import_errors), connected, {key: describe(bag.dags[key]) for key in bag.dags}
    )


def describe(dag: Any) -> Described:
    from kpi.alerts.nights import night_failed

    groups = dag.task_group.get_task_group_dict()
    tasks = {task.task_id: task for task in dag.tasks}
    return Described(
        doc_md=dag.doc_md or "",
        tags=set(dag.tags),
        catchup=dag.catchup,
        max_active_runs=dag.max_active_runs,
        params={name: field(dag.params.get_param(name)) for name in dag.params},
        owners={task.owner for task in dag.tasks},
        retries={task.retries for task in dag.tasks},
        groups={name: set(group.children) for name, group in groups.items() if name},
        upstream={task_id: set(task.upstream_task_ids) for task_id, task in tasks.items()},
        alerting={
            task_id
            for task_id, task in tasks.items()
            if night_failed in (_of(task, "on_failure_callback") or ())
        },
        sql={
            task_id: _of(task, "template_fields_renderers").get("sql")
            for task_id, task in tasks.items()
            if "sql" in _of(task, "template_fields")
        },
    )


def field(param: Any) -> Field:
    from airflow.sdk.definitions._internal.types import is_arg_set

    return Field(
        param.schema.get("title") or "",
        param.description or "",
        "null" not in param.schema["type"],
        is_arg_set(param.value),
    )


def _of(task: Any, name: str) -> Any:
    """Return what a task, or a mapped task's operator or arguments, says."""
    if hasattr(task, "partial_kwargs"):
        return task.partial_kwargs.get(name, getattr(task.operator_class, name, None))
    return getattr(task, name)


def test_files_parse_without_a_database_or_network(parsed: Parsed) -> None:
    assert parsed.import_errors == {}
    assert parsed.connected == []
    assert set(parsed.dags) == DAGS
    assert {path.stem for path in (PROJECT / "dags").glob("*.py")} == DAGS


# What a person looks for on a DAG's page, beside what it does.
DOC_PARTS = ("**When to trigger by hand:**", "**When a task is red:**")


@pytest.mark.parametrize("dag_id", sorted(DAGS))
def test_a_dag_says_what_it_is_for_and_whose_it_is(parsed: Parsed, dag_id: str) -> None:
    dag = parsed.dags[dag_id]
    assert dag.doc_md.strip().startswith(f"### {dag_id}\n")
    for part in DOC_PARTS:
        assert part in dag.doc_md
    assert "kpi" in dag.tags
    assert len(dag.tags & TAGS) == 1
    assert dag.tags <= {"kpi", *TAGS}
    assert dag.owners == {"kpi"}
    assert dag.retries == {2}
    assert not dag.catchup


@pytest.mark.parametrize("dag_id", sorted(DAGS))
def test_a_form_speaks_french_then_english_and_marks_only_what_is_required(
    parsed: Parsed, dag_id: str
) -> None:
    for name, shown in parsed.dags[dag_id].params.items():
        for text in (shown.title, shown.description):
            french, mark, english = text.partition(" · ")
            assert french, name
            assert mark, name
            assert english, name
        assert shown.marked != shown.has_default, name
    assert parsed.dags[dag_id].params, "each DAG can be told something"


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
    assert night.upstream["alerts"] == {"done"}, "the day's event waits for no alert"


@pytest.mark.parametrize("dag_id", sorted(DAGS))
def test_the_ui_shows_a_tasks_sql_as_sql(parsed: Parsed, dag_id: str) -> None:
    assert set(parsed.dags[dag_id].sql.values()) <= {"mysql"}


@pytest.mark.parametrize("dag_id", ["kpi_retention", "kpi_partition_maintenance"])
def test_each_task_of_the_upkeep_shows_its_sql(parsed: Parsed, dag_id: str) -> None:
    assert set(parsed.dags[dag_id].sql) == set(parsed.dags[dag_id].upstream)


@pytest.mark.parametrize("dag_id", ["kpi_daily", "kpi_rollup"])
def test_each_task_of_a_night_raises_an_alert_when_it_fails(parsed: Parsed, dag_id: str) -> None:
    assert parsed.dags[dag_id].alerting == set(parsed.dags[dag_id].upstream)
