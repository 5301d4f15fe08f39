"""Retention of history, ledger and rejects: captures and figures after a cut are those without one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from kpi.core.connections import ETL, session
from kpi.core.ledger import Author
from kpi.core.locks import lock_name
from kpi.figures.dropped_days import DaysDropped, history_cut
from kpi.upkeep.retention import run
from kpi.upkeep.retention.ledgers import Cut
from kpi.upkeep.retention.removal import MonthBusy
from mysql_accounts import connect

from tests.golden import school
from tests.golden.reading import figures, stored
from tests.sql.old_facts import computed_until, with_settings
from tests.warehouse import HISTORY, Warehouse

pytestmark = pytest.mark.long

NIGHTS = 8
TODAY = date(2026, 7, 5)


@pytest.fixture
def captured(warehouse: Warehouse) -> Warehouse:
    play(warehouse, 0, 5)
    computed_until(warehouse, "2026-06-01")
    with_settings(warehouse, retention_months_history=5)
    return warehouse


def play(warehouse: Warehouse, first: int, last: int) -> None:
    """Nights a month apart, so that some lie before a cut; learners come, go and come back."""
    for night in range(first, last):
        warehouse.load_source(school.source(night % 5))
        warehouse.capture(day_of(night), accepts=True)  # what random worlds lose is much
    warehouse.dimensions()


def day_of(night: int) -> date:
    return date(2025, 10, 15) + timedelta(days=30 * night)


def cut(warehouse: Warehouse, today: date = TODAY, **how: Any) -> dict[str, Cut]:
    found = run.cut(today, warehouse.settings, Author(), **{"dry_run": False, **how})
    return {one.table: one for one in found}


def test_captures_after_a_cut_are_those_without_one(captured: Warehouse) -> None:
    """The reference is the same history without a cut: what is left of it is alike, and all that follows."""
    play(captured, 5, NIGHTS)
    whole = stored(captured, HISTORY)
    captured.facts(day_of(6))
    expected = figures(captured, day_of(6))

    captured.empty()
    play(captured, 0, 5)
    computed_until(captured, "2026-06-01")
    removed = cut(captured)
    assert removed["kpi_src_realisation"].rows > 0
    assert removed["kpi_src_realisation"].before == date(2026, 2, 1)
    play(captured, 5, NIGHTS)
    left = stored(captured, HISTORY)
    for table in HISTORY:
        assert set(left[table]) <= set(whole[table]), table
        gone = set(whole[table]) - set(left[table])
        assert all(f"{row[0]:%Y-%m-%d}" <= "2026-02-01" for row in gone), "only old closed versions"
    captured.facts(day_of(6))
    assert figures(captured, day_of(6)) == expected


def test_days_before_a_cut_are_refused(captured: Warehouse) -> None:
    cut(captured)
    with session(ETL) as etl:
        assert history_cut(etl) == date(2026, 2, 1)
    with pytest.raises(DaysDropped, match="The history before 2026-02-01 was removed by retention"):
        captured.facts(date(2026, 1, 31))
    captured.facts(date(2026, 2, 1))


def test_the_history_of_days_still_there_stays(captured: Warehouse) -> None:
    captured.facts(date(2025, 12, 20))
    before = stored(captured, HISTORY)
    assert cut(captured)["kpi_src_realisation"].before == date(2025, 12, 1)
    gone = set(before["kpi_src_realisation"]) - set(
        stored(captured, HISTORY)["kpi_src_realisation"]
    )
    assert all(f"{row[0]:%Y-%m-%d}" <= "2025-12-01" for row in gone)


def test_a_dry_run_counts_and_deletes_nothing(captured: Warehouse) -> None:
    before = stored(captured, HISTORY)
    would = cut(captured, dry_run=True)
    assert stored(captured, HISTORY) == before
    assert would["kpi_src_realisation"].rows == cut(captured)["kpi_src_realisation"].rows
    assert cut(captured)["kpi_src_realisation"].rows == 0


def test_a_capture_under_way_is_not_disturbed(captured: Warehouse) -> None:
    captured.rows("SELECT GET_LOCK(%s, 0)", (lock_name(captured.name, "capture"),))
    with pytest.raises(MonthBusy, match="A capture is under way"):
        cut(captured)
    captured.rows("SELECT RELEASE_ALL_LOCKS()")


def test_ledger_and_rejects_go_by_their_own_settings(captured: Warehouse) -> None:
    with_settings(captured, retention_months_ledger=4, retention_months_rejects=5)
    captured.execute("UPDATE kpi_run SET finished_at = date_to + INTERVAL 1 DAY")
    captured.execute(
        "INSERT INTO kpi_reject (relation, source_key, reason, first_seen_at, last_seen_at) VALUES"
        " ('plan', 'old', 'x', '2026-01-31', '2026-01-31'), ('plan', 'new', 'x', '2025-01-01', '2026-02-01')"
    )
    captured.execute(
        "INSERT INTO kpi_run (table_name, period, date_from, date_to, state, started_at, finished_at)"
        " VALUES ('kpi_value', 'D', '2025-01-01', '2025-01-01', 'DROPPED', '2025-01-02', '2025-01-02')"
    )
    last = captured.rows(
        "SELECT MAX(watermark) FROM kpi_run WHERE table_name = 'kpi_src_realisation'"
    )
    done = cut(captured)
    assert done["kpi_run"].rows > 0
    assert captured.rows(
        "SELECT COUNT(*) FROM kpi_run WHERE state = 'DONE' AND date_to < %s",
        (done["kpi_run"].before,),
    ) == [(0,)]
    assert captured.rows("SELECT COUNT(*) FROM kpi_run WHERE date_to = '2025-01-01'") == [(1,)]
    assert (
        captured.rows("SELECT MAX(watermark) FROM kpi_run WHERE table_name = 'kpi_src_realisation'")
        == last
    )
    keys = {
        key for (key,) in captured.rows("SELECT source_key FROM kpi_reject WHERE relation = 'plan'")
    }
    assert "old" not in keys
    assert "new" in keys


def test_alerts_that_are_over_go_with_the_ledger(captured: Warehouse) -> None:
    with_settings(captured, retention_months_ledger=4)
    for day, until in (
        ("2024-01-01", None),
        ("2024-01-02", "2024-01-03"),
        ("2024-01-04", "2100-01-01"),
    ):
        captured.execute(
            "INSERT INTO kpi_alert (kind, code, since_on, until_on, level, opened_at)"
            " VALUES ('LATE', 'kpi_daily', %s, %s, 'red', '2024-01-01')",
            (day, until),
        )
    assert cut(captured)["kpi_alert"].rows == 1
    left = captured.rows("SELECT CAST(since_on AS CHAR) FROM kpi_alert ORDER BY since_on")
    assert left == [("2024-01-01",), ("2024-01-04",)], "one that lasts stays, however old"


@pytest.fixture
def with_changes(captured: Warehouse) -> Warehouse:
    """250 changes done long ago, one done a day less than that, one that waits since the beginning; chunks of 100."""
    with_settings(captured, retention_days_changes=20, retention_chunk_rows=100)
    captured.execute(
        "INSERT INTO kpi_change (domain, learner_id, occurred_at) VALUES ('UA', 1, '2025-01-01')"
    )
    for times, done in ((250, "2026-06-14 23:59:59"), (1, "2026-06-15 00:00:00")):
        captured.execute(
            "INSERT INTO kpi_change (domain, learner_id, occurred_at, done_at)"
            " WITH RECURSIVE number AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM number WHERE n < %s)"
            " SELECT 'UA', n, '2025-01-01', %s FROM number",
            (times, done),
        )
    return captured


def test_changes_that_are_done_go_and_those_that_wait_stay(with_changes: Warehouse) -> None:
    would = cut(with_changes, dry_run=True)["kpi_change"]
    assert would == Cut("kpi_change", date(2026, 6, 15), rows=250, there=252)
    assert with_changes.rows("SELECT COUNT(*) FROM kpi_change") == [(252,)]
    assert cut(with_changes)["kpi_change"] == would
    left = with_changes.rows("SELECT CAST(done_at AS CHAR) FROM kpi_change ORDER BY id")
    assert left == [(None,), ("2026-06-15 00:00:00.000000",)]


def test_old_changes_go_while_the_lms_writes_new_ones(with_changes: Warehouse) -> None:
    """Its transactions are not waited for: a wait is over after a second here, and is an error then."""
    with_changes.execute("SET GLOBAL innodb_lock_wait_timeout = 1")
    with_settings(with_changes, write_attempts=1)
    try:
        with connect(with_changes.root_uri) as lms, lms.cursor() as cursor:
            lms.autocommit = False
            cursor.execute(f"USE `{with_changes.name}`")
            cursor.execute("INSERT INTO kpi_change (domain, learner_id) VALUES ('UA', 4)")
            assert cut(with_changes)["kpi_change"].rows == 250
            lms.commit()
    finally:
        with_changes.execute("SET GLOBAL innodb_lock_wait_timeout = 50")
    assert with_changes.rows("SELECT COUNT(*) FROM kpi_change") == [(3,)]


@pytest.fixture(scope="module")
def module_warehouse(new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    return new_warehouse("history_cut")
