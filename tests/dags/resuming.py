"""A run stopped on its way, and gone on with: what a person does in the UI, done in the process that has Airflow.

dag.test() makes a new run each time. To go on with a run, its task instances are cleared by Airflow's own function, and
dag.test() is handed that run in place of a new one: from there its loop decides and runs as ever.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tests.dags.airflow_process import changed_environment


class Instance(NamedTuple):
    """What became of a task instance."""

    state: str
    tries: int


Instances = dict[str, Instance]  # by task id, of a mapped task `facts.kpi_value[0]`


def run_and_stop(
    dag_id: str,
    conf: Mapping[str, Any],
    environment: Mapping[str, str | None],
    group: str,
    done: int,
) -> tuple[str, Instances]:
    """Run a DAG until so many instances of a group are done, then mark the run failed; return its id.

    In which order a group's instances come is Airflow's business.
    """
    from unittest.mock import patch

    from airflow.api.common.mark_tasks import set_dag_run_state_to_failed
    from airflow.sdk.definitions import dag as sdk
    from airflow.utils.session import create_session

    usual = sdk._run_task
    begun: list[str] = []

    def unless_stopped(*, ti: Any, **arguments: Any) -> Any:
        if ti.task_id.startswith(group):
            if len(begun) == done:
                raise KeyboardInterrupt
            begun.append(ti.task_id)
        return usual(ti=ti, **arguments)

    with parsed(dag_id, environment) as dag:
        with contextlib.suppress(KeyboardInterrupt), patch.object(sdk, "_run_task", unless_stopped):
            dag.test(run_conf=dict(conf))
        with create_session() as session:
            run = newest_run(dag_id, session)
            serialized = serialized_dag(dag)
            set_dag_run_state_to_failed(
                dag=serialized, run_id=run.run_id, commit=True, session=session
            )
            session.flush()
            return run.run_id, instances(run, session)


def clear_and_go_on(
    dag_id: str, run_id: str, environment: Mapping[str, str | None], states: tuple[str, ...]
) -> Instances:
    """Clear the instances of a run that are in these states, and run on to its end."""
    from unittest.mock import patch

    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import clear_task_instances
    from airflow.serialization.definitions.dag import SerializedDAG
    from airflow.utils.session import create_session

    with create_session() as session:
        run = run_with(run_id, session)
        cleared = [one for one in run.get_task_instances(session=session) if one.state in states]
        clear_task_instances(cleared, session)

    def that_run(*, dag: Any, session: Any, **_: Any) -> DagRun:
        run = run_with(run_id, session)
        run.dag, run.state = dag, "running"
        return run

    with (
        parsed(dag_id, environment) as dag,
        patch("airflow.models.dagrun.get_or_create_dagrun", that_run),
        patch.object(SerializedDAG, "clear_dags"),
    ):
        dag.test()
        with create_session() as session:
            return instances(run_with(run_id, session), session)


@contextlib.contextmanager
def parsed(dag_id: str, environment: Mapping[str, str | None]) -> Iterator[Any]:
    """Parse the DAG in an environment that lasts as long as the context."""
    import os

    from airflow.dag_processing.dagbag import DagBag
    from kpi.core.settings import settings

    with changed_environment(environment):
        settings.cache_clear()
        try:
            yield DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]).dags[dag_id]
        finally:
            settings.cache_clear()


def serialized_dag(dag: Any) -> Any:
    from airflow.serialization.serialized_objects import DagSerialization

    return DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))


def newest_run(dag_id: str, session: Any) -> Any:
    from airflow.models.dagrun import DagRun
    from sqlalchemy import select

    found = select(DagRun).where(DagRun.dag_id == dag_id).order_by(DagRun.id.desc()).limit(1)
    return session.scalar(found)


def run_with(run_id: str, session: Any) -> Any:
    from airflow.models.dagrun import DagRun
    from sqlalchemy import select

    return session.scalar(select(DagRun).where(DagRun.run_id == run_id))


def instances(run: Any, session: Any) -> Instances:
    return {
        name_of(one): Instance(str(one.state), one.try_number)
        for one in run.get_task_instances(session=session)
    }


def name_of(instance: Any) -> str:
    mapped = "" if instance.map_index < 0 else f"[{instance.map_index}]"
    return f"{instance.task_id}{mapped}"
