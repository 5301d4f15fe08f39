"""The benchmark: one night of a large school, as ratios to copying its finished rows (make bench).

Usage: make bench [ARGS='--learners 2000 --plans docs/plans']. It makes a server of its own, loads learners with 288
realisations each, captures, and computes one day: into an empty day, again, and again with 1 % of the realisations
changed. The floor is the time to copy the day's finished rows into empty tables with the same keys, measured in the
same run. The three fact tables are computed side by side, as the scheduler does.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median

os.environ["SSL_CERT_FILE"] = os.devnull
sys.path.insert(0, str(Path(__file__).parent.parent))

from demo_source.database import DemoSource
from demo_source.school import School
from kpi.core.connections import ETL, session
from kpi.core.settings import PROJECT, Settings
from kpi.core.steps import steps
from kpi.figures.slices import Slice
from mysql_server import PrivateServer
from rich.console import Console
from rich.table import Table

from tests.warehouse import FACTS, Warehouse

DAY = date(2026, 2, 3)
EVENING = datetime(2026, 2, 3, 20, 0)
LATER = datetime(2026, 2, 3, 21, 0)
NIGHT = datetime(2026, 2, 4, 1, 30)
FLOORS = 3


class Bench:
    """Times what it is given and keeps (what, seconds, rows) in order."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.measured: list[tuple[str, float, int | None]] = []

    def time(self, what: str, work: Callable[[], int | None]) -> float:
        """Run `work`, which returns rows or None, and note how long it took."""
        self.console.print(f"{what} …", style="dim")
        begun = time.monotonic()
        rows = work()
        seconds = time.monotonic() - begun
        self.measured.append((what, seconds, rows))
        return seconds


def make_warehouse(server: PrivateServer, learners: int) -> tuple[Warehouse, DemoSource]:
    """Make the source and the KPI schema."""
    settings = Settings(source_adapter="soli_lms", source_timezone="UTC")
    warehouse = Warehouse(server.root_uri, "bench", settings).create()
    source = DemoSource(server.root_uri, warehouse.source_name, School.benchmark(learners))
    source.create(EVENING.replace(tzinfo=UTC))
    warehouse.bootstrap(date(2025, 8, 1), date(2026, 12, 31))
    return warehouse, source


def side_by_side(bench: Bench, what: str, warehouse: Warehouse) -> float:
    """Compute the three fact tables at once; return the seconds until the last is written."""

    def write(table: str) -> tuple[str, float, int]:
        begun = time.monotonic()
        written = warehouse.facts(DAY, [table])[table]
        rows = written.inserted + written.updated + written.deleted
        return f"  {table}", time.monotonic() - begun, rows

    parts: list[tuple[str, float, int]] = []

    def all_tables() -> int:
        with ThreadPoolExecutor(len(FACTS)) as pool:
            parts.extend(pool.map(write, FACTS))
        return sum(rows for _, _, rows in parts)

    seconds = bench.time(what, all_tables)
    bench.measured.extend(parts)
    return seconds


def floor(warehouse: Warehouse) -> int:
    """Copy the day's rows of the fact tables into empty ones of the same definition; return the rows."""
    rows = 0
    for table in FACTS:
        with copied(warehouse, table) as copy:
            warehouse.execute(f"INSERT INTO {copy} SELECT * FROM {table} WHERE date_id = %s", [DAY])
            rows += int(warehouse.rows(f"SELECT COUNT(*) FROM {copy}")[0][0])
    return rows


@contextmanager
def copied(warehouse: Warehouse, table: str) -> Iterator[str]:
    """Make an empty table of the same definition; drop it at the end."""
    copy = f"floor_{table}"
    warehouse.execute(f"CREATE TABLE {copy} LIKE {table}")
    try:
        yield copy
    finally:
        warehouse.execute(f"DROP TABLE {copy}")


def write_plans(warehouse: Warehouse, folder: Path) -> None:
    """Write MySQL's plan of every computing and writing statement into a file of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for table in FACTS:
        parameters = Slice.daily(table, DAY).parameters
        script = steps(warehouse.render(f"facts/{table}/day.sql"))
        with session(ETL) as etl:
            for step in script:
                if step.phase == "create":
                    etl.run(step.sql)
                    continue
                plan = etl.rows(f"EXPLAIN FORMAT=TREE {step.sql}", parameters)[0][0]
                name = re.sub(r"\W+", "_", step.name)
                (folder / f"{table}.{name}.txt").write_text(plan, "utf-8")
    # Costs and row guesses differ from run to run; the shape is what a reader compares.
    for path in folder.glob("*.txt"):
        text = re.sub(r" *\(cost=[^)]*\)", "", path.read_text("utf-8"))
        path.write_text(text.replace(f"`{warehouse.name}`.", "").rstrip() + "\n", "utf-8")


def parse_dags(bench: Bench) -> None:
    """Time the parsing of all DAG files in this process, after Airflow's own import."""
    import kpi.operators.dag_defaults  # noqa: F401  # the package, as in a DAG processor that runs
    from airflow.dag_processing.dagbag import DagBag

    bench.time("parse the DAG files", lambda: len(DagBag(PROJECT / "dags").dags))


def report(bench: Bench, base: float, learners: int) -> Table:
    """Return what was measured as a table of seconds, rows and ratios to the floor."""
    table = Table(
        "what", "seconds", "rows", "× floor", title=f"{learners} learners × 288 realisations"
    )
    for what, seconds, rows in bench.measured:
        table.add_row(
            what, f"{seconds:.1f}", "" if rows is None else str(rows), f"{seconds / base:.2f}"
        )
    return table


def main() -> None:
    """Run the benchmark and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learners", type=int, default=2000)
    parser.add_argument("--plans", type=Path, help="write the statements' plans into this folder")
    arguments = parser.parse_args()
    logging.getLogger("kpi").setLevel(logging.WARNING)
    console = Console()
    bench = Bench(console)
    parse_dags(bench)
    options = {"innodb-buffer-pool-size": "2G"}
    with PrivateServer(PROJECT / ".local" / "bench", options=options, bound=True) as server:
        made: list[tuple[Warehouse, DemoSource]] = []
        bench.time(
            "make the source", lambda: made.append(make_warehouse(server, arguments.learners))
        )
        warehouse, source = made[0]
        bench.time("first capture", lambda: _captured(warehouse, EVENING))
        bench.time("capture, nothing changed", lambda: _captured(warehouse, LATER))
        bench.time("dimensions", warehouse.dimensions)
        side_by_side(bench, "facts, empty day", warehouse)
        base = median(bench.time("floor", lambda: floor(warehouse)) for _ in range(FLOORS))
        side_by_side(bench, "facts again, nothing changed", warehouse)
        source.change_share(0.01, LATER.replace(tzinfo=UTC))
        bench.time("capture, 1 % changed", lambda: _captured(warehouse, NIGHT))
        side_by_side(bench, "facts again, 1 % changed", warehouse)
        if arguments.plans:
            write_plans(warehouse, arguments.plans)
    console.print(report(bench, base, arguments.learners))


def _captured(warehouse: Warehouse, instant: datetime) -> int:
    counts = warehouse.capture(DAY, instant) or []
    return sum(count.new + count.changed + count.closed + count.reopened for count in counts)


if __name__ == "__main__":
    main()
