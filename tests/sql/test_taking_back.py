"""The last capture taken back: the history is as it was before it, row for row, and so are the figures."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kpi.core.connections import ETL, session
from kpi.core.errors import InputError
from kpi.history.capture import last_capture, missed_days
from kpi.history.taking_back import Kept, chosen

from tests.golden import school
from tests.golden.reading import contents
from tests.reference.calendar import Calendar
from tests.strategies import worlds
from tests.warehouse import FACTS, HISTORY, Warehouse
from tests.worlds import LEARNERS, NOBODY, World

pytestmark = pytest.mark.long

CALENDAR = Calendar()
TABLES = (*HISTORY, "kpi_src_scope", "kpi_src_target", "kpi_src_learner", "kpi_reject")
FIRST, SECOND, THIRD, FOURTH = (school.day_of(night) for night in range(4))
THIRD_CAPTURE = datetime(2026, 2, 16, 1, 30)


def checksums(warehouse: Warehouse) -> list[tuple[object, ...]]:
    return warehouse.rows(f"CHECKSUM TABLE {', '.join(TABLES)}")


@st.composite
def captured(draw: st.DrawFn) -> tuple[World, list[frozenset[int] | None]]:
    """Draw a world, and who is captured alone on each of its nights: None where all are, as on the first."""
    world = draw(worlds(CALENDAR, during_the_day=True))
    some = st.frozensets(st.sampled_from((*LEARNERS, NOBODY)), min_size=1)
    return world, [None, *(draw(some | st.none()) for _ in world.nights[1:])]


@pytest.mark.timeout(7200)  # for the profile `thorough`
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(drawn=captured(), again=st.booleans())
def test_any_last_capture_is_taken_back_with_those_of_some_learners_since(
    quiet_warehouse: Warehouse, drawn: tuple[World, list[frozenset[int] | None]], again: bool
) -> None:
    """With `again` the capture is made a second time at its instant, which is a part of it."""
    world, alone = drawn
    warehouse = quiet_warehouse
    warehouse.empty()
    last_whole = max(number for number, who in enumerate(alone) if who is None)
    before = last_before = None
    for number, (night, who) in enumerate(zip(world.nights, alone, strict=True)):
        warehouse.load_source(night.source)
        if number == last_whole:
            before, last_before = checksums(warehouse), _last(warehouse)
        if who is None:
            warehouse.capture(night.business_day, night.captured_at, accepts=True)
        else:
            warehouse.capture_learners(who, night.captured_at)
        if number == last_whole and again:
            warehouse.capture(night.business_day, night.captured_at, accepts=True)
    taken = world.nights[last_whole]

    at_the_end = checksums(warehouse)
    would = warehouse.take_back(taken.captured_at, dry_run=True)
    assert checksums(warehouse) == at_the_end
    done = warehouse.take_back(taken.captured_at)
    assert done.written == would.written
    assert checksums(warehouse) == before
    assert _last(warehouse) == last_before
    with pytest.raises(InputError, match="No capture can be taken back"):
        warehouse.take_back(taken.captured_at)

    # What comes after is captured as if it had not been.
    warehouse.load_source(taken.source)
    if warehouse.capture(taken.business_day, taken.captured_at, accepts=True) and not last_whole:
        assert warehouse.rows("SELECT DISTINCT origin FROM kpi_src_realisation") in (
            [],
            [("RECONSTRUCTED",)],
        )


def _last(warehouse: Warehouse) -> object:
    with session(ETL) as etl:
        return last_capture(etl)


def night(warehouse: Warehouse, number: int, accepts: bool = False) -> None:
    warehouse.capture(school.day_of(number), accepts=accepts)
    compute(warehouse, number)


def compute(warehouse: Warehouse, number: int) -> None:
    warehouse.dimensions()
    warehouse.facts(school.day_of(number))
    warehouse.rollup(school.day_of(number))


def figures(warehouse: Warehouse) -> object:
    tables = (*FACTS, "kpi_plan_gap", "kpi_tile_cache", "kpi_scope", "kpi_target")
    return contents(warehouse, tables)


@pytest.fixture
def cut(warehouse: Warehouse) -> Warehouse:
    """Two good nights, and a third whose source was half gone, accepted by mistake."""
    for number in (0, 1):
        warehouse.load_source(school.source(number))
        night(warehouse, number)
    return warehouse


def cut_night(warehouse: Warehouse) -> None:
    source = school.source(2)
    source["realisation"] = [row for row in source["realisation"] if row["domain"] == "UA"]
    source["membership"] = source["membership"][:20]
    source["scope"][1]["label"] = "Group 1, wrongly"
    warehouse.load_source(source)
    night(warehouse, 2, accepts=True)


def test_the_figures_built_on_it_are_computed_again(cut: Warehouse) -> None:
    """As if the third day had been computed from the history of the second night; then the good night tells."""
    compute(cut, 2)
    expected = figures(cut), checksums(cut)
    cut_night(cut)
    assert figures(cut) != expected[0]

    done = cut.take_back(THIRD_CAPTURE)
    assert done.days == (THIRD,)
    for day in done.days:
        cut.dimensions()
        cut.facts(day)
        cut.rollup(day)
    assert (figures(cut), checksums(cut)) == expected
    cut.load_source(school.source(3))
    assert missed_days("kpi_value", FOURTH, cut.settings) == []
    night(cut, 3)
    assert missed_days("kpi_value", FOURTH, cut.settings) == [THIRD], "told of since"


def test_the_ledger_keeps_both(cut: Warehouse) -> None:
    cut_night(cut)
    cut.take_back(THIRD_CAPTURE)
    kept = cut.rows(
        "SELECT message IS NULL OR message LIKE 'accepted%', COUNT(*), SUM(rows_deleted), SUM(rows_inserted)"
        " FROM kpi_run WHERE state = 'TAKEN_BACK' AND table_name IN ('kpi_src_realisation', 'kpi_src_plan')"
        " GROUP BY 1 ORDER BY 1 DESC"
    )
    (_, captures, closed, _), (_, back, removed, put_back) = kept
    assert (captures, back) == (2, 2)
    assert closed > 100
    assert put_back >= closed
    assert removed >= closed
    told = cut.rows("SELECT DISTINCT message FROM kpi_run WHERE message LIKE 'took%'")
    assert told == [
        ("took back the capture of 2026-02-16 01:30:00 UTC, and those of some learners since",)
    ]


def test_changes_since_are_pending_again(cut: Warehouse) -> None:
    cut_night(cut)
    assert cut.open_day(FOURTH)
    cut.changed(4)
    cut.refresh(THIRD_CAPTURE + timedelta(hours=6))
    pending = "SELECT COUNT(*) FROM kpi_change WHERE done_at IS NULL"
    assert cut.rows(pending) == [(0,)]
    done = cut.take_back(THIRD_CAPTURE)
    assert done.days == (THIRD, FOURTH)
    assert cut.rows(pending) == [(1,)]
    assert cut.rows("SELECT * FROM kpi_open_day") == []


def test_only_the_last_capture_can_be_taken_back(cut: Warehouse) -> None:
    last = "the last one, for 2026-02-14, is captured_at 2026-02-15 01:30:00+00:00"
    before = checksums(cut)
    with pytest.raises(InputError) as refusal:
        cut.take_back(datetime(2026, 2, 14, 1, 30))
    assert str(refusal.value) == (
        "The capture of 2026-02-14 01:30:00+00:00 cannot be taken back, as only the last one can: "
        f"{last}; give that instant, or correct the source and let the next night capture it."
    )
    with pytest.raises(InputError, match="This run names no capture; give the instant of the last"):
        cut.take_back(None)
    assert checksums(cut) == before


def test_a_capture_of_an_older_version_kept_nothing(cut: Warehouse) -> None:
    cut.execute("DELETE FROM kpi_before_capture")
    with pytest.raises(InputError, match="No capture can be taken back: "):
        cut.take_back(datetime(2026, 2, 15, 1, 30))
    assert chosen(THIRD_CAPTURE, Kept(THIRD_CAPTURE, THIRD, None, 0, THIRD_CAPTURE))
