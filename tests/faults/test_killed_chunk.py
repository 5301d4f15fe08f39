"""A chunk of days, a week, windows, tiles killed at a statement: each date is old or new, a retry ends right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kpi.core.periods import week_of
from kpi.figures.slices import Slice

from tests.faults import processes
from tests.faults.processes import before_each_statement, shortest_first
from tests.faults.test_killed_task import KILLED, killer
from tests.faults.under_fire import CHANGES, SliceUnderFire, change_the_past, keep, play, reading
from tests.golden import school
from tests.warehouse import Warehouse

FIRST, SECOND, THIRD = (school.day_of(night) for night in range(3))
# Die before each so-many-th statement, counted from the last: of the larger tables, which are written alike, fewer.
CHUNKS = {"kpi_value": 6, "kpi_state_count": 5, "kpi_percentiles": 1}
ROLLUPS = {
    "a week of values": (
        Slice.of_period("kpi_value", week_of(FIRST)),
        "facts/kpi_value/closing.sql",
        5,
    ),
    "a week of the plan": (
        Slice.of_period("kpi_plan_gap", week_of(FIRST)),
        "facts/kpi_plan_gap/closing.sql",
        2,
    ),
    "windows": (
        Slice.days("kpi_value", FIRST, SECOND, period="R"),
        "facts/kpi_value/windows.sql",
        6,
    ),
    "tiles": (Slice.tiles(THIRD), "display/kpi_tile_cache.sql", 3),
}


@pytest.fixture(scope="module")
def changed_since(new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """The figures of two days, and a history changed since."""
    warehouse = new_warehouse("killed_chunk")
    change_the_past(warehouse, [FIRST, SECOND])
    return warehouse


@pytest.fixture(scope="module")
def facts_changed_since(new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """Rollups and tiles of three days, and days that were computed anew since, after the history changed."""
    warehouse = new_warehouse("killed_rollup")
    play(warehouse, [FIRST, SECOND, THIRD])
    warehouse.fact_range(FIRST, THIRD)
    warehouse.rollup(FIRST, THIRD)
    for change in CHANGES:
        warehouse.execute(change)
    warehouse.fact_range(FIRST, THIRD)
    warehouse.execute("INSERT INTO kpi_tile_cache (scope_id, target_id) VALUES (1, 0)")
    keep(warehouse)
    return warehouse


def chunk(warehouse: Warehouse, table: str) -> SliceUnderFire:
    part = Slice.days(table, FIRST, SECOND)
    return SliceUnderFire(warehouse, part, f"facts/{table}/range.sql")


@pytest.mark.parametrize("table", shortest_first(CHUNKS, "kpi_percentiles"))
def test_killed_in_a_chunk_of_days(changed_since: Warehouse, table: str) -> None:
    changed_since.use()
    die_and_retry(chunk(changed_since, table), CHUNKS[table])


@pytest.mark.parametrize("name", shortest_first(ROLLUPS, "a week of the plan"))
def test_killed_in_a_rollup(facts_changed_since: Warehouse, name: str) -> None:
    facts_changed_since.use()
    part, path, each = ROLLUPS[name]
    die_and_retry(SliceUnderFire(facts_changed_since, part, path), each)


def die_and_retry(under_fire: SliceUnderFire, each: int) -> None:
    """Kill the slice's process before each of many statements, and let it be tried again."""
    under_fire.restore()
    old = under_fire.checksum()
    undisturbed = processes.run(under_fire.job)
    new, whole = under_fire.checksum(), under_fire.whole()
    assert min(undisturbed.result.inserted + undisturbed.result.updated, undisturbed.result.deleted)
    states = committed_in_order(old, new)
    assert len(set(states)) == len(under_fire.part.dates) + 1, "each date changes"

    left = set()
    with reading(under_fire.warehouse, under_fire.checksum_sql) as seen:
        for number in range(undisturbed.statements, 0, -each):
            under_fire.restore()
            assert processes.run(under_fire.job, dies_at=number).exit_code == KILLED
            left.add(states.index(under_fire.checksum()))
            assert under_fire.runs() == ["DONE"] * states.index(under_fire.checksum()), number
            under_fire.write()
            assert under_fire.whole() == whole, number
    assert left == set(range(len(states))), "killed before and after the commit of each date"
    assert set(seen) <= set(states), "of each date the old rows or the new, never a mix"
    assert len(seen) > undisturbed.statements // each


def committed_in_order(old: tuple[Any, ...], new: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """What a slice holds as its dates are committed one after another: count and checksum of each."""
    return [new[:done] + old[done:] for done in range(0, len(new) + 1, 2)]


# -- the server loses the connection, not the task its life


def test_connection_killed_in_a_chunk(changed_since: Warehouse) -> None:
    """The retry inside write_slice begins anew; dates that were committed are found unchanged."""
    changed_since.use()
    under_fire = chunk(changed_since, "kpi_percentiles")
    under_fire.restore()
    undisturbed = processes.run(under_fire.job)
    of_dates = len(under_fire.part.dates)
    whole, alone = under_fire.whole(), undisturbed.result
    attempts = set()
    # The last statements, one a date, give locks back, which a lost connection has done already.
    for number in range(undisturbed.statements - of_dates, 0, -2):
        under_fire.restore()
        killed: list[int] = []
        with before_each_statement(killer(changed_since, number, killed)):
            written = under_fire.write()
        assert len(killed) == 1, number
        assert under_fire.whole() == whole, number
        runs = under_fire.runs()
        attempts.add(len(runs))
        assert set(runs) == {"DONE"}
        assert (written == alone) == (len(runs) == of_dates), number
    assert attempts == {of_dates, of_dates + 1}, "killed before and after the first date's commit"
