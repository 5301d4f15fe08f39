"""Random small histories: what the SQL keeps and counts is what plain Python says, each night."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from kpi import capture

from tests.reference.calendar import Calendar
from tests.sql.replay import Replay
from tests.strategies import worlds
from tests.warehouse import Warehouse
from tests.worlds import (
    LABELS,
    NOBODY,
    World,
    feedback_row,
    membership_row,
    nightly,
    realisation_row,
    scope_rows,
    target_rows,
)

CALENDAR = Calendar()


NOON = datetime(2026, 1, 12, 12)
# Found and fixed: a row rejected whole was rejected for a field too
REJECTED_ONCE = nightly(
    CALENDAR,
    {
        "feedback": [feedback_row(1, NOBODY, ("UA", NOBODY), NOON, NOON)],
        "realisation": [realisation_row("UA", NOBODY, NOBODY, progress_pct=120)],
        "membership": [membership_row("GROUPE", NOBODY, NOBODY)],
    },
)
# Found and fixed: labels that are equal to a collation
ACCENT_CORRECTED = nightly(
    CALENDAR,
    *(
        {
            "scope": [scope_rows([])[0] | {"label": label}],
            "target": [target_rows(None, None, set())[0] | {"label": label}],
        }
        for label in LABELS
    ),
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    world=st.booleans().flatmap(lambda day: worlds(CALENDAR, during_the_day=day)),
    streamed=st.booleans(),
)
@example(world=REJECTED_ONCE, streamed=False)
@example(world=ACCENT_CORRECTED, streamed=False)
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
