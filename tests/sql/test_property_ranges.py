"""Random small histories: a range of days at once gives the rows that its days give one by one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reference.calendar import Calendar
from tests.sql.replay import Replay
from tests.strategies import worlds
from tests.warehouse import FACTS, Warehouse
from tests.worlds import World

pytestmark = pytest.mark.long

CALENDAR = Calendar()


@pytest.mark.timeout(7200)  # for the profile `thorough`
@settings(
    suppress_health_check=[HealthCheck.too_slow], max_examples=settings.default.max_examples // 2
)
@given(world=st.booleans().flatmap(lambda day: worlds(CALENDAR, during_the_day=day)))
def test_a_range_equals_its_days(quiet_warehouse: Warehouse, world: World) -> None:
    """That the days are right is shown in test_property_facts."""
    quiet_warehouse.empty()
    replay = Replay(quiet_warehouse, world)
    for night in world.nights:
        replay.capture(night)
    replay.dimensions()
    first = world.nights[0].business_day - timedelta(days=4)
    days = [first + timedelta(days=n) for n in range((world.days()[-1] - first).days + 1)]

    quiet_warehouse.fact_range(days[0], days[-1])
    for day in days:
        written = quiet_warehouse.facts(day)
        changes = {
            table: (one.inserted, one.updated, one.deleted) for table, one in written.items()
        }
        assert changes == dict.fromkeys(FACTS, (0, 0, 0)), day
