"""Changes refreshed while a night and a backfill of today write the same rows: all end, and no change is lost."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import hypothesis
import pytest
from kpi.core.errors import KpiError
from kpi.incremental import refresh

from tests.faults.backfills import Backfill, OfRange
from tests.faults.processes import Running
from tests.golden import school
from tests.sql.test_property_incremental import written
from tests.warehouse import Warehouse

pytestmark = pytest.mark.long

YESTERDAY, TODAY = school.day_of(0), school.day_of(1)
NIGHT = datetime(2026, 2, 14, 1, 30)
MORNING, LATE, NOON = (datetime(2026, 2, 14, hour) for hour in (9, 10, 12))
CHANGES = 8
LEARNERS = (1, 2, 3, 4, 5, 7)
# How often, each time with other starts: 3 times, with the profile `thorough` 30.
ROUNDS = hypothesis.settings.default.max_examples // 13


class Changes(OfRange):
    """Learners at work one after the other, each noted at once, and a refresh after each, as kpi_incremental does."""

    def write(self, warehouse: Warehouse) -> None:
        chance = random.Random(self.delay)
        for number in range(CHANGES):
            learner = chance.choice(LEARNERS)
            warehouse.source(
                "UPDATE realisation SET progress_pct = %s WHERE learner_id = %s",
                [number + 10, learner],
            )
            warehouse.changed(learner)
            refreshed(warehouse, MORNING + timedelta(minutes=number))


class Night(OfRange):
    """The night's capture of all, of the day before, late, and its facts. It closes today."""

    def write(self, warehouse: Warehouse) -> None:
        warehouse.capture(self.first, LATE)
        warehouse.facts(self.first)


def refreshed(warehouse: Warehouse, at: datetime) -> None:
    """Refresh today, opened anew where a capture of all has closed it; its clock goes on after that capture's."""
    while True:
        try:
            warehouse.refresh(at)
            return
        except refresh.NotOpen:
            warehouse.open_day(TODAY)
        except KpiError:
            at = at.replace(hour=LATE.hour + 1)


@pytest.fixture
def open_day(warehouse: Warehouse) -> Warehouse:
    warehouse.load_source(school.source(0))
    warehouse.night(YESTERDAY, NIGHT)
    warehouse.rollup(YESTERDAY)
    assert warehouse.open_day(TODAY)
    return warehouse


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_no_change_is_lost_and_today_is_right(open_day: Warehouse, seed: int) -> None:
    chance = random.Random(seed)
    at_once = [
        Running(kind.of(open_day, first, TODAY, chance.uniform(0, longest)))
        for kind, first, longest in (
            (Changes, TODAY, 0.3),
            (Night, YESTERDAY, 4),
            (Backfill, YESTERDAY, 2),
            (Backfill, TODAY, 4),
        )
    ]
    assert [running.outcome(120).exit_code for running in at_once] == [0] * len(at_once)

    # What was noted while the night had closed the day, after the last refresh.
    refreshed(open_day, NOON)
    assert open_day.rows("SELECT COUNT(*), COUNT(done_at) FROM kpi_change") == [(CHANGES, CHANGES)]
    told = open_day.rows(
        "SELECT realisation.progress_pct = history.progress_pct FROM kpi_src_realisation AS history "
        f"INNER JOIN {open_day.source_name}.realisation USING (domain, ref_id, learner_id) "
        "WHERE history.valid_to = '9999-12-31' AND realisation.progress_pct IS NOT NULL"
    )
    assert set(told) == {(1,)}
    assert written(open_day, TODAY) == {}
    assert open_day.rows("SELECT * FROM kpi_run WHERE state = 'FAILED'") == []
