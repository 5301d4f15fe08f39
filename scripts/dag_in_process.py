"""One run of a DAG in this process, without a scheduler."""

from __future__ import annotations

from typing import Any


def run_dag(dag: Any, **arguments: Any) -> Any:
    """Run a DAG to its end by `dag.test(**arguments)`; return the run.

    dag.test() parses the whole DAGs folder and writes all its DAGs into the metadata database each time, which takes
    longer than most runs: for so long the folder is the DAG's own file.
    """
    from airflow import settings

    folder = settings.DAGS_FOLDER
    settings.DAGS_FOLDER = dag.fileloc
    try:
        return dag.test(**arguments)
    finally:
        settings.DAGS_FOLDER = folder
