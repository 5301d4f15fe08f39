"""The demo: nights of a made-up LMS through the real DAGs, the weeks before them backfilled, then the figures.

Usage: make demo [ARGS='--large'], or with sizes of one's own: ARGS='--nights 40 --history 60 --learners 100'.

Its DAG runs are kept in a metadata database of its own, made anew each time: a scheduler that runs beside it would
else take tasks of the demo, and people would find the demo's nights among their own runs.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

# Each connection would load the machine's list of authorities, which none signs a loopback server's certificate of.
os.environ["SSL_CERT_FILE"] = os.devnull
# Both are read when Airflow is imported; `main` removes the folder.
os.environ["AIRFLOW_HOME"] = mkdtemp(prefix="kpi-demo-")
os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = (
    f"sqlite:///{os.environ['AIRFLOW_HOME']}/airflow.db"
)

from dag_in_process import run_dag
from demo_next import next_steps
from demo_size import Size, chosen_size
from demo_source.database import DemoSource
from demo_steps import Steps
from demo_summary import WIDTH, print_first_figures, print_summary
from kpi.core.connections import ETL, SOURCE, connection_settings
from kpi.core.settings import PROJECT
from mysql_accounts import connect
from project_database import start
from rich.console import Console

SOURCE_DATABASE = "lms_demo"
LOG = PROJECT / ".local" / "demo.log"
# That path means nothing outside a container: docker-compose.yaml gives the command that shows the file.
LOG_SHOWN = os.environ.get("KPI_DEMO_LOG", str(LOG))


def nights(first: date, count: int) -> list[tuple[date, datetime]]:
    """Return (local day, instant of its capture: 01:30 UTC of the next day) for each night."""
    days = [first + timedelta(days=n) for n in range(count)]
    return [
        (day, datetime(day.year, day.month, day.day, 1, 30, tzinfo=UTC) + timedelta(days=1))
        for day in days
    ]


class DagRunner:
    """Runs the project's DAGs in this process, their logs in a file."""

    def __init__(self) -> None:
        from airflow.dag_processing.dagbag import DagBag
        from airflow.utils.db import initdb

        initdb()
        self.bag = DagBag(PROJECT / "dags")
        if self.bag.import_errors:
            raise RuntimeError(f"a DAG file has an error: {self.bag.import_errors}")

    def run(self, dag_id: str, conf: dict[str, Any]) -> None:
        """Run a DAG to its end; raises RuntimeError naming the tasks that failed."""
        run = run_dag(self.bag.dags[dag_id], run_conf=conf)
        if run.state != "success":
            failed = [ti.task_id for ti in run.get_task_instances() if ti.state == "failed"]
            raise RuntimeError(f"{dag_id} {conf}: {', '.join(failed)} failed")


def empty_databases(root_uri: str) -> None:
    """Drop the tables of an earlier demo; refuses when the connections name another source."""
    source = connection_settings(SOURCE).schema
    if source != SOURCE_DATABASE:
        raise RuntimeError(
            f"the connection {SOURCE} names '{source}', not '{SOURCE_DATABASE}': the demo would empty the "
            "KPI database of a real source; unset AIRFLOW_CONN_KPI_SOURCE, or point it at lms_demo"
        )
    database = connection_settings(ETL).schema
    with connect(root_uri) as root, root.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS `{database}`")
        cursor.execute(f"CREATE DATABASE `{database}` CHARACTER SET utf8mb4")


def replay(console: Console, root_uri: str, size: Size, when: list[tuple[date, datetime]]) -> None:
    """Make the source, then let each night come: the source moves on, kpi_daily and kpi_rollup run.

    After the first night its figures are printed, then the days before it are backfilled.
    """
    begun = time.monotonic()
    source = DemoSource(root_uri, SOURCE_DATABASE, size.school())
    with Steps(console, 5 + (size.history > 0) + 2 * (len(when) - 1)) as steps:
        with steps.step(f"a made-up LMS of {size.learners} learners, in {SOURCE_DATABASE}"):
            source.create(when[0][1])
        with steps.step("Airflow, with a metadata database for the demo alone"):
            runner = DagRunner()
        with steps.step("kpi_bootstrap, kpi_time_dimension: tables, metrics, calendar"):
            runner.run("kpi_bootstrap", {"plan": False})
            runner.run("kpi_time_dimension", {"force": False})
        for number, (day, captured_at) in enumerate(when):
            with steps.step(f"kpi_daily of {day}: capture, facts, checks"):
                source.advance(captured_at)
                runner.run("kpi_daily", {"date": str(day), "captured_at": captured_at.isoformat()})
            with steps.step(f"kpi_rollup of {day}: week, month, windows, tiles"):
                runner.run("kpi_rollup", {"date": str(day)})
            if number == 0:
                print_first_figures(console, time.monotonic() - begun)
                _backfill(runner, steps, day, size.history)


def _backfill(runner: DagRunner, steps: Steps, day: date, history: int) -> None:
    """Compute the days before the first night: what the first capture reconstructed goes back to September."""
    if not history:
        return
    first, last = day - timedelta(days=history), day - timedelta(days=1)
    with steps.step(f"kpi_backfill of {first} to {last}"):
        runner.run(
            "kpi_backfill",
            {"date_from": str(first), "date_to": str(last), "reason": "the demo's history"},
        )


def main() -> None:
    """Replay the nights and print the summary."""
    atexit.register(shutil.rmtree, os.environ["AIRFLOW_HOME"], ignore_errors=True)
    size, first = chosen_size(sys.argv[1:])
    begun = time.monotonic()
    file = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    console = Console(file=file, width=None if file.isatty() else WIDTH, soft_wrap=True)
    _log_to(LOG)
    try:
        root_uri = str(start()["root"])
        empty_databases(root_uri)
        replay(console, root_uri, size, nights(first, size.nights))
    except Exception as error:
        console.print(f"\nThe demo stopped: {error}; the log: {LOG_SHOWN}", markup=False)
        raise SystemExit(1) from error
    print_summary(console)
    console.print(
        f"\n{size.nights} nights of {size.learners} learners and {size.history} days before them in "
        f"{time.monotonic() - begun:.0f} s; the tasks' logs: {LOG_SHOWN}",
        markup=False,
    )
    console.print(
        "Next:",
        *(f"  {typed:<38} {gives}" for typed, gives in next_steps()),
        sep="\n",
        markup=False,
    )


def _log_to(path: Path) -> None:
    """Send all that Airflow prints to a file, by file descriptor: its loggers hold the old streams."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as log:
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())


if __name__ == "__main__":
    main()
