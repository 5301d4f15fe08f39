"""The demo: nights of a made-up LMS through the real DAGs, the weeks before them backfilled, then the figures.

Usage: make demo [ARGS='--nights 40 --history 60 --first 2026-02-01 --learners 240'].
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

# Each connection would load the machine's list of authorities, which none signs a loopback server's certificate of.
os.environ["SSL_CERT_FILE"] = os.devnull

from demo_source.database import DemoSource
from demo_source.school import School
from demo_summary import print_summary
from kpi.connections import ETL, SOURCE, connection_settings
from kpi.settings import PROJECT
from mysql_accounts import connect
from project_database import start
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

SOURCE_DATABASE = "lms_demo"
LOG = PROJECT / ".local" / "demo.log"


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
        run = self.bag.dags[dag_id].test(run_conf=conf)
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


def replay(
    console: Console,
    root_uri: str,
    school: School,
    when: list[tuple[date, datetime]],
    history: int,
) -> None:
    """Make the source, then let each night come: the source moves on, kpi_daily and kpi_rollup run.

    After the first night the `history` days before it are backfilled.
    """
    source = DemoSource(root_uri, SOURCE_DATABASE, school)
    console.print(f"Making the demo LMS as of {when[0][1]:%Y-%m-%d %H:%M} UTC …")
    source.create(when[0][1])
    console.print("Making the schema and the calendar (kpi_bootstrap, kpi_time_dimension) …")
    runner = DagRunner()
    runner.run("kpi_bootstrap", {"plan": False})
    runner.run("kpi_time_dimension", {"force": False})
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("kpi_daily", total=len(when))
        for number, (day, captured_at) in enumerate(when):
            progress.update(bar, description=f"kpi_daily, kpi_rollup {day}")
            source.advance(captured_at)
            runner.run("kpi_daily", {"date": str(day), "captured_at": captured_at.isoformat()})
            runner.run("kpi_rollup", {"date": str(day)})
            if number == 0 and history:
                # What the first capture reconstructed goes back to the beginning of the school year.
                first, last = day - timedelta(days=history), day - timedelta(days=1)
                progress.update(bar, description=f"kpi_backfill {first} to {last}")
                runner.run(
                    "kpi_backfill",
                    {"date_from": str(first), "date_to": str(last), "reason": "the demo's history"},
                )
            progress.advance(bar)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nights", type=int, default=10)
    parser.add_argument("--history", type=int, default=28, help="days backfilled before them")
    parser.add_argument("--first", type=date.fromisoformat, default=date(2026, 2, 9))
    parser.add_argument("--learners", type=int, default=240)
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


def main() -> None:
    """Replay the nights and print the summary."""
    chosen = arguments()
    begun = time.monotonic()
    console = Console(file=os.fdopen(os.dup(sys.stdout.fileno()), "w"), soft_wrap=True)
    _log_to(LOG)
    try:
        root_uri = str(start()["root"])
        empty_databases(root_uri)
        school = School(chosen.seed, chosen.learners)
        replay(console, root_uri, school, nights(chosen.first, chosen.nights), chosen.history)
    except Exception as error:
        console.print(f"The demo stopped: {error}; the log is {LOG}.", markup=False)
        raise SystemExit(1) from error
    print_summary(console)
    console.print(
        f"\n{chosen.nights} nights and {chosen.history} days before them in {time.monotonic() - begun:.0f} s; "
        f"the tasks' logs: {LOG}"
    )
    console.print(
        "Next: [b]make up[/b] (the Airflow UI), [b]make sql Q='SELECT * FROM kpi_metric'[/b], README.md"
    )


def _log_to(path: Path) -> None:
    """Send all that Airflow prints to a file, by file descriptor: its loggers hold the old streams."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as log:
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())


if __name__ == "__main__":
    main()
