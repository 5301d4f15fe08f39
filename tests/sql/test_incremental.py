"""Changes during the day, one at a time: what a refresh captures, writes, leaves alone and says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from kpi.core.connections import ETL, session
from kpi.incremental import changes, opening, refresh
from kpi.incremental.watcher import ChangeTrigger
from mysql_accounts import connect

from tests.conftest import FIRST_DAY, LAST_DAY
from tests.golden import school
from tests.snapshot import Snapshot
from tests.sql.test_property_incremental import changed_learners, written
from tests.warehouse import Warehouse

YESTERDAY, TODAY = school.day_of(0), school.day_of(1)
NIGHT = datetime(2026, 2, 14, 1, 30)
MORNING = datetime(2026, 2, 14, 9, 0)
COMPUTED = ("kpi_value", "kpi_state_count", "kpi_percentiles", "kpi_plan_gap", "kpi_tile_cache")


@pytest.fixture(scope="module")
def as_opened(module_warehouse: Warehouse) -> Snapshot:
    """The small school after a night, with the day after it open, computed once for all tests."""
    module_warehouse.use()
    module_warehouse.empty()
    return Snapshot(opened(module_warehouse), "opened", whole=True)


@pytest.fixture
def open_day(as_opened: Snapshot) -> Warehouse:
    as_opened.warehouse.use()
    as_opened.warehouse.load_source(school.source(0))
    as_opened.restore()
    return as_opened.warehouse


def opened(warehouse: Warehouse) -> Warehouse:
    """The small school after a night, with the day after it open."""
    warehouse.load_source(school.source(0))
    warehouse.night(YESTERDAY, NIGHT)
    warehouse.rollup(YESTERDAY)
    assert warehouse.open_day(TODAY)
    return warehouse


def work_on(warehouse: Warehouse, learner: int, at: datetime | None, **values: Any) -> None:
    """Let the LMS change a learner's first micro-competence."""
    columns = {**values, "changed_at": at}
    assignments = ", ".join(f"{name} = %s" for name in columns)
    warehouse.source(
        f"UPDATE realisation SET {assignments} "
        "WHERE domain = 'MICRO_COMPETENCE' AND ref_id = 1 AND learner_id = %s",
        [*columns.values(), learner],
    )


def history_of(warehouse: Warehouse, learner: int) -> list[tuple[Any, ...]]:
    return warehouse.rows(
        "SELECT valid_from, progress_pct FROM kpi_src_realisation WHERE domain = 'MICRO_COMPETENCE' "
        "AND ref_id = 1 AND learner_id = %s ORDER BY valid_from DESC",
        [learner],
    )


def cells(warehouse: Warehouse) -> dict[tuple[str, Any], Any]:
    """Every row of every computed table, by its id."""
    return {
        (table, row[:2] if table == "kpi_tile_cache" else row[0]): row
        for table in COMPUTED
        for row in warehouse.rows(f"SELECT * FROM {table}")
    }


def test_one_change_is_in_every_period(open_day: Warehouse) -> None:
    """Progress 55.5 of one learner: his D, W, M, R cells and tiles and those of his groups, and no others."""
    before = cells(open_day)
    work_on(open_day, 4, MORNING, progress_pct=55.5)
    open_day.changed(4)
    (done,) = open_day.refresh(MORNING + timedelta(seconds=3))
    assert done.batch.learners == (4,)
    assert not done.unfinished

    after = cells(open_day)
    touched = [now for key, now in after.items() if before.get(key) != now]
    touched += [row for key, row in before.items() if key not in after]
    own = open_day.rows(
        "SELECT period, code, value_num FROM kpi_value INNER JOIN kpi_metric ON kpi_metric.id = metric_id "
        "INNER JOIN kpi_scope ON kpi_scope.id = scope_id INNER JOIN kpi_target ON kpi_target.id = target_id "
        "WHERE scope_type = 'APPRENANT' AND kpi_scope.ref_id = 4 AND target_type = 'MICRO_COMPETENCE' "
        "AND kpi_target.ref_id = 1 AND date_id >= %s AND code = 'PROGRESSION_MOY' ORDER BY period",
        [TODAY],
    )
    assert [(period, float(value)) for period, _, value in own] == [
        ("D", 55.5),
        ("W", 55.5),
        ("M", 55.5),
    ]
    of_learner = {"GLOBAL 0", "GROUPE 1", "FORMATEUR 1", "SESSION 1", "APPRENANT 4"}
    assert set(scopes_of(open_day, touched)) <= of_learner
    assert history_of(open_day, 4)[0][0] == MORNING
    assert written(open_day, TODAY) == {}


def scopes_of(warehouse: Warehouse, rows: list[Any]) -> Iterator[str]:
    names = dict(warehouse.rows("SELECT id, CONCAT(scope_type, ' ', ref_key) FROM kpi_scope"))
    for row in rows:
        # kpi_tile_cache begins with the scope; the facts have it after id, date_id and period.
        yield names[row[0] if isinstance(row[2], type(None)) or len(row) == 11 else row[3]]


def test_what_did_not_change_is_not_written(open_day: Warehouse) -> None:
    """A learner named without a change of substance: the change is done, no row is touched."""
    before = cells(open_day)
    open_day.changed(4, 4, 5)
    (done,) = open_day.refresh(MORNING)
    assert (len(done.batch.ids), done.batch.learners, done.written) == (3, (4, 5), {})
    assert cells(open_day) == before
    assert not open_day.rows("SELECT id FROM kpi_change WHERE done_at IS NULL")


def test_only_the_learners_named_are_captured(open_day: Warehouse) -> None:
    work_on(open_day, 4, MORNING, progress_pct=55.5)
    work_on(open_day, 6, MORNING, progress_pct=44.4)
    open_day.changed(4)
    open_day.refresh(MORNING + timedelta(seconds=3))
    assert float(history_of(open_day, 4)[0][1]) == 55.5
    assert float(history_of(open_day, 6)[0][1]) != 44.4


def test_an_undated_change_counts_from_its_capture(open_day: Warehouse) -> None:
    """And the night believes an instant only when it lies after the learner was last seen."""
    seen, night = MORNING + timedelta(seconds=3), datetime(2026, 2, 15, 0, 30)
    work_on(open_day, 4, None, progress_pct=55.5)
    open_day.changed(4)
    open_day.refresh(seen)
    assert history_of(open_day, 4)[0][0] == seen

    work_on(open_day, 4, MORNING, progress_pct=66.6)  # which lies before he was seen with 55.5
    work_on(open_day, 6, MORNING, progress_pct=66.6)  # seen by the last night only
    open_day.capture(TODAY, night)
    end = datetime(2026, 2, 14, 23)
    assert history_of(open_day, 4)[0][0] == end - timedelta(microseconds=1)
    assert history_of(open_day, 6)[0][0] == MORNING


def test_a_learner_changes_group(open_day: Warehouse) -> None:
    """The next night's source at noon: one learner has moved, others have worked."""
    open_day.load_source(school.source(1))
    open_day.changed(*changed_learners(school.source(0), school.source(1)))
    open_day.refresh(MORNING)
    moved = open_day.rows(
        "SELECT scope_ref_id FROM kpi_src_membership WHERE scope_type = 'GROUPE' AND learner_id = %s "
        "AND valid_to = '9999-12-31'",
        [school.MOVES],
    )
    assert moved == [(2,)]
    assert written(open_day, TODAY) == {}


def test_a_group_loses_all_members_and_gets_one_back(open_day: Warehouse) -> None:
    """Its week is then told as of the day before, and again as of today."""
    group = [row for row in school.source(0)["membership"] if row["scope_type"] == "GROUPE"]
    members = [
        row["learner_id"] for row in group if row["scope_ref_id"] == 1 and row["learner_id"] < 99
    ]
    open_day.source("DELETE FROM membership WHERE scope_type = 'GROUPE' AND scope_ref_id = 1")
    open_day.changed(*members)
    (done,) = open_day.refresh(MORNING)
    assert done.begun_or_ended
    assert told_as_of(open_day) == {str(YESTERDAY)}
    assert written(open_day, TODAY) == {}

    open_day.source(
        "INSERT INTO membership (scope_type, scope_ref_id, learner_id) VALUES ('GROUPE', 1, %s)",
        [members[0]],
    )
    open_day.changed(members[0])
    open_day.refresh(MORNING + timedelta(minutes=1))
    assert told_as_of(open_day) == {str(TODAY)}
    assert written(open_day, TODAY) == {}


def told_as_of(warehouse: Warehouse) -> set[str]:
    found = warehouse.rows(
        "SELECT DISTINCT extra_json ->> '$.as_of' FROM kpi_value INNER JOIN kpi_scope ON kpi_scope.id = scope_id "
        "WHERE scope_type = 'GROUPE' AND ref_id = 1 AND period = 'W' AND date_id >= %s",
        [TODAY],
    )
    return {day for (day,) in found}


def test_a_new_learner_has_figures(open_day: Warehouse) -> None:
    source = school.source(0)
    newcomer = [
        {**row, "learner_id": 77} for row in source["realisation"] if row["learner_id"] == 1
    ]
    source["realisation"] += [
        {**row, "created_at": MORNING, "changed_at": MORNING} for row in newcomer
    ]
    source["scope"].append({"scope_type": "APPRENANT", "ref_id": 77, "label": "Zoé"})
    for kind, ref in (("GLOBAL", None), ("GROUPE", 1), ("APPRENANT", 77)):
        row = {"scope_type": kind, "scope_ref_id": ref, "learner_id": 77, "active_from": MORNING}
        source["membership"].append(row)
    open_day.load_source(source)
    open_day.changed(77)
    open_day.refresh(MORNING + timedelta(seconds=1))
    [(label, figures)] = open_day.rows(
        "SELECT label, (SELECT COUNT(*) FROM kpi_value WHERE scope_id = kpi_scope.id AND period = 'D') "
        "FROM kpi_scope WHERE scope_type = 'APPRENANT' AND ref_id = 77"
    )
    assert label == "Zoé"
    assert figures > 0
    assert written(open_day, TODAY) == {}


def test_windows_may_begin_before_the_calendar(warehouse: Warehouse) -> None:
    """The delays of today's events are told all the same."""
    warehouse.execute("DELETE FROM kpi_time WHERE date_id < %s", [YESTERDAY])
    try:
        opened(warehouse)
        warehouse.load_source(school.source(1))
        warehouse.changed(*changed_learners(school.source(0), school.source(1)))
        warehouse.refresh(MORNING)
        told = "SELECT COUNT(*) > 0 FROM kpi_percentiles WHERE date_id = %s AND period = 'D'"
        assert warehouse.rows(told, [TODAY]) == [(1,)]
        assert written(warehouse, TODAY) == {}
    finally:
        warehouse.bootstrap(FIRST_DAY, LAST_DAY)


def test_a_capture_of_all_closes_the_day(open_day: Warehouse) -> None:
    open_day.capture(TODAY, MORNING)
    open_day.changed(4)
    with pytest.raises(refresh.NotOpen, match="2026-02-14 is not open"):
        open_day.refresh(MORNING + timedelta(minutes=1))
    assert open_day.rows("SELECT COUNT(*) FROM kpi_change WHERE done_at IS NULL") == [(1,)]


def test_a_day_is_not_opened_on_rows_older_than_the_last_capture(warehouse: Warehouse) -> None:
    """A capture came between the day's figures and their sums."""
    warehouse.load_source(school.source(0))
    warehouse.night(YESTERDAY, NIGHT)
    warehouse.facts(TODAY)
    warehouse.capture(TODAY, MORNING)

    script = warehouse.script("roads/opening.sql")
    assert not opening.open_day(TODAY, script, warehouse.settings)
    assert not warehouse.rows("SELECT * FROM kpi_open_day")


def test_a_change_whose_transaction_is_open_is_neither_waited_for_nor_done(
    open_day: Warehouse,
) -> None:
    """It has the smaller id, and is committed after the refresh of the one with the greater."""
    with connect(open_day.root_uri) as late, late.cursor() as cursor:
        late.autocommit = False
        cursor.execute(f"USE `{open_day.name}`")
        cursor.execute("INSERT INTO kpi_change (domain, learner_id) VALUES ('UA', 4)")
        open_day.changed(6)
        (done,) = open_day.refresh(MORNING)
        assert done.batch.learners == (6,)
        late.commit()
    (done,) = open_day.refresh(MORNING + timedelta(seconds=1))
    assert done.batch.learners == (4,)


def test_a_claim_left_by_a_dead_run_is_taken_over(open_day: Warehouse) -> None:
    open_day.changed(4)
    with session(ETL) as etl:
        left = changes.claim(etl, "a run that died", 10)
        taken = changes.claim(etl, "the next", 10)
        changes.finish(etl, left)
        etl.rollback()
    assert left == taken
    assert open_day.rows("SELECT claimed_by, done_at FROM kpi_change") == [("the next", None)]


def test_the_ledger_tells_what_a_refresh_wrote(open_day: Warehouse) -> None:
    work_on(open_day, 4, MORNING, progress_pct=55.5)
    open_day.changed(4)
    open_day.refresh(MORNING + timedelta(seconds=3))
    rows = open_day.rows(
        "SELECT table_name, period, scopes, watermark FROM kpi_run WHERE scopes IS NOT NULL ORDER BY id"
    )
    at = MORNING + timedelta(seconds=3)
    assert ("kpi_src_realisation", None, "learners 4", at) in rows
    assert ("kpi_value", "D", "learners 4", at) in rows


def test_the_trigger_tells_of_a_burst_once(open_day: Warehouse) -> None:
    """One event for changes while those it told of are pending; another when new ones come after they are done."""

    async def told() -> list[dict[str, Any]]:
        events = ChangeTrigger(poll_seconds=0.05, sweep_seconds=60).run()
        found = []
        for learners in ((4, 5, 6), (7,)):
            open_day.changed(*learners)
            found.append((await asyncio.wait_for(anext(events), 2)).payload)
            open_day.changed(8)  # while the run works
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(
                    asyncio.shield(waiting := asyncio.ensure_future(anext(events))), 0.4
                )
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            open_day.execute("UPDATE kpi_change SET done_at = UTC_TIMESTAMP(6)")
            events = ChangeTrigger(poll_seconds=0.05, sweep_seconds=60).run()
        return found

    assert asyncio.run(told()) == [{"sweep": False}, {"sweep": False}]


def test_the_trigger_sweeps(open_day: Warehouse) -> None:
    """Without any change an event comes now and then, for what was stranded."""

    async def first() -> Any:
        return (await asyncio.wait_for(anext(ChangeTrigger(sweep_seconds=0.2).run()), 5)).payload

    assert asyncio.run(first()) == {"sweep": True}
    classpath, kwargs = ChangeTrigger().serialize()
    assert ChangeTrigger(**kwargs).serialize() == (classpath, kwargs)
