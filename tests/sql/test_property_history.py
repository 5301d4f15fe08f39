"""Random small histories: what the SQL keeps and counts is what plain Python says, each night."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from kpi.history import capture

from tests.reference.calendar import Calendar
from tests.sql.replay import Replay
from tests.strategies import worlds
from tests.warehouse import Warehouse
from tests.worlds import (
    LABELS,
    NOBODY,
    World,
    captures,
    feedback_row,
    membership_row,
    realisation_row,
    scope_rows,
    target_rows,
)

pytestmark = pytest.mark.long

CALENDAR = Calendar()


NOON = datetime(2026, 1, 12, 12)
# Found and fixed: a row rejected whole was rejected for a field too
REJECTED_ONCE = captures(
    CALENDAR,
    {
        "feedback": [feedback_row(1, NOBODY, ("UA", NOBODY), NOON, NOON)],
        "realisation": [realisation_row("UA", NOBODY, NOBODY, progress_pct=120)],
        "membership": [membership_row("GROUPE", NOBODY, NOBODY)],
    },
)
# Found and fixed: labels that are equal to a collation
ACCENT_CORRECTED = captures(
    CALENDAR,
    *(
        {
            "scope": [scope_rows([])[0] | {"label": label}],
            "target": [target_rows(None, None, set())[0] | {"label": label}],
        }
        for label in LABELS
    ),
)
# Found and fixed: a run after a reconstructed version, which no capture has seen
DONE = {"state_code": "DONE", "state_order": 3, "is_final": True, "started_at": NOON}
ABSENT_AFTER_RECONSTRUCTION = captures(
    CALENDAR,
    {"realisation": [realisation_row("UA", 1, 1, **DONE, finished_at=NOON + timedelta(hours=11))]},
    {},
    {"realisation": [realisation_row("UA", 1, 1, **DONE, finished_at=NOON + timedelta(hours=1))]},
    one_day=True,
)
# Rules that few random worlds meet: overwritten in place, a run goes on from the version before it
DOING = {"state_code": "IN_PROGRESS", "state_order": 2, "started_at": NOON}
OVERWRITTEN = captures(
    CALENDAR,
    {"realisation": [realisation_row("UA", 1, 1, **DONE, finished_at=NOON)]},
    {"realisation": [realisation_row("UA", 1, 1)]},
    {"realisation": [realisation_row("UA", 1, 1, **DONE, finished_at=NOON + timedelta(hours=1))]},
    one_day=True,
)
# … a start at the instant of the capture that last saw the row not started, or during its absence,
# is believed; another order of the state is a change
FIRST_CAPTURE = datetime(2026, 1, 13, 1, 30)
STARTED_UNSEEN = captures(
    CALENDAR,
    {
        "realisation": [
            realisation_row("UA", 1, 1),
            realisation_row("UA", 2, 1),
            realisation_row("UA", 3, 1, **DOING),
        ]
    },
    {
        "realisation": [
            realisation_row("UA", 1, 1, **DOING | {"started_at": FIRST_CAPTURE}),
            realisation_row("UA", 3, 1, **DOING | {"state_order": 5}),
        ]
    },
    {},
    {"realisation": [realisation_row("UA", 2, 1, **DOING | {"started_at": FIRST_CAPTURE})]},
)


@pytest.mark.timeout(7200)  # for the profile `thorough`
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    world=st.booleans().flatmap(lambda day: worlds(CALENDAR, during_the_day=day)),
    streamed=st.booleans(),
)
@example(world=REJECTED_ONCE, streamed=False)
@example(world=ACCENT_CORRECTED, streamed=False)
@example(world=ABSENT_AFTER_RECONSTRUCTION, streamed=False)
@example(world=OVERWRITTEN, streamed=False)
@example(world=STARTED_UNSEEN, streamed=False)
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
