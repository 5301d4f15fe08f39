"""Random small histories: what the SQL keeps and counts is what plain Python says, night by night."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reference.calendar import Calendar
from tests.sql.replay import Replay
from tests.strategies import worlds
from tests.warehouse import Warehouse
from tests.worlds import World

CALENDAR = Calendar()


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(world=st.booleans().flatmap(lambda day: worlds(CALENDAR, during_the_day=day)))
def test_history_equals_the_reference(quiet_warehouse: Warehouse, world: World) -> None:
    quiet_warehouse.empty()
    replay = Replay(quiet_warehouse, world)
    for night in world.nights:
        found = replay.capture(night)
        assert not found, "\n".join(found)
