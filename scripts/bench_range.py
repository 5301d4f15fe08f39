"""The benchmark of range backfills: many days at once against day by day, as ratios within one run (make bench-range).

Usage: make bench-range [ARGS='--learners 200 --days 90']. On a server of its own: learners with 288 realisations each,
of which 1 % change every night. Then the days are computed one by one into empty tables, wiped, and computed by ranges;
the floor is the time to copy the finished rows into empty tables with the same keys. What can be added up is also
computed without being written, day by day and at once. The three fact tables are computed side by side, as the
scheduler does.
"""

from __future__ import annotations

import argparse
import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any

from bench import DAY, Bench, copied, make_warehouse
from kpi.core import periods
from kpi.core.connections import ETL, session
from kpi.core.settings import PROJECT
from kpi.core.steps import Step
from kpi.figures.slices import Slice
from mysql_server import PrivateServer
from rich.console import Console
from rich.table import Table

from tests.warehouse import FACTS, Warehouse

# What can be added up; medians and percentiles cannot.
ADDITIVE = (
    *("PROGRESSION_MOY", "SCORE_NORM", "PCT_ACQUIS", "PCT_COUVERTURE_UA", "INACTIVITE_7J"),
    "ETATS",
)
FLOORS = 3


def live(warehouse: Warehouse, source: Any, days: list[date]) -> int:
    """Capture the nights: each 1 % of the realisations change."""
    for day in days:
        instant = datetime(day.year, day.month, day.day, 20) + timedelta(hours=5, minutes=30)
        if day > days[0]:
            source.change_share(0.01, (instant - timedelta(hours=8)).replace(tzinfo=UTC))
        warehouse.capture(day, instant)
    warehouse.dimensions()
    return int(warehouse.rows("SELECT COUNT(*) FROM kpi_src_realisation")[0][0])


def side_by_side(work: Callable[[str], object]) -> None:
    """Do the work for the three fact tables at once."""
    with ThreadPoolExecutor(len(FACTS)) as pool:
        list(pool.map(work, FACTS))


def wipe(warehouse: Warehouse) -> None:
    """Empty the fact tables."""
    for table in (*FACTS, "kpi_plan_gap", "kpi_tile_cache"):
        warehouse.execute(f"TRUNCATE TABLE {table}")
    warehouse.execute("DELETE FROM kpi_run WHERE table_name NOT LIKE 'kpi_src_%'")


def floor(warehouse: Warehouse) -> int:
    """Copy all D rows of the fact tables into empty ones of the same definition; return the rows."""
    rows = 0
    for table in FACTS:
        with copied(warehouse, table) as copy:
            warehouse.execute(f"INSERT INTO {copy} SELECT * FROM {table} WHERE period = 'D'")
            rows += int(warehouse.rows(f"SELECT COUNT(*) FROM {copy}")[0][0])
    return rows


def selects(script: list[Step]) -> dict[str, str]:
    """Return each additive figure's step as a SELECT that counts its rows, by name."""
    counting = {}
    for step in script:
        if step.name in ADDITIVE:
            body = re.sub(r"\AINSERT INTO \w+ \([^)]*\)\n", "", step.sql)
            counting[step.name] = f"SELECT COUNT(*) FROM (\n{body}\n) AS figure"
    return counting


def compute_only(warehouse: Warehouse, name: str, parts: list[Slice], path: str) -> int:
    """Run one figure's SELECT for each slice, without writing; return the rows found."""
    sql = selects(warehouse.script(path))[name]
    with session(ETL) as etl:
        return sum(int(etl.value(sql, part.at(part.dates[0]))) for part in parts)


def main() -> None:
    """Run the benchmark and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learners", type=int, default=200)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--chunk", type=int, default=31)
    parser.add_argument("--only-selects", action="store_true", help="measure the computing alone")
    arguments = parser.parse_args()
    logging.getLogger("kpi").setLevel(logging.WARNING)
    bench = Bench(Console())
    days = [DAY + timedelta(days=n) for n in range(arguments.days)]
    chunks = periods.chunks(days[0], days[-1], arguments.chunk)
    options = {"innodb-buffer-pool-size": "2G"}
    with PrivateServer(PROJECT / ".local" / "bench", options=options, bound=True) as server:
        warehouse, source = make_warehouse(server, arguments.learners)
        warehouse.keeps_scripts = True
        bench.time("capture the nights", lambda: live(warehouse, source, days))
        ratios = computing(bench, warehouse, days, chunks)
        base = 0.0 if arguments.only_selects else writing(bench, warehouse, days, chunks)
    bench.console.print(report(bench, base, ratios, arguments))


def computing(
    bench: Bench, warehouse: Warehouse, days: list[date], chunks: list[tuple[date, date]]
) -> list[tuple[str, float]]:
    """Time the additive figures day by day and at once; return how many times faster each is at once."""
    ratios = []
    one_by_one = at_once = 0.0
    for name in ADDITIVE:
        table = "kpi_state_count" if name == "ETATS" else "kpi_value"
        daily = [Slice.daily(table, day) for day in days]
        ranges = [Slice.days(table, *chunk) for chunk in chunks]
        slow = bench.time(
            f"  {name}, day by day",
            lambda n=name, p=daily, t=table: compute_only(warehouse, n, p, f"facts/{t}/day.sql"),
        )
        fast = bench.time(
            f"  {name}, at once",
            lambda n=name, p=ranges, t=table: compute_only(warehouse, n, p, f"facts/{t}/range.sql"),
        )
        assert bench.measured[-1][2] == bench.measured[-2][2], name
        ratios.append((name, slow / fast))
        one_by_one, at_once = one_by_one + slow, at_once + fast
    return [*ratios, ("all that can be added up", one_by_one / at_once)]


def writing(
    bench: Bench, warehouse: Warehouse, days: list[date], chunks: list[tuple[date, date]]
) -> float:
    """Time whole days and whole ranges, and the rollups; return the floor in seconds."""

    def daily(table: str) -> None:
        for day in days:
            warehouse.facts(day, [table])

    def by_range(table: str) -> None:
        for first, last in chunks:
            warehouse.fact_range(first, last, [table])

    def rolled_up() -> int:
        return sum(written.inserted for written in warehouse.rollup(days[0], days[-1]).values())

    bench.time("facts, day by day", lambda: side_by_side(daily))
    base = median(bench.time("floor", lambda: floor(warehouse)) for _ in range(FLOORS))
    wipe(warehouse)
    bench.time("facts, by range", lambda: side_by_side(by_range))
    bench.time("facts, by range again, nothing changed", lambda: side_by_side(by_range))
    bench.time("weeks, months, windows, tiles of the range", rolled_up)
    bench.time("… again, of the last day", lambda: len(warehouse.rollup(days[-1])))
    return base


def report(
    bench: Bench, base: float, ratios: list[tuple[str, float]], arguments: argparse.Namespace
) -> Table:
    """Return what was measured as a table of seconds, rows and ratios to the floor."""
    title = f"{arguments.learners} learners × 288 realisations × {arguments.days} days"
    table = Table("what", "seconds", "rows", "× floor", "× faster at once", title=title)
    for what, seconds, rows in bench.measured:
        ratio = f"{seconds / base:.2f}" if base else ""
        table.add_row(what, f"{seconds:.1f}", "" if rows is None else str(rows), ratio, "")
    for name, ratio in ratios:
        table.add_row(name, "", "", "", f"{ratio:.1f}")
    return table


if __name__ == "__main__":
    main()
