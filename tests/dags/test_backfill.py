"""kpi_backfill and kpi_rollup from end to end, on the small school's nights."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.dags.conftest import Operated
from tests.golden import school
from tests.golden.reading import computed_rows, wipe_computed

pytestmark = pytest.mark.long

NIGHTS = 5
FIRST, LAST = school.day_of(0), school.day_of(NIGHTS - 1)
RANGE = {"date_from": str(FIRST), "date_to": str(LAST)}


@pytest.fixture(scope="module")
def history(operated: Operated) -> Operated:
    """Five nights captured, nothing computed."""
    for night in range(NIGHTS):
        operated.warehouse.load_source(school.source(night))
        operated.warehouse.capture(school.day_of(night))
    operated.warehouse.dimensions()
    return operated


@pytest.fixture
def computed(history: Operated) -> Operated:
    """The nights computed and rolled up one by one."""
    wipe_computed(history.warehouse)
    for night in range(NIGHTS):
        history.warehouse.facts(school.day_of(night))
        history.warehouse.rollup(school.day_of(night))
    return history


def test_a_range_gives_the_rows_that_its_nights_gave(computed: Operated) -> None:
    by_night = computed_rows(computed.warehouse)
    assert all(by_night.values())
    wipe_computed(computed.warehouse)
    run = computed.run("kpi_backfill", RANGE | {"reason": "marks corrected"})
    assert run.state == "success", run.failures
    assert computed_rows(computed.warehouse) == by_night
    reasons = computed.warehouse.rows(
        "SELECT DISTINCT reason FROM kpi_run WHERE dag_id = 'kpi_backfill'"
    )
    assert reasons == [("marks corrected",)]


def test_a_dry_run_says_what_would_change_and_writes_nothing(computed: Operated) -> None:
    computed.warehouse.execute(
        "UPDATE kpi_value SET value_num = value_num + 40 WHERE period = 'D' AND date_id = %s "
        "AND metric_id = (SELECT id FROM kpi_metric WHERE code = 'SCORE_NORM') "
        "AND scope_id = (SELECT id FROM kpi_scope WHERE scope_type = 'GLOBAL')",
        (FIRST,),
    )
    computed.warehouse.execute(
        "DELETE FROM kpi_state_count WHERE period = 'D' AND date_id = %s", (LAST,)
    )
    changed = computed.warehouse.rows(
        "SELECT COUNT(*) FROM kpi_value WHERE period = 'D' AND date_id = %s AND value_num > 40 "
        "AND metric_id = (SELECT id FROM kpi_metric WHERE code = 'SCORE_NORM') "
        "AND scope_id = (SELECT id FROM kpi_scope WHERE scope_type = 'GLOBAL')",
        (FIRST,),
    )[0][0]
    computed.warehouse.execute(
        "UPDATE kpi_plan_gap SET done_count = done_count + 9 WHERE period = 'M' LIMIT 2"
    )
    before = computed.checksums()
    run = computed.run("kpi_backfill", RANGE | {"dry_run": True})
    assert run.state == "success", run.failures
    assert computed.checksums() == before
    assert changed
    assert f"kpi_value, {FIRST} to {LAST} would be: 0 rows inserted, {changed} changed" in run.log
    assert f"kpi_state_count, {FIRST} to {LAST} would be: " in run.log
    assert "GLOBAL" in run.log
    assert "SCORE_NORM" in run.log
    assert "kpi_plan_gap, 2026-02-01 to 2026-02-28 would be: 0 rows inserted, 2 changed" in run.log
    assert "kpi_plan_gap M would be rolled up for: 2026-02-28." in run.log


def test_only_what_was_asked_for_is_computed(computed: Operated) -> None:
    before = computed_rows(computed.warehouse)
    [(group,)] = computed.warehouse.rows(
        "SELECT id FROM kpi_scope WHERE scope_type = 'GROUPE' AND ref_id = 1"
    )
    for table in ("kpi_value", "kpi_state_count"):
        computed.warehouse.execute(f"DELETE FROM {table} WHERE period = 'D'")
    run = computed.run(
        "kpi_backfill",
        RANGE | {"facts": ["kpi_value"], "scope_types": ["GROUPE"], "scope_ids": [str(group)]},
    )
    assert run.state == "success", run.failures
    found = computed.warehouse.rows("SELECT DISTINCT scope_id FROM kpi_value WHERE period = 'D'")
    assert found == [(group,)]
    assert computed.warehouse.rows("SELECT COUNT(*) FROM kpi_state_count WHERE period = 'D'") == [
        (0,)
    ]
    assert computed_rows(computed.warehouse)["kpi_plan_gap"] == before["kpi_plan_gap"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"date_from": str(LAST), "date_to": str(FIRST)}, "before it begins; exchange"),
        ({"date_to": "2999-01-01"}, "in the future"),
        ({"date_to": str(LAST + timedelta(days=1))}, "was last captured for 2026-02-17"),
        ({"date_from": "2025-08-03"}, "is the first day that can be computed"),
        ({"scope_ids": ["987654"]}, "There is no scope with the id 987654"),
        ({"scope_types": ["GROUPE"], "scope_ids": ["1"]}, "is of type GLOBAL"),
    ],
)
def test_a_range_that_cannot_be_computed_is_refused(
    history: Operated, changes: dict[str, object], message: str
) -> None:
    before = history.checksums()
    run = history.run("kpi_backfill", RANGE | changes)
    assert run.state == "failed"
    assert message in run.message
    assert run.tries["check"] == 1
    assert history.checksums() == before


def test_a_day_is_rolled_up_by_its_key(computed: Operated) -> None:
    by_hand = computed_rows(computed.warehouse)
    computed.warehouse.execute("DELETE FROM kpi_value WHERE period <> 'D'")
    for table in ("kpi_plan_gap", "kpi_tile_cache"):
        computed.warehouse.execute(f"DELETE FROM {table}")
    for night in range(NIGHTS):
        run = computed.run("kpi_rollup", partition_key=str(school.day_of(night)))
        assert run.state == "success", run.failures
        assert [(event.asset, event.partition_key) for event in run.events] == [
            ("kpi_rolled_up_facts", str(school.day_of(night)))
        ]
    assert computed_rows(computed.warehouse) == by_hand


def test_a_rollup_takes_along_what_rollups_missed(computed: Operated) -> None:
    """Of five days only the last has a run, as after kpi_rollup was paused."""
    by_hand = computed_rows(computed.warehouse)
    wipe_computed(computed.warehouse)
    for night in range(NIGHTS):
        computed.warehouse.facts(school.day_of(night))
    run = computed.run("kpi_rollup", partition_key=str(LAST))
    assert run.state == "success", run.failures
    assert "kpi_plan_gap W of 2026-02-15: no rollup has taken all their days" in run.log
    assert computed_rows(computed.warehouse) == by_hand
