"""Captures of some learners during the day, by example: what they leave to the night, and what is read of them."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.golden import school
from tests.warehouse import Warehouse
from tests.worlds import realisation_row, target_row

YESTERDAY, TODAY = school.day_of(0), school.day_of(1)
NIGHT, NEXT_NIGHT = datetime(2026, 2, 14, 1, 30), datetime(2026, 2, 15, 0, 30)
MORNING = datetime(2026, 2, 14, 9, 0)
LAST_INSTANT = datetime(2026, 2, 14, 23) - timedelta(microseconds=1)
NEW = ("MODULE", 9)


def rejects_of_new(warehouse: Warehouse) -> list[tuple[str, datetime]]:
    return warehouse.rows(
        "SELECT reason, last_seen_at FROM kpi_reject WHERE source_key = 'MODULE:9:4'"
    )


def versions_of_new(warehouse: Warehouse) -> list[tuple[datetime, datetime]]:
    return warehouse.rows(
        "SELECT valid_from, valid_to FROM kpi_src_realisation "
        "WHERE domain = 'MODULE' AND ref_id = 9 AND learner_id = 4"
    )


def test_a_new_target_waits_for_the_night(warehouse: Warehouse) -> None:
    """Its rows are set aside until then; dated before the learner was last seen, they begin as undated ones do."""
    source = school.source(0)
    warehouse.load_source(source)
    warehouse.capture(YESTERDAY, NIGHT)
    source["target"].append(target_row(*NEW, None, None))
    source["realisation"].append(realisation_row(*NEW, 4, changed_at=MORNING))
    warehouse.load_source(source)

    seen = MORNING + timedelta(seconds=3)
    warehouse.capture_learners([4], seen)
    assert rejects_of_new(warehouse) == [("unknown_target", seen)]
    assert versions_of_new(warehouse) == []

    warehouse.capture(TODAY, NEXT_NIGHT)
    assert rejects_of_new(warehouse) == [("unknown_target", seen)]  # the night did not find it
    assert versions_of_new(warehouse) == [(LAST_INSTANT, datetime(9999, 12, 31))]


def test_a_refresh_that_finds_nothing_has_seen_the_learner(warehouse: Warehouse) -> None:
    """What the night then finds is not dated before it."""
    warehouse.load_source(school.source(0))
    warehouse.night(YESTERDAY, NIGHT)
    assert warehouse.open_day(TODAY)
    warehouse.changed(4)
    warehouse.refresh(MORNING)

    warehouse.source(
        "UPDATE realisation SET progress_pct = 55.5, changed_at = %s WHERE learner_id IN (4, 6) "
        "AND domain = 'MODULE' AND ref_id = 1",
        [MORNING - timedelta(hours=1)],
    )
    warehouse.capture(TODAY, NEXT_NIGHT)
    begun = warehouse.rows(
        "SELECT learner_id, valid_from FROM kpi_src_realisation WHERE progress_pct = 55.5 "
        "AND domain = 'MODULE' AND ref_id = 1 ORDER BY learner_id"
    )
    assert begun == [(4, LAST_INSTANT), (6, MORNING - timedelta(hours=1))]


def test_what_is_set_aside_now_is_what_the_last_night_found(warehouse: Warehouse) -> None:
    """A refresh of one learner does not make the others' bad rows look mended."""
    warehouse.load_source(school.source(0))
    warehouse.night(YESTERDAY, NIGHT)
    assert warehouse.open_day(TODAY)
    warehouse.source("UPDATE realisation SET progress_pct = 130 WHERE learner_id = 4")
    warehouse.changed(4)
    warehouse.refresh(MORNING)
    assert warehouse.rows(warehouse.render("display/dashboard/captured_at.sql")) == [(NIGHT,)]
