"""Random small histories, some of whose captures are of a few learners alone: the SQL keeps what plain Python says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from kpi.history import capture

from tests.reference.calendar import Calendar
from tests.reference.history import History
from tests.sql.replay import Replay
from tests.strategies import worlds
from tests.warehouse import Warehouse, of_hints
from tests.worlds import LEARNERS, NOBODY, World, captures, membership_row

pytestmark = pytest.mark.long

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


@pytest.fixture(scope="module")
def hinting_warehouse(new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """One whose adapter says of the last activity that it is a hint."""
    made = new_warehouse("partial_captures_of_hints")
    made.settings = of_hints(made.settings)
    made.keeps_scripts = True
    return made


@pytest.mark.timeout(7200)  # for the profile `thorough`
@settings(
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=settings.default.max_examples * 5 // 8,
)
@given(drawn=captured(), streamed=st.booleans(), hinting=st.booleans())
@example(drawn=(LEFT_AFTER_MIDNIGHT, [None, frozenset({1}), None]), streamed=False, hinting=False)
def test_history_equals_the_reference(
    quiet_warehouse: Warehouse,
    hinting_warehouse: Warehouse,
    drawn: tuple[World, list[frozenset[int] | None]],
    streamed: bool,
    hinting: bool,
) -> None:
    """Also where rows are streamed, as from another server, in small batches, and where instants are hints."""
    world, alone = drawn
    warehouse = hinting_warehouse if hinting else quiet_warehouse
    warehouse.use()
    warehouse.empty()
    hints = frozenset({"last_activity_at"}) if hinting else frozenset()
    replay = Replay(warehouse, world, History(hints=hints))
    with pytest.MonkeyPatch.context() as patch:
        if streamed:
            small = warehouse.settings.model_copy(update={"stream_batch_rows": 4})
            patch.setattr(warehouse, "settings", small)
            patch.setattr(capture, "same_server", lambda *_: False)
        for night, learners in zip(world.nights, alone, strict=True):
            found = replay.capture(night, learners)
            assert not found, "\n".join(found)
