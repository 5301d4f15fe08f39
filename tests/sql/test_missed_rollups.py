"""Days whose rollup never ran, as while kpi_rollup was paused: the next one takes them along, and no others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta

import pytest
from kpi.core import ledger
from kpi.core.connections import ETL, session
from kpi.figures.rollups import DAYS_LOOKED_BACK, due_slices, missed_slices, slices_to_roll_up
from kpi.vocabulary import FACT_TABLES

from tests.golden import school
from tests.golden.reading import computed_rows, wipe_computed
from tests.warehouse import FACTS, ROLLUPS, Warehouse

pytestmark = pytest.mark.long

# A Friday to a Tuesday: the week of the first three is over when the fifth is rolled up.
FIRST, SECOND, THIRD, FOURTH, FIFTH = DAYS = [school.day_of(night) for night in range(5)]
SIXTH = FIFTH + timedelta(1)
WEEK, NEXT_WEEK = date(2026, 2, 15), date(2026, 2, 22)


@pytest.fixture(scope="module")
def captured(new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """The history of five nights."""
    made = new_warehouse("missed")
    for night, day in enumerate(DAYS):
        made.load_source(school.source(night))
        made.capture(day)
    made.dimensions()
    return made


@pytest.fixture
def nights(captured: Warehouse) -> Warehouse:
    """The same without a figure."""
    captured.use()
    wipe_computed(captured)
    return captured


def test_one_rollup_leaves_what_five_leave(
    nights: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    for day in DAYS:
        nights.facts(day)
        nights.rollup(day, takes_missed=True)
    assert "taken along" not in caplog.text
    five = computed_rows(nights)
    wipe_computed(nights)
    for day in DAYS:
        nights.facts(day)
        if day not in (THIRD, FOURTH):
            nights.rollup(day, takes_missed=True)
    assert computed_rows(nights) == five
    said = "kpi_value R of 2026-02-15, 2026-02-16: no rollup has taken all their days ("
    assert [line for line in caplog.messages if line.startswith(said)]
    assert missed(nights, SIXTH) == {}, "they are not taken twice"


def test_late_nights_are_rolled_up_once(nights: Warehouse) -> None:
    """Five nights whose rollups come after the last of them, in any order: each date is written once."""
    for day in DAYS:
        nights.facts(day)
        nights.rollup(day, takes_missed=True)
    in_time = computed_rows(nights)
    for order in ((0, 1, 2, 3, 4), (4, 3, 2, 1, 0), (2, 4, 0, 3, 1)):
        wipe_computed(nights)
        for day in DAYS:
            nights.facts(day)
        for number in order:
            nights.rollup(DAYS[number], takes_missed=True)
        assert computed_rows(nights) == in_time
        times = nights.rows(
            "SELECT table_name, period, date_to, COUNT(*) FROM kpi_run "
            "WHERE period <> 'D' GROUP BY table_name, period, date_to"
        )
        windows = [("kpi_value", "R", day, 1) for day in DAYS]
        ends = [("W", WEEK), ("W", NEXT_WEEK), ("M", date(2026, 2, 28))]
        parts = [(table, period, end, 1) for table in FACT_TABLES for period, end in ends]
        assert sorted(times) == sorted(windows + parts)


def test_a_rollup_takes_later_windows_once_its_day_is_computed_again(nights: Warehouse) -> None:
    for day in DAYS:
        nights.facts(day)
        nights.rollup(day, takes_missed=True)
    assert due(nights, THIRD) == {}
    nights.facts(THIRD)
    windows = {"kpi_value R": [THIRD, FOURTH, FIFTH]}
    months = {f"{table} M": [date(2026, 2, 28)] for table in FACT_TABLES}
    assert due(nights, THIRD) == of_week(WEEK) | months | windows
    assert due(nights, SECOND) == due(nights, THIRD), "its week, month and windows hold the day too"


# -- what the ledger says is enough to decide


def computed(warehouse: Warehouse, *days: date, tables: Iterable[str] = FACTS) -> None:
    """Have the ledger say that the days' facts were written."""
    written(warehouse, [(table, "D", day) for day in days for table in tables])


def rolled_up(warehouse: Warehouse, *days: date, tables: Iterable[str] = FACT_TABLES) -> None:
    """Have the ledger say that the days' rollups were."""
    for day in days:
        parts = [
            part
            for table, period, _ in ROLLUPS
            if table in tables
            for part in slices_to_roll_up(table, period, day, day, warehouse.settings)
        ]
        written(warehouse, [(one.table, one.period, at) for one in parts for at in one.dates])


def written(warehouse: Warehouse, dates: Iterable[tuple[str, str | None, date]]) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    with session(ETL) as etl, etl.transaction():
        for table, period, day in dates:
            ledger.record(etl, ledger.Entry(table, period, day), ledger.Author(), now)


def missed(warehouse: Warehouse, day: date) -> dict[str, list[date]]:
    """The dates that a rollup of a day would take along, by table and period."""
    found = {
        f"{table} {period}": [
            date_id
            for part in missed_slices(table, period, day, warehouse.settings)
            for date_id in part.dates
        ]
        for table, period, _ in ROLLUPS
    }
    return {what: dates for what, dates in found.items() if dates}


def due(warehouse: Warehouse, day: date) -> dict[str, list[date]]:
    """The dates that a night's rollup of a day would write, by table and period."""
    found = {
        f"{table} {period}": [
            date_id
            for part in due_slices(table, period, day, warehouse.settings)
            for date_id in part.dates
        ]
        for table, period, _ in ROLLUPS
    }
    return {what: dates for what, dates in found.items() if dates}


def of_week(day: date, tables: Iterable[str] = FACT_TABLES) -> dict[str, list[date]]:
    return {f"{table} W": [day] for table in tables}


def test_the_usual_night_takes_nothing_along(nights: Warehouse) -> None:
    for day in DAYS[:-1]:
        computed(nights, day)
        rolled_up(nights, day)
    computed(nights, FIFTH)
    assert missed(nights, FIFTH) == {}


def test_only_what_ends_before_the_day_is_missed(nights: Warehouse) -> None:
    """The week and the month that hold the day itself are its run's own, as are windows after it."""
    computed(nights, FIRST, SECOND)
    rolled_up(nights, FIRST, SECOND)
    computed(nights, THIRD, FOURTH, FIFTH)
    assert missed(nights, FIFTH) == of_week(WEEK) | {"kpi_value R": [THIRD, FOURTH]}
    assert missed(nights, THIRD) == {}, "a rollup of an old day takes no later one"


def test_each_table_and_period_is_taken_by_itself(nights: Warehouse) -> None:
    """A run of which one task failed leaves to the next what that task would have written."""
    computed(nights, *DAYS)
    rolled_up(nights, *DAYS, tables=[table for table in FACT_TABLES if table != "kpi_state_count"])
    assert missed(nights, FIFTH) == of_week(WEEK, ["kpi_state_count"])


def test_a_day_computed_again_while_paused(nights: Warehouse) -> None:
    """The windows of the days after it hold it as well; the plan rests on the history, which is the same."""
    computed(nights, *DAYS)
    rolled_up(nights, *DAYS)
    computed(nights, THIRD)
    windows = {"kpi_value R": [THIRD, FOURTH, FIFTH]}
    assert missed(nights, SIXTH) == of_week(WEEK, FACTS) | windows


def test_a_backfill_rolls_up_itself(nights: Warehouse) -> None:
    computed(nights, *DAYS)
    rolled_up(nights, *DAYS)
    computed(nights, SECOND, THIRD)
    rolled_up(nights, SECOND, THIRD)
    assert missed(nights, SIXTH) == {}
    computed(nights, SECOND, THIRD, tables=["kpi_value"])
    rolled_up(nights, SECOND, THIRD, tables=["kpi_value"])
    assert missed(nights, SIXTH) == {}, "the other tables' days are as they were"


def test_a_day_without_all_its_facts_is_not_missed(nights: Warehouse) -> None:
    computed(nights, FIRST, tables=FACTS[:2])
    assert missed(nights, FIFTH) == {}


def test_it_looks_back_as_far_as_days_are_kept(nights: Warehouse) -> None:
    computed(nights, FIRST, SECOND)
    after = timedelta(DAYS_LOOKED_BACK)
    assert missed(nights, FIRST + after)["kpi_value R"] == [FIRST, SECOND]
    assert missed(nights, SECOND + after)["kpi_value R"] == [SECOND]
    assert missed(nights, THIRD + after) == {}


def test_what_holds_a_day_removed_by_retention_is_left(nights: Warehouse) -> None:
    computed(nights, *DAYS)
    march = date(2026, 3, 1)
    february = {f"{table} M": [date(2026, 2, 28)] for table in FACT_TABLES}
    weeks = {f"{table} W": [WEEK, NEXT_WEEK] for table in FACT_TABLES}
    assert missed(nights, march) == february | weeks | {"kpi_value R": DAYS}
    nights.execute(
        "UPDATE kpi_run SET state = 'DROPPED' WHERE period = 'D' AND date_to = %s", (SECOND,)
    )
    assert missed(nights, march) == of_week(NEXT_WEEK) | {"kpi_value R": [FIRST]}
