"""A range of days computed at once gives the rows that its days give one by one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from kpi.core.ledger import Written
from kpi.figures.slices import Scopes

from tests.golden import school
from tests.golden.reading import figures, stored
from tests.warehouse import FACTS, Warehouse

pytestmark = pytest.mark.long

NIGHTS = 6
FIRST, LAST = school.day_of(0), school.day_of(NIGHTS - 1)
# From before the first capture, which reconstructs the past, to after the last.
DAYS = [FIRST + timedelta(days=n) for n in range(-20, NIGHTS + 3)]


@pytest.fixture(scope="module")
def school_history(module_warehouse: Warehouse) -> Warehouse:
    """The school's history of six nights, without facts."""
    for night in range(NIGHTS):
        module_warehouse.load_source(school.source(night))
        module_warehouse.capture(school.day_of(night))
    module_warehouse.dimensions()
    return module_warehouse


@pytest.fixture
def history(school_history: Warehouse) -> Warehouse:
    school_history.use()
    for table in FACTS:
        school_history.execute(f"DELETE FROM {table}")
    return school_history


def test_a_range_equals_its_days(history: Warehouse) -> None:
    for day in DAYS:
        history.facts(day)
    one_by_one = {day: figures(history, day) for day in DAYS}
    assert sum(len(rows) for tables in one_by_one.values() for rows in tables.values()) > 20_000

    again = history.fact_range(DAYS[0], DAYS[-1])
    assert {(one.inserted, one.updated, one.deleted) for one in again.values()} == {(0, 0, 0)}

    for table in FACTS:
        history.execute(f"DELETE FROM {table}")
    history.fact_range(DAYS[0], DAYS[-1])
    for day in DAYS:
        assert figures(history, day) == one_by_one[day], day


def test_a_range_removes_what_vanished_and_mends_what_differs(history: Warehouse) -> None:
    history.fact_range(DAYS[0], LAST)
    before = {day: figures(history, day) for day in DAYS}
    history.execute("UPDATE kpi_value SET value_num = 1 WHERE date_id = %s LIMIT 5", (FIRST,))
    history.execute("DELETE FROM kpi_state_count WHERE date_id = %s", (DAYS[0],))
    history.execute("UPDATE kpi_state_count SET date_id = %s WHERE date_id = %s", (DAYS[0], LAST))
    history.execute("DELETE FROM kpi_percentiles WHERE date_id = %s", (FIRST,))
    history.fact_range(DAYS[0], LAST)
    for day in DAYS:
        assert figures(history, day) == before[day], day


def test_a_range_of_some_scopes_leaves_the_others_alone(history: Warehouse) -> None:
    history.fact_range(FIRST, LAST)
    whole = stored(history)
    [(group,)] = history.rows("SELECT id FROM kpi_scope WHERE scope_type = 'GROUPE' AND ref_id = 2")
    for table in FACTS:
        history.execute(f"DELETE FROM {table} WHERE scope_id = %s", (group,))
    others = stored(history)
    written = history.fact_range(FIRST, LAST, scopes=Scopes(("GROUPE",), (group,)))

    again = stored(history)
    for table in FACTS:
        mine = [row for row in again[table] if row not in others[table]]
        # Ids are new.
        assert sorted(row[1:-1] for row in mine) == sorted(
            row[1:-1] for row in whole[table] if row[3] == group
        )
        assert written[table] == Written(inserted=len(mine))


def test_a_range_of_very_many_scopes_is_written(history: Warehouse) -> None:
    """The ledger says that they were not all; their list, some hundred characters, need not fit."""
    ids = tuple(key for (key,) in history.rows("SELECT id FROM kpi_scope ORDER BY id"))
    scopes = Scopes(("GROUPE", "APPRENANT"), (*ids, *range(10_000, 10_100)))
    written = history.fact_range(FIRST, FIRST, ["kpi_percentiles"], scopes)
    assert written["kpi_percentiles"].inserted
    [(told,)] = history.rows(
        "SELECT scopes FROM kpi_run WHERE table_name = 'kpi_percentiles' ORDER BY id DESC LIMIT 1"
    )
    assert told.startswith(f"GROUPE APPRENANT {ids[0]} {ids[1]} ")
    assert told.endswith("…")
