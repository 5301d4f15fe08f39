"""Random trees of targets, with circles and parents of any level: every target reaches GLOBAL all the same."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reference.calendar import Calendar
from tests.sql.replay import Replay
from tests.warehouse import Warehouse
from tests.worlds import NOBODY, TREE, Row, captures, membership_row, realisation_row, target_row

pytestmark = pytest.mark.long

CALENDAR = Calendar()
LEVELS = ("UA", "MICRO_COMPETENCE", "COMPETENCE", "MODULE", "REFERENTIEL", "GLOBAL")
TARGETS = [(kind, ref) for kind, ref, *_ in TREE]
PARENTS = [*TARGETS, ("GLOBAL", None), ("MODULE", NOBODY), ("UA", None), (None, None)]
WORKED_ON = LEVELS[:4]


@st.composite
def trees(draw: st.DrawFn) -> list[Row]:
    """Draw a parent for each target, GLOBAL too."""
    targets = [("GLOBAL", None), *TARGETS]
    parents = draw(st.lists(st.sampled_from(PARENTS), min_size=len(targets), max_size=len(targets)))
    return [target_row(*target, *parent) for target, parent in zip(targets, parents, strict=True)]


@pytest.mark.timeout(7200)  # for the profile `thorough`
@settings(
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=settings.default.max_examples // 2,
)
@given(tree=trees())
def test_every_target_reaches_global(quiet_warehouse: Warehouse, tree: list[Row]) -> None:
    """What lies above a target is of higher levels only, each once, and the figures are the reference's."""
    quiet_warehouse.empty()
    work = [realisation_row(*target, 1) for target in TARGETS if target[0] in WORKED_ON]
    members = [membership_row("GLOBAL", None, 1), membership_row("GROUPE", 1, 1)]
    world = captures(CALENDAR, {"target": tree, "realisation": work, "membership": members})
    replay = Replay(quiet_warehouse, world)
    (night,) = world.nights
    found = [*replay.capture(night), *replay.dimensions(), *replay.compute(night.business_day)]
    assert not found, "\n".join(found)

    above: dict[tuple[str, int], list[str]] = {}
    for kind, ref, ancestor in quiet_warehouse.rows(
        "SELECT target_type, ref_id, ancestor_type FROM kpi_target_closure WHERE NOT is_self "
        "ORDER BY FIELD(ancestor_type, 'UA', 'MICRO_COMPETENCE', 'COMPETENCE', 'MODULE',"
        " 'REFERENTIEL', 'GLOBAL')"
    ):
        above.setdefault((kind, ref), [kind]).append(ancestor)
    assert set(above) == set(TARGETS)
    for path in above.values():
        levels = [LEVELS.index(kind) for kind in path]
        assert levels == sorted(set(levels))
        assert path[-1] == "GLOBAL"
