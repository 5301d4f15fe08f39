"""Two backfills of overlapping ranges at once, with a night and a rollup: all end, and the rows are right."""

from __future__ import annotations

import random
from collections.abc import Callable

import hypothesis
import pytest

from tests.faults.backfills import Backfill, Nights, Rollup
from tests.faults.processes import Running
from tests.faults.under_fire import COLUMNS, play
from tests.golden import school
from tests.golden.reading import Rows, contents
from tests.warehouse import FACTS, Warehouse

pytestmark = pytest.mark.long

DAYS = [school.day_of(night) for night in range(5)]
TABLES = tuple(COLUMNS)
# How often, each time with other starts: 3 times, with the profile `thorough` 30.
ROUNDS = hypothesis.settings.default.max_examples // 13


@pytest.fixture(scope="module")
def history(new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    warehouse = new_warehouse("overlapping")
    play(warehouse, DAYS)
    return warehouse


@pytest.fixture(scope="module")
def alone(history: Warehouse) -> dict[str, Rows]:
    """What all tables hold when one backfill has computed all days alone."""
    history.use()
    history.fact_range(DAYS[0], DAYS[-1])
    history.rollup(DAYS[0], DAYS[-1])
    return contents(history, TABLES)


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_all_end_and_the_rows_are_right(
    history: Warehouse, alone: dict[str, Rows], seed: int
) -> None:
    history.use()
    (disturb if seed % 2 else wipe)(history)
    chance = random.Random(seed)
    at_once = [
        Running(kind.of(history, DAYS[first], DAYS[last], chance.uniform(0, longest)))
        for kind, first, last, longest in (
            (Backfill, 0, 3, 0.5),
            (Backfill, 1, 4, 0.5),
            (Nights, 1, 3, 1),
            (Rollup, 2, 2, 4),
        )
    ]
    assert [running.outcome(120).exit_code for running in at_once] == [0] * len(at_once)

    assert contents(history, TABLES) == alone
    runs = history.rows(
        "SELECT table_name, date_to, state, COUNT(*) FROM kpi_run WHERE period = 'D' "
        "GROUP BY table_name, date_to, state ORDER BY date_to, table_name"
    )
    assert runs == [
        (table, day, "DONE", times)
        for day, times in zip(DAYS, (1, 3, 3, 3, 1), strict=True)
        for table in sorted(FACTS)
    ]
    assert history.rows("SELECT * FROM kpi_run WHERE state = 'FAILED'") == []


def wipe(warehouse: Warehouse) -> None:
    for table in TABLES:
        warehouse.execute(f"DELETE FROM {table}")
    forget_runs(warehouse)


def disturb(warehouse: Warehouse) -> None:
    """Leave rows that are to be added, changed and deleted."""
    for table in TABLES:
        some = "target_id % 3 = 0" if table == "kpi_tile_cache" else "id % 3 = 0"
        warehouse.execute(f"UPDATE {table} SET target_id = target_id + 1000000 WHERE {some}")
    warehouse.execute("UPDATE kpi_value SET value_num = -1 WHERE id % 3 = 1")
    warehouse.execute("UPDATE kpi_state_count SET count = 0 WHERE id % 3 = 1")
    forget_runs(warehouse)


def forget_runs(warehouse: Warehouse) -> None:
    warehouse.execute(r"DELETE FROM kpi_run WHERE table_name NOT LIKE 'kpi\_src\_%'")
