"""Random days of changes: the rows that follow them are those of a computation of the whole day."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.reference.calendar import Calendar
from tests.strategies import worlds
from tests.warehouse import Warehouse
from tests.worlds import World

pytestmark = pytest.mark.long

CALENDAR = Calendar()
LEARNER_OF = {
    "realisation": "learner_id",
    "membership": "learner_id",
    "feedback": "learner_id",
    "scope": "ref_id",
}


@pytest.mark.timeout(7200)  # for the profile `thorough`
@settings(suppress_health_check=[HealthCheck.too_slow], phases=[Phase.generate])
@given(world=worlds(CALENDAR, during_the_day=True))
def test_what_changes_add_up_to_is_the_whole_day(quiet_warehouse: Warehouse, world: World) -> None:
    """The first source is captured at night; the others are what changes during the day after, one after the other."""
    quiet_warehouse.empty()
    first, *changes = world.nights
    quiet_warehouse.load_source(first.source)
    quiet_warehouse.capture(first.business_day, first.captured_at)
    quiet_warehouse.dimensions()
    quiet_warehouse.facts(first.business_day)
    day = CALENDAR.local_day(first.captured_at)
    assert quiet_warehouse.open_day(day)

    source = first.source
    for number, change in enumerate(changes, start=1):
        quiet_warehouse.load_source(change.source)
        quiet_warehouse.changed(*sorted(changed_learners(source, change.source)))
        source = change.source
        quiet_warehouse.refresh(during(first.captured_at, day, number, len(changes)))
        assert written(quiet_warehouse, day) == {}


def changed_learners(before: dict[str, Any], after: dict[str, Any]) -> set[int]:
    """Return the learners of whom a source says something else than before."""
    return {
        row[column]
        for relation, column in LEARNER_OF.items()
        for rows, others in ((before, after), (after, before))
        for row in rows[relation]
        if row not in others[relation] and (relation != "scope" or row["scope_type"] == "APPRENANT")
    }


def during(captured_at: datetime, day: Any, number: int, of: int) -> datetime:
    """Return an instant of the day, after its capture."""
    end = CALENDAR.utc_end(day)
    return captured_at + (end - captured_at) * number / (of + 1)


def written(warehouse: Warehouse, day: Any) -> dict[str, Any]:
    """Compute the whole day anew, and all that it is rolled up into; return what that changes."""
    found = warehouse.facts(day) | warehouse.rollup(day)
    return {
        table: one
        for table, one in found.items()
        if (one.inserted, one.updated, one.deleted) != (0, 0, 0)
    }
