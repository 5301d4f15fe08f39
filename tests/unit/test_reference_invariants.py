"""What the reference must hold on any world, and the local days it rests on."""

from copy import deepcopy
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings

from tests.reference import facts
from tests.reference.calendar import Calendar
from tests.reference.capture import capture
from tests.reference.history import History
from tests.strategies import worlds
from tests.worlds import Row, World

CALENDAR = Calendar()
MONDAY = date(2026, 1, 12)


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        (date(2025, 2, 23), 25),
        (date(2025, 4, 6), 23),
        (date(2026, 2, 15), 25),
        (date(2026, 3, 22), 23),
        (date(2026, 9, 20), 25),
        (date(2026, 1, 12), 24),
    ],
)
def test_local_days_last_what_the_design_says(day: date, hours: int) -> None:
    assert CALENDAR.utc_end(day) - CALENDAR.utc_start(day) == timedelta(hours=hours)


def test_a_local_day_is_half_open() -> None:
    assert CALENDAR.utc_start(MONDAY) == datetime(2026, 1, 11, 23)
    assert CALENDAR.local_day(datetime(2026, 1, 12, 22, 59, 59, 999999)) == MONDAY
    assert CALENDAR.local_day(datetime(2026, 1, 12, 23)) == date(2026, 1, 13)


def replay(world: World) -> History:
    """Return the history after all captures of the world."""
    history = History()
    for night in world.nights:
        capture(history, night.source, night.business_day, night.captured_at, world.calendar)
    return history


@settings(deadline=None, max_examples=100)
@given(worlds(CALENDAR, during_the_day=True))
def test_versions_last_and_do_not_overlap(world: World) -> None:
    history = replay(world)
    for versions in (history.realisations, history.memberships, history.plans):
        by_key: dict[tuple[str, int, int], list[Any]] = {}
        for version in versions:
            by_key.setdefault(version.key, []).append(version)
        for chain in by_key.values():
            chain.sort(key=lambda version: version.valid_from)
            assert all(version.valid_from < version.valid_to for version in chain)
            for version, following in pairwise(chain):
                assert version.valid_to <= following.valid_from


@settings(deadline=None, max_examples=100)
@given(worlds(CALENDAR, during_the_day=True))
def test_capturing_twice_in_a_row_changes_nothing(world: World) -> None:
    history = replay(world)
    before = deepcopy(history)
    night = world.nights[-1]
    again = night.captured_at + timedelta(minutes=5)
    capture(history, _without_changed_at(night.source), night.business_day, again, CALENDAR)
    assert history.realisations == before.realisations
    assert history.memberships == before.memberships
    assert history.plans == before.plans
    assert history.feedback == before.feedback


def _without_changed_at(source: dict[str, list[Row]]) -> dict[str, list[Row]]:
    rows = [row | {"changed_at": None} for row in source["realisation"]]
    return {**source, "realisation": rows}


@settings(deadline=None, max_examples=100)
@given(worlds(CALENDAR))
def test_a_day_captured_stays_as_it_was(world: World) -> None:
    history = History()
    seen: dict[date, tuple[Any, Any]] = {}
    for night in world.nights:
        capture(history, night.source, night.business_day, night.captured_at, world.calendar)
        tree = dict(history.targets)  # the tree is the current one: compare under the same
        known = replace(history, feedback=[], targets=tree)
        seen[night.business_day] = (tree, facts.value_rows(known, night.business_day, CALENDAR))
        for day, (tree_then, values) in seen.items():
            now = replace(history, feedback=[], targets=tree_then)
            assert facts.value_rows(now, day, CALENDAR) == values
