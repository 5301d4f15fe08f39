"""The benchmark of refreshes during the day: what one change costs, by the size of the school (make bench-incremental).

Usage: make bench-incremental [ARGS='--learners 500 10000 --changes 100']. On a server of its own, schools of several
sizes with 288 realisations a learner; the day is opened, and then one learner's UA changes at a time, with the
micro-competence, the competence and the module above it, as the LMS recomputes them: every second change ends the
micro-competence. The day is not rolled up before: a change costs the same then. Measured are the LMS's own statements
with and without the triggers, and the refresh from the list of changes to the commit of the last cell, with MySQL's own
part of it (its statements, without connection, driver and way there); what Airflow adds is in the output of
tests/dags/test_incremental.py.
"""

from __future__ import annotations

import argparse
import logging
import random
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from statistics import median, quantiles

from bench import DAY, EVENING, Bench, make_warehouse
from kpi.core.connections import ETL
from kpi.core.settings import PROJECT
from kpi.incremental import opening
from mysql_server import PrivateServer
from rich.console import Console
from rich.table import Table
from source_changes import run as run_script

from tests.warehouse import Warehouse

KINDS = ("progress", "micro-competence done")
# A learner's row of each level, from a UA upwards.
LEVELS = """
SELECT uas.id, micros.id, competences.id, modules.id
FROM realisation_micro_competences AS micros
INNER JOIN realisation_uas AS uas
  ON uas.realisation_micro_competence_id = micros.id
INNER JOIN realisation_competences AS competences
  ON competences.id = micros.realisation_competence_id
INNER JOIN realisation_modules AS modules
  ON modules.id = competences.realisation_module_id
INNER JOIN etat_realisation_micro_competences AS states
  ON states.id = micros.etat_realisation_micro_competence_id
  AND states.code LIKE 'IN_PROGRESS%%'
WHERE micros.apprenant_id = %s
LIMIT 1
"""
TABLES = (
    "realisation_uas",
    "realisation_micro_competences",
    "realisation_competences",
    "realisation_modules",
)
IN_MYSQL = """
SELECT COALESCE(SUM(sum_timer_wait), 0) / 1e9
FROM performance_schema.events_statements_summary_by_user_by_event_name
WHERE user = %s
"""
DONE = """
UPDATE realisation_micro_competences
SET
  etat_realisation_micro_competence_id = (
    SELECT id FROM etat_realisation_micro_competences WHERE code = 'DONE'
  ),
  date_fin = %s
WHERE id = %s
"""


def change(warehouse: Warehouse, learner: int, kind: str, at: datetime) -> bool:
    """Let the LMS write one change of a learner; False when he has nothing under way."""
    rows = warehouse.source(LEVELS, [learner])
    if not rows:
        return False
    for table, row in zip(TABLES, rows[0], strict=True):
        warehouse.source(
            f"UPDATE {table} SET progression_cache = 100 - RAND() * 50, dernier_update = %s, updated_at = %s "
            "WHERE id = %s",
            [at, at, row],
        )
    if kind == KINDS[1]:
        warehouse.source(DONE, [at, rows[0][1]])
    return True


def milliseconds(work: Callable[[], object]) -> float:
    """Return how long the work takes."""
    begun = time.monotonic()
    work()
    return (time.monotonic() - begun) * 1000


def in_mysql(warehouse: Warehouse) -> float:
    """Return the milliseconds that MySQL has spent on the writer's statements so far."""
    return float(warehouse.rows(IN_MYSQL, [warehouse.connections[ETL]["login"]])[0][0])


def measured(warehouse: Warehouse, learners: int, changes: int) -> dict[str, list[float]]:
    """Write and refresh changes one by one; return the milliseconds of each step, by what was done."""
    drawn = random.Random(1)
    clock = EVENING + timedelta(minutes=5)
    times: dict[str, list[float]] = {}
    for triggers in (False, True):
        action = "install" if triggers else "remove"
        run_script(action, warehouse.root_uri, warehouse.name, warehouse.source_name)
        for _ in range(changes):
            learner = drawn.randint(1, learners)
            name = f"LMS writes 4 rows, {'with' if triggers else 'without'} triggers"
            clock += timedelta(seconds=1)
            taken = milliseconds(lambda: change(warehouse, learner, KINDS[0], clock))  # noqa: B023
            times.setdefault(name, []).append(taken)
    warehouse.refresh(clock + timedelta(milliseconds=1))
    for number in range(2 * changes):
        kind = KINDS[number % 2]
        clock += timedelta(seconds=2)
        if change(warehouse, drawn.randint(1, learners), kind, clock - timedelta(seconds=1)):
            before = in_mysql(warehouse)
            taken = milliseconds(lambda: _refreshed(warehouse, clock))  # noqa: B023
            times.setdefault(f"refresh: {kind}", []).append(taken)
            times.setdefault(f"refresh: {kind}, in MySQL", []).append(in_mysql(warehouse) - before)
    return times


def main() -> None:
    """Run the benchmark and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learners", type=int, nargs="+", default=[500, 10_000])
    parser.add_argument("--changes", type=int, default=100)
    arguments = parser.parse_args()
    logging.getLogger("kpi").setLevel(logging.WARNING)
    console = Console()
    bench = Bench(console)
    table = Table("learners", "what", "n", "median ms", "p95 ms", "× the smallest school")
    smallest: dict[str, float] = {}
    options = {"innodb-buffer-pool-size": "4G"}
    for learners in arguments.learners:
        with PrivateServer(PROJECT / ".local" / "bench", options=options, bound=True) as server:
            warehouse, _ = make_warehouse(server, learners)
            warehouse.keeps_scripts = True
            bench.time(f"{learners} learners: capture", lambda: _captured(warehouse))  # noqa: B023
            bench.time(f"{learners} learners: open the day", lambda: _opened(warehouse))  # noqa: B023
            for what, taken in measured(warehouse, learners, arguments.changes).items():
                middle = median(taken)
                smallest.setdefault(what, middle)
                table.add_row(
                    str(learners),
                    what,
                    str(len(taken)),
                    f"{middle:.1f}",
                    f"{quantiles(taken, n=20)[-1]:.1f}",
                    f"{middle / smallest[what]:.2f}",
                )
    for what, seconds, _ in bench.measured:
        console.print(f"{what}: {seconds:.0f} s")
    console.print(table)


def _refreshed(warehouse: Warehouse, at: datetime) -> None:
    done = warehouse.refresh_next(at)
    if done is None or done.unfinished:
        raise SystemExit("The change was not refreshed by adding to the day's figures.")


def _captured(warehouse: Warehouse) -> int:
    warehouse.capture(DAY, EVENING)
    warehouse.dimensions()
    return 0


def _opened(warehouse: Warehouse) -> int:
    warehouse.facts(DAY)
    if not opening.open_day(DAY, warehouse.script("roads/opening.sql"), warehouse.settings):
        raise SystemExit("The day could not be opened.")
    return 0


if __name__ == "__main__":
    main()
