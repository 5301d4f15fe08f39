"""Random small histories: weeks, months, windows, plan gaps and tiles are what plain Python says."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reference.calendar import Calendar
from tests.sql.replay_rollups import QUERIES, RollupReplay
from tests.strategies import worlds
from tests.warehouse import Warehouse
from tests.worlds import World

pytestmark = pytest.mark.long

CALENDAR = Calendar()


@pytest.mark.timeout(7200)  # for the profile `thorough`
@settings(
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=settings.default.max_examples * 5 // 8,  # a rollup takes longer than a day's facts
)
@given(
    world=st.booleans().flatmap(lambda day: worlds(CALENDAR, during_the_day=day, max_nights=4)),
    data=st.data(),
)
def test_rollups_equal_the_reference(
    quiet_warehouse: Warehouse, world: World, data: st.DataObject
) -> None:
    """Each night, then some days anew or for the first time, rolled up together; a run more changes nothing."""
    quiet_warehouse.empty()
    replay = RollupReplay(quiet_warehouse, world)
    for night in world.nights:
        replay.capture(night)
        replay.dimensions()
        found = replay.compute(night.business_day)
        assert not found, "\n".join(found)

    days = data.draw(st.lists(st.sampled_from(around(world)), min_size=1, max_size=4))
    late = data.draw(st.integers(1, len(days)))
    for some in (days[:late], days[late:]):
        found = replay.compute_late(some) if some else []
        assert not found, "\n".join(found)

    stored = everything(quiet_warehouse)
    quiet_warehouse.rollup(days[-1])
    assert everything(quiet_warehouse) == stored


def around(world: World) -> list[date]:
    """Return the world's days, and the ends of the weeks and months that they are in or beside."""
    days = world.days()
    first, last = days[0], days[-1]
    monday, sunday = first - timedelta(first.weekday()), last + timedelta(6 - last.weekday())
    month = last.replace(day=1)
    return sorted({*days, monday, monday - timedelta(1), sunday, month, month - timedelta(1)})


def everything(warehouse: Warehouse) -> list[object]:
    """Return all that is stored of the facts and tiles, ids and instants included."""
    return [warehouse.rows(f"SELECT * FROM {table} ORDER BY id") for table in QUERIES] + [
        warehouse.rows("SELECT * FROM kpi_tile_cache ORDER BY scope_id, target_id")
    ]
