"""Airflow in a process of its own, with a new metadata database: runs DAGs by dag.test().

The test process has Airflow imported with the project's AIRFLOW_HOME, and Airflow is set up but
once a process. This module imports Airflow only inside the functions that the other process runs.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from dag_in_process import run_dag

T = TypeVar("T")


class Failure(NamedTuple):
    """The exception that ended a task: its class's name and its text."""

    kind: str
    text: str


class Event(NamedTuple):
    """An asset event that a run sent."""

    asset: str
    partition_key: str | None


@dataclass
class Outcome:
    """What became of a run; only `refused` when there was none (params, or the DAG's import)."""

    dag_id: str
    run_id: str = ""
    state: str = ""
    tasks: dict[str, str] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    failures: dict[str, Failure] = field(default_factory=dict)
    rendered: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)
    events: list[Event] = field(default_factory=list)
    refused: str = ""
    log: str = field(default="", repr=False)
    seconds: float = 0.0

    @property
    def failed_task(self) -> str:
        """The one task that failed by itself."""
        (task_id,) = self.failures
        return task_id

    @property
    def message(self) -> str:
        """What the run's failure says: the failing task's exception, or why there was no run."""
        return self.refused or self.failures[self.failed_task].text

    def last_record(self, task_id: str) -> str:
        """The last thing that a task's operator logged, Airflow's own lines on branches left out."""
        parts = rf"starting task_id={re.escape(task_id)} .*?\[DAG TEST\] end task"
        *_, section = re.findall(parts, self.log, re.DOTALL)
        records = r"^\S+Z \[\w+ *\] (.*?) *\[airflow\.task\.operators\.[\w.]+\] loc=(?!branch|skip)"
        *_, record = re.findall(records, section, re.DOTALL | re.MULTILINE)
        return str(record)

    def last_line(self, task_id: str) -> list[str]:
        """The words of the last line of the table that a task's log ends with, the seconds left out."""
        return self.last_record(task_id).splitlines()[-1].split()[:-1]


class AirflowProcess:
    """The other process; it lives as long as the context."""

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        self.log = home / "process.log"
        self._environment = {
            **environment,
            "AIRFLOW_HOME": str(home),
            # The log is read by tests.
            "NO_COLOR": "1",
        }

    def __enter__(self) -> AirflowProcess:
        self._pool = ProcessPoolExecutor(
            1, multiprocessing.get_context("spawn"), initializer=_start, initargs=(self.log,)
        )
        # The spawned process takes over the environment of this moment.
        with changed_environment(self._environment):
            self._pool.submit(os.getpid).result()
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown()

    def start(
        self,
        dag_id: str,
        conf: Mapping[str, Any] | None = None,
        environment: Mapping[str, str | None] | None = None,
        partition_key: str | None = None,
    ) -> Future[Outcome]:
        """Run a DAG with these params; `environment` (None: not set) holds for this run only.

        With `partition_key` the run is like one that the scheduler or REST made with that key.
        """
        return self._pool.submit(
            _run, self.log, dag_id, dict(conf or {}), dict(environment or {}), partition_key
        )

    def call(self, work: Callable[..., T], *arguments: Any) -> T:
        """Call a function of a test module in the process."""
        return self._pool.submit(work, *arguments).result()


@contextlib.contextmanager
def changed_environment(changes: Mapping[str, str | None]) -> Iterator[None]:
    """Set variables (None: take them away) as long as the context lasts."""
    before = dict(os.environ)
    for name, value in changes.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def end_with_parent(number: signal.Signals) -> None:
    """Let the kernel send this process a signal when the one that started it ends, however it does."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, number)


_failures: dict[str, Failure] = {}


def _start(log: Path) -> None:
    """Make the metadata database; from here on, all output goes to the log."""
    # A worker of a pool would wait for ever when the tests are killed.
    end_with_parent(signal.SIGKILL)
    stream = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for target in (1, 2):
        os.dup2(stream, target)
    from airflow.listeners import hookimpl
    from airflow.sdk.listener import get_listener_manager
    from airflow.utils.db import initdb

    class FailureListener:
        @hookimpl
        def on_task_instance_failed(self, task_instance: Any, error: BaseException) -> None:
            _failures[task_instance.task_id] = Failure(type(error).__name__, str(error))

    initdb()
    get_listener_manager().add_listener(FailureListener())


def _run(
    log: Path,
    dag_id: str,
    conf: dict[str, Any],
    environment: dict[str, str | None],
    partition_key: str | None,
) -> Outcome:
    from airflow.dag_processing.dagbag import DagBag
    from kpi.core.settings import settings

    settings.cache_clear()
    _failures.clear()
    outcome = Outcome(dag_id)
    log_start = log.stat().st_size
    began = time.monotonic()
    with changed_environment(environment):
        try:
            # The params of one run stick to the DAG object, so each run has its own.
            bag = DagBag(Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"], f"{dag_id}.py"))
            if bag.import_errors:
                outcome.refused = "\n".join(bag.import_errors.values())
            else:
                _test(bag.dags[dag_id], conf, partition_key, outcome)
        except Exception as error:
            outcome.refused = str(error)
        finally:
            settings.cache_clear()
    outcome.seconds = time.monotonic() - began
    outcome.failures = dict(_failures)
    with log.open("rb") as lines:
        lines.seek(log_start)
        outcome.log = lines.read().decode(errors="replace")
    return outcome


def _test(dag: Any, conf: dict[str, Any], partition_key: str | None, outcome: Outcome) -> None:
    with _runs_get(partition_key), _no_waiting():
        # A partitioned run has no logical date.
        run = run_dag(dag, run_conf=conf, **({"logical_date": None} if partition_key else {}))
    outcome.run_id, outcome.state = run.run_id, str(run.state.value)
    instances = run.get_task_instances()
    outcome.tasks = {one.task_id: str(one.state) for one in instances}
    outcome.tries = {one.task_id: one.try_number for one in instances}
    begun = [
        one for one in instances if one.start_date is not None and one.state != "upstream_failed"
    ]
    outcome.order = [one.task_id for one in sorted(begun, key=lambda one: one.start_date)]
    _read_metadata(run, outcome)


def _read_metadata(run: Any, outcome: Outcome) -> None:
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.models.renderedtifields import RenderedTaskInstanceFields
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        events = session.execute(
            select(AssetModel.name, AssetEvent.partition_key)
            .join(AssetEvent, AssetEvent.asset_id == AssetModel.id)
            .where(AssetEvent.source_run_id == run.run_id, AssetEvent.source_dag_id == run.dag_id)
        )
        outcome.events = [Event(*event) for event in events]
        shown = session.execute(
            select(RenderedTaskInstanceFields.task_id, RenderedTaskInstanceFields.rendered_fields)
            .where(RenderedTaskInstanceFields.run_id == run.run_id)
            .where(RenderedTaskInstanceFields.dag_id == run.dag_id)
        )
        outcome.rendered = {task_id: dict(fields) for task_id, fields in shown}


@contextlib.contextmanager
def _no_waiting() -> Iterator[None]:
    """Shorten the second that dag.test() sleeps for each layer of tasks whose upstream failed."""
    from unittest.mock import patch

    sleep = time.sleep
    with patch("time.sleep", lambda seconds: sleep(0.01 if seconds == 1 else seconds)):
        yield


@contextlib.contextmanager
def _runs_get(partition_key: str | None) -> Iterator[None]:
    """Give the run that dag.test() makes a partition key, for which it has no parameter."""
    if partition_key is None:
        yield
        return
    from unittest.mock import patch

    from airflow.serialization.definitions.dag import SerializedDAG

    create = SerializedDAG.create_dagrun

    def create_with_key(dag: Any, **arguments: Any) -> Any:
        return create(dag, **arguments, partition_key=partition_key)

    with patch.object(SerializedDAG, "create_dagrun", create_with_key):
        yield
