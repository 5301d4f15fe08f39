"""Random small histories, some of whose captures are of a few learners alone: the SQL keeps what plain Python says."""

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
from tests.worlds import LEARNERS, NOBODY, World, captures, membership_row

CALENDAR = Calendar()
NOON = datetime(2026, 1, 12, 12)
# A rule that few random worlds meet: a membership seen alone after midnight changes before the night's capture
LEFT_AFTER_MIDNIGHT = captures(
    CALENDAR,
    {"membership": [membership_row("GROUPE", 1, 1)]},
    {"membership": [membership_row("GROUPE", 1, 1)]},
    {"membership": [membership_row("GROUPE", 1, 1, active_to=NOON)]},
    one_day=True,
)


@st.composite
def captured(draw: st.DrawFn) -> tuple[World, list[frozenset[int] | None]]:
    """Draw a world, and who is captured alone on each of its nights: None where all are, as on the first."""
    world = draw(worlds(CALENDAR, during_the_day=True))
    some = st.frozensets(st.sampled_from((*LEARNERS, NOBODY)), min_size=1)
    later = [draw(some | st.none()) for _ in world.nights[1:]]
    return world, [None, *later]


@pytest.mark.timeout(7200)  # for the profile `thorough`
@settings(
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=settings.default.max_examples * 5 // 8,
)
@given(drawn=captured(), streamed=st.booleans())
@example(drawn=(LEFT_AFTER_MIDNIGHT, [None, frozenset({1}), None]), streamed=False)
def test_history_equals_the_reference(
    quiet_warehouse: Warehouse,
    drawn: tuple[World, list[frozenset[int] | None]],
    streamed: bool,
) -> None:
    """Also where rows are streamed from the source, as from another server, in small batches."""
    world, alone = drawn
    quiet_warehouse.empty()
    replay = Replay(quiet_warehouse, world)
    with pytest.MonkeyPatch.context() as patch:
        if streamed:
            small = quiet_warehouse.settings.model_copy(update={"stream_batch_rows": 4})
            patch.setattr(quiet_warehouse, "settings", small)
            patch.setattr(capture, "same_server", lambda *_: False)
        for night, learners in zip(world.nights, alone, strict=True):
            found = replay.capture(night, learners)
            assert not found, "\n".join(found)
