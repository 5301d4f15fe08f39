"""Random small histories: what the SQL keeps and counts is what plain Python says, night by night."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kpi import capture

from tests.reference.calendar import Calendar
from tests.sql.replay import Replay
from tests.strategies import worlds
from tests.warehouse import Warehouse
from tests.worlds import World

CALENDAR = Calendar()


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    world=st.booleans().flatmap(lambda day: worlds(CALENDAR, during_the_day=day)),
    streamed=st.booleans(),
)
def test_history_equals_the_reference(
    quiet_warehouse: Warehouse, world: World, streamed: bool
) -> None:
    """Also where rows are streamed from the source, as from another server, in small batches."""
    quiet_warehouse.empty()
    replay = Replay(quiet_warehouse, world)
    with pytest.MonkeyPatch.context() as patch:
        if streamed:
            small = quiet_warehouse.settings.model_copy(update={"stream_batch_rows": 4})
            patch.setattr(quiet_warehouse, "settings", small)
            patch.setattr(capture, "same_server", lambda *_: False)
        for night in world.nights:
            found = replay.capture(night)
            assert not found, "\n".join(found)
