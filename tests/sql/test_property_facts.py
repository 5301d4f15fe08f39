"""Random small histories: every figure of several days is what plain Python says."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reference.calendar import Calendar
from tests.sql.replay import Replay
from tests.strategies import worlds
from tests.warehouse import FACTS, Warehouse
from tests.worlds import World

CALENDAR = Calendar()


@pytest.mark.timeout(7200)  # for the profile `thorough`
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    world=st.booleans().flatmap(lambda day: worlds(CALENDAR, during_the_day=day)),
    data=st.data(),
)
def test_facts_equal_the_reference(
    quiet_warehouse: Warehouse, world: World, data: st.DataObject
) -> None:
    """Each night, and some days anew after the last one; a run more changes nothing.

    That later nights leave a day's figures alone is shown on the reference, tests/unit.
    """
    quiet_warehouse.empty()
    replay = Replay(quiet_warehouse, world)
    for night in world.nights:
        found = replay.capture(night) + replay.dimensions() + replay.compute(night.business_day)
        assert not found, "\n".join(found)

    days = data.draw(st.lists(st.sampled_from(world.days()), min_size=1, max_size=3, unique=True))
    for day in days:
        found = replay.compute(day)
        assert not found, "\n".join(found)

    stored = facts(quiet_warehouse, days[-1])
    written = quiet_warehouse.facts(days[-1])
    assert {(one.inserted, one.updated, one.deleted) for one in written.values()} == {(0, 0, 0)}
    assert facts(quiet_warehouse, days[-1]) == stored


def facts(warehouse: Warehouse, day: date) -> list[object]:
    """Return all that is stored for the day, ids and instants included."""
    return [
        warehouse.rows(f"SELECT * FROM {table} WHERE date_id = %s ORDER BY id", [day])
        for table in FACTS
    ]
