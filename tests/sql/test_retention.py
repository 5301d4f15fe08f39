"""Retention on a real server: what goes, what stays and why, what comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime

import pytest

from tests.sql import old_facts
from tests.sql.old_facts import (
    FIRST,
    JULY,
    LAST,
    TODAY,
    restored,
    retained,
    rows,
    undo_tables,
    with_settings,
    without_days,
)
from tests.sql.schemas import FACTS, layout
from tests.warehouse import Warehouse

DAILY = FACTS[:3]


@pytest.fixture(scope="module", params=["partitioned", "foreign_keys"])
def computed(
    new_warehouse: Callable[..., Warehouse], request: pytest.FixtureRequest
) -> Warehouse:
    return old_facts.make(new_warehouse, f"old_{request.param}"[:12], storage=request.param)


@pytest.fixture
def old(computed: Warehouse) -> Iterator[Warehouse]:
    """The same before each test: what was removed is restored, what was asked for forgotten."""
    computed.use()
    usual = computed.settings
    with_settings(computed, retention_chunk_rows=100)
    yield computed
    computed.settings = usual
    computed.execute("DELETE FROM kpi_hold")
    for (month,) in computed.rows("SELECT DISTINCT month_first FROM kpi_undo WHERE state = 'KEPT'"):
        restored(computed, f"{month:%Y-%m}", over=True)
    computed.execute("DELETE FROM kpi_hold")


# -- what goes and what stays


def test_days_of_an_old_month_go_and_its_weeks_and_months_stay(old: Warehouse) -> None:
    before = rows(old)
    decided = retained(old)
    assert {key: one.action for key, one in decided.items()} == {
        (table, "2026-02"): "rewrite" for table in DAILY
    }
    assert rows(old) == without_days(before, "2026-02")
    for table in DAILY:
        one = decided[table, "2026-02"]
        gone = len(before[table]) - len(rows(old)[table])
        assert one.removed == gone > 0
    assert retained(old) == {}, "a second run finds nothing to do"
    assert len(undo_tables(old)) == 3


def test_the_ledger_says_what_went(old: Warehouse) -> None:
    decided = retained(old)
    told = old.rows(
        "SELECT table_name, period, date_from, date_to, rows_deleted, rows_unchanged FROM kpi_run"
        " WHERE state = 'DROPPED' AND date_from < date_to ORDER BY id"
    )
    assert sorted(told) == sorted(
        (table, "D", date(2026, 2, 1), date(2026, 2, 28), one.removed, one.kept)
        for (table, _), one in decided.items()
    )
    days = old.rows(
        "SELECT DISTINCT date_to FROM kpi_run WHERE state = 'DROPPED' AND date_from = date_to ORDER BY 1"
    )
    assert [day for (day,) in days] == [date(2026, 2, day) for day in range(FIRST.day, 29)]


def test_at_most_so_many_months_a_run_oldest_first(old: Warehouse) -> None:
    old_facts.computed_until(old, str(JULY))
    with_settings(old, retention_partitions_per_run=4)
    decided = retained(old, JULY)
    done = [key for key, one in decided.items() if one.action == "rewrite"]
    assert [month for _, month in done] == ["2026-02"] * 3 + ["2026-03"]
    assert "4 in this run are enough" in {one.reason for one in decided.values()}
    assert len(retained(old, JULY)) == 2


def test_weeks_months_and_windows_go_by_their_own_settings(old: Warehouse) -> None:
    before = rows(old)
    old_facts.computed_until(old, str(date(2026, 12, 1)))
    with_settings(old, retention_months_w=6, retention_months_m=7, retention_months_r=7)
    decided = retained(old, date(2026, 10, 5), dry_run=False) if False else {}
    assert decided == {}
    old.execute("DELETE FROM kpi_run WHERE date_to = '2026-12-01'")
    old_facts.computed_until(old, "2026-10-01")
    decided = retained(old, date(2026, 10, 5))
    assert decided["kpi_value", "2026-02"].action == "empty"
    assert decided["kpi_plan_gap", "2026-02"].periods == ("W", "M")
    assert decided["kpi_value", "2026-03"].periods == ("D", "W")
    left = {row[2] for row in rows(old, "date_id BETWEEN '2026-03-01' AND '2026-03-31'")["kpi_value"]}
    assert left == {"M", "R"}
    assert not any(rows(old, "date_id < '2026-03-01'").values())
    old.execute("DELETE FROM kpi_run WHERE date_to = '2026-10-01'")
    for month in ("2026-02", "2026-03", "2026-04"):
        try:
            restored(old, month)
        except Exception as error:  # noqa: BLE001
            assert "nothing to restore" in str(error)
    assert rows(old) == before


def test_a_dry_run_shows_it_and_writes_nothing(old: Warehouse) -> None:
    before, ledger = rows(old), old.rows("CHECKSUM TABLE kpi_run, kpi_undo")
    would = retained(old, dry_run=True)
    assert (rows(old), old.rows("CHECKSUM TABLE kpi_run, kpi_undo")) == (before, ledger)
    assert undo_tables(old) == []
    assert would == retained(old)


# -- what comes back


def test_undo_restores_exactly_and_for_a_while(old: Warehouse) -> None:
    before = old.rows(f"CHECKSUM TABLE {', '.join(FACTS)}")
    done = old.rows("SELECT id, state FROM kpi_run WHERE state = 'DONE' ORDER BY id")
    retained(old)
    assert old.rows(f"CHECKSUM TABLE {', '.join(FACTS)}") != before
    assert len(restored(old)) == 3
    assert old.rows(f"CHECKSUM TABLE {', '.join(FACTS)}") == before
    assert old.rows("SELECT id, state FROM kpi_run WHERE state = 'DONE' ORDER BY id") == done
    assert undo_tables(old) == []
    [reason] = {one.reason for one in retained(old).values()}
    assert reason.startswith("kpi_retention (restored) holds 2026-02-01 to 2026-02-28 until")
    old.execute("UPDATE kpi_hold SET held_until = UTC_TIMESTAMP() - INTERVAL 1 SECOND")
    assert {one.action for one in retained(old).values()} == {"rewrite"}


def test_an_undo_table_goes_when_its_time_is_over(old: Warehouse) -> None:
    before = rows(old)
    retained(old)
    names = undo_tables(old)
    old.execute("CREATE TABLE spare LIKE kpi_undo")
    old.execute("UPDATE kpi_undo SET keep_until = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND WHERE state = 'KEPT'")
    old.execute("DROP TABLE spare")
    retained(old, dry_run=True)
    assert undo_tables(old) == names
    retained(old)
    assert undo_tables(old) == []
    assert rows(old) == without_days(before, "2026-02")
    with pytest.raises(Exception, match="There is nothing to restore for '2026-02'"):
        restored(old)
    # For the next tests.
    old.fact_range(FIRST, date(2026, 2, 28))
    old.rollup(FIRST, date(2026, 3, 1))


def test_now() -> None:
    assert datetime.now() and LAST and TODAY and layout
