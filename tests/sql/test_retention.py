"""Retention on a real server: what goes, what stays and why, what comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

import pytest
from kpi.core.connections import ETL, session
from kpi.core.errors import ConnectionProblem, InputError
from kpi.core.ledger import Author, Written
from kpi.core.locks import lock_name
from kpi.figures.dropped_days import DaysDropped, dropped_days
from kpi.figures.rollups import slices_to_roll_up
from kpi.figures.slices import write_slice
from kpi.upkeep.migrations import available
from kpi.upkeep.partitions.table_locks import TableBusy
from kpi.upkeep.retention import run
from kpi.upkeep.retention.undo import RetentionError
from mysql_accounts import connect

from tests.sql import old_facts
from tests.sql.old_facts import (
    FIRST,
    JULY,
    TODAY,
    count,
    restored,
    retained,
    stored,
    undo_tables,
    with_settings,
    without_days,
)
from tests.sql.schemas import FACTS
from tests.warehouse import Warehouse

DAILY = FACTS[:3]
OCTOBER = date(2026, 10, 5)
LEDGER = "SELECT id, state FROM kpi_run WHERE state = 'DROPPED' ORDER BY id"


@pytest.fixture(
    scope="module", params=["partitioned", pytest.param("foreign_keys", marks=pytest.mark.long)]
)
def computed(new_warehouse: Callable[..., Warehouse], request: pytest.FixtureRequest) -> Warehouse:
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
    computed.execute(
        "DELETE FROM kpi_run WHERE table_name = 'kpi_tile_cache' AND date_to > '2026-06-01'"
    )
    for (month,) in computed.rows("SELECT DISTINCT month_first FROM kpi_undo WHERE state = 'KEPT'"):
        restored(computed, f"{month:%Y-%m}", over=True)
    computed.execute("DELETE FROM kpi_hold")
    computed.execute("DELETE FROM kpi_undo WHERE state <> 'KEPT'")
    computed.execute("DELETE FROM kpi_run WHERE state = 'RESTORED'")


# -- tables that lie otherwise than new ones


ADD, DROP = "ADD COLUMN note INT NULL, ALGORITHM = INSTANT", "DROP COLUMN note, ALGORITHM = INSTANT"


@pytest.mark.parametrize("how", ["instant column", "row format"])
def test_tables_that_lie_otherwise_than_new_ones_are_rebuilt_once(old: Warehouse, how: str) -> None:
    """Else MySQL refuses to exchange their partitions, error 1731, on every run."""
    if how == "instant column":
        for table in DAILY:
            old.execute(f"ALTER TABLE {table} {ADD}")
    else:
        old.execute("SET GLOBAL innodb_default_row_format = COMPACT")
    try:
        before = stored(old)
        retained(old)
        assert stored(old) == without_days(before, "2026-02")
        restored(old)
        assert stored(old) == before
    finally:
        old.execute("SET GLOBAL innodb_default_row_format = DYNAMIC")
        if how == "instant column":
            for table in DAILY:
                old.execute(f"ALTER TABLE {table} {DROP}")


# -- what goes and what stays


def test_days_of_an_old_month_go_and_its_weeks_and_months_stay(old: Warehouse) -> None:
    before = stored(old)
    decided = retained(old)
    assert {key: one.action for key, one in decided.items()} == {
        (table, "2026-02"): "rewrite" for table in DAILY
    }
    assert stored(old) == without_days(before, "2026-02")
    for table in DAILY:
        one = decided[table, "2026-02"]
        gone = count(before[table]) - count(stored(old)[table])
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
    with_today(old, JULY)
    all_of = [key for key, one in retained(old, JULY, dry_run=True).items() if one.removed]
    with_settings(old, retention_partitions_per_run=4)
    decided = retained(old, JULY)
    assert [key for key, one in decided.items() if one.removed] == all_of[:4]
    assert {month for _, month in all_of[:3]} == {"2026-02"}
    assert {one.reason for key, one in decided.items() if key in all_of[4:]} == {
        "4 in this run are enough"
    }
    assert list(retained(old, JULY)) == all_of[4:]


def test_weeks_months_and_windows_go_by_their_own_settings(old: Warehouse) -> None:
    before = stored(old)
    with_today(old, OCTOBER)
    with_settings(old, retention_months_w=6, retention_months_m=7, retention_months_r=7)
    decided = retained(old, OCTOBER)
    assert decided["kpi_value", "2026-02"].action == "empty"
    assert decided["kpi_plan_gap", "2026-02"].periods == ("W", "M")
    assert decided["kpi_value", "2026-03"].periods == ("D", "W")
    assert "2026-04-30 was not computed for all scopes" in decided["kpi_value", "2026-04"].reason
    assert not any(stored(old, "date_id < '2026-03-01'").values())
    left = stored(old, "date_id BETWEEN '2026-03-01' AND '2026-03-31'")["kpi_value"]
    assert {part.period for part in left} == {"M", "R"}
    for month in ("2026-02", "2026-03"):
        restored(old, month)
    assert stored(old) == before


def test_a_dry_run_shows_it_and_writes_nothing(old: Warehouse) -> None:
    before, ledger = stored(old), old.rows("CHECKSUM TABLE kpi_run, kpi_undo")
    would = retained(old, dry_run=True)
    assert (stored(old), old.rows("CHECKSUM TABLE kpi_run, kpi_undo")) == (before, ledger)
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


@pytest.mark.long
def test_an_undo_table_goes_when_its_time_is_over(old: Warehouse) -> None:
    before = stored(old)
    retained(old)
    names = undo_tables(old)
    old.execute("UPDATE kpi_undo SET keep_until = UTC_TIMESTAMP(6) WHERE state = 'KEPT'")
    retained(old, dry_run=True)
    assert undo_tables(old) == names
    retained(old)
    assert undo_tables(old) == []
    assert stored(old) == without_days(before, "2026-02")
    with pytest.raises(InputError, match="There is nothing to restore for '2026-02'"):
        restored(old)
    compute_again(old)


@pytest.mark.long
def test_what_was_computed_meanwhile_is_replaced_only_when_asked(old: Warehouse) -> None:
    before = old.rows(f"CHECKSUM TABLE {', '.join(FACTS)}")
    retained(old)
    old.facts(FIRST)
    meanwhile = stored(old)
    with pytest.raises(
        RetentionError, match=r"that were computed since they were removed; .*restore_over"
    ):
        restored(old)
    assert stored(old) == meanwhile
    restored(old, over=True)
    assert old.rows(f"CHECKSUM TABLE {', '.join(FACTS)}") == before
    # The ledger says that a day was computed after its week and month: they are to be looked at again.
    old.execute("DELETE FROM kpi_hold")
    assert {one.action for one in retained(old).values()} == {"keep"}
    old.rollup(FIRST)
    assert {one.action for one in retained(old).values()} == {"rewrite"}


@pytest.mark.long
def test_an_undo_table_that_was_changed_is_refused(old: Warehouse) -> None:
    retained(old)
    [name] = [one for one in undo_tables(old) if "kpi_value" in one]
    old.execute(f"UPDATE {name} SET value_num = value_num + 1 WHERE period = 'D' LIMIT 1")
    there = stored(old)
    with pytest.raises(RetentionError, match="are not those that were removed"):
        restored(old, name)
    assert stored(old) == there
    old.execute(f"UPDATE kpi_undo SET state = 'PURGED' WHERE undo_table = '{name}'")
    old.execute(f"DROP TABLE {name}")
    compute_again(old)


def test_an_undo_table_of_before_measures_were_files_is_restored(old: Warehouse) -> None:
    """Made before the migration, its measure_code is the ENUM of then."""
    before = stored(old)
    old.execute(
        "ALTER TABLE kpi_percentiles MODIFY COLUMN measure_code"
        " ENUM('DELAI_ACQUIS_MICRO', 'DELAI_ACQUIS_COMP', 'DELAI_FEEDBACK') NOT NULL"
    )
    retained(old)
    for migration in available(old.settings.sql_dir, old.settings.storage):
        if migration.name == "0012_measures.sql":
            old.execute(*migration.statements)
    assert stored(old) == without_days(before, "2026-02")
    [name] = [one for one in undo_tables(old) if "kpi_percentiles" in one]
    assert "`measure_code` enum(" in old.rows(f"SHOW CREATE TABLE {name}")[0][1]
    assert name in restored(old)
    assert stored(old) == before


# -- what stands in the way


def test_a_week_that_is_not_complete_keeps_its_month(old: Warehouse) -> None:
    before = stored(old)
    old.execute("DELETE FROM kpi_plan_gap WHERE period = 'W' AND date_id = '2026-03-01' LIMIT 1")
    there = count(before["kpi_plan_gap"])
    decided = retained(old)
    assert {one.action for one in decided.values()} == {"keep"}
    [reason] = {one.reason for one in decided.values()}
    assert reason.startswith("the week 2026-02-23 to 2026-03-01 has ")
    assert reason.endswith("trigger kpi_rollup for 2026-03-01")
    old.rollup(date(2026, 3, 1))
    assert count(stored(old)["kpi_plan_gap"]) == there
    assert {one.action for one in retained(old).values()} == {"rewrite"}


def test_a_day_that_changed_after_its_weeks_keeps_its_month(old: Warehouse) -> None:
    old.execute("DELETE FROM kpi_value WHERE period = 'D' AND date_id = '2026-02-20' LIMIT 1")
    old.facts(date(2026, 2, 20))
    [reason] = {one.reason for one in retained(old).values()}
    assert reason.startswith(
        "the week 2026-02-16 to 2026-02-22 of kpi_value is older than its days"
    )
    old.rollup(date(2026, 2, 20))
    assert {one.action for one in retained(old).values()} == {"rewrite"}


def test_a_day_never_computed_keeps_its_month(old: Warehouse) -> None:
    old.execute(
        "UPDATE kpi_run SET scopes = 'GROUPE' WHERE date_to = '2026-03-01' AND period = 'D'"
    )
    [reason] = {one.reason for one in retained(old).values()}
    assert "2026-03-01 was not computed for all scopes; trigger kpi_backfill" in reason
    old.execute("UPDATE kpi_run SET scopes = NULL WHERE date_to = '2026-03-01' AND period = 'D'")


def test_a_hold_keeps_its_dates_until_it_runs_out(old: Warehouse) -> None:
    old.execute(
        "INSERT INTO kpi_hold (held_by, date_from, date_to, held_until) VALUES"
        " ('yearly report', '2026-02-28', '2026-03-31', UTC_TIMESTAMP() + INTERVAL 1 HOUR)"
    )
    before = stored(old)
    [reason] = {one.reason for one in retained(old).values()}
    assert reason.startswith("yearly report holds 2026-02-28 to 2026-03-31 until ")
    assert stored(old) == before
    old.execute("UPDATE kpi_hold SET held_until = UTC_TIMESTAMP() - INTERVAL 1 SECOND")
    assert {one.action for one in retained(old).values()} == {"rewrite"}


@pytest.mark.parametrize(
    "slice_",
    [
        ("kpi_value", "D", "2026-02-20"),
        ("kpi_plan_gap", "W", "2026-03-01"),
        ("kpi_value", "R", "2026-03-29"),
    ],
)
def test_a_month_being_written_is_left(old: Warehouse, slice_: tuple[str, str, str]) -> None:
    name = lock_name(old.name, *slice_)
    old.rows("SELECT GET_LOCK(%s, 0)", (name,))
    decided = retained(old)
    old.rows("SELECT RELEASE_ALL_LOCKS()")
    reason = decided["kpi_value", "2026-02"].reason
    assert (
        f"kpi_value 2026-02 is left for the next run: {slice_[0]} {slice_[1]} of {slice_[2]}"
        in reason
    )
    assert retained(old)["kpi_value", "2026-02"].action == "rewrite"


@pytest.mark.parametrize(
    ("today", "said"),
    [
        (date(2126, 6, 5), "a day that kpi_time has not"),
        (date(2019, 6, 5), "before 2020-01-01, so the clock is wrong"),
        (date(2026, 12, 5), "more than 62 days from 2026-06-01, the last day in kpi_run"),
        (date(2025, 12, 5), "more than 62 days from 2026-06-01, the last day in kpi_run"),
    ],
)
def test_a_wrong_clock_drops_nothing(old: Warehouse, today: date, said: str) -> None:
    before = stored(old)
    for dry_run in (True, False):
        with pytest.raises(InputError, match=said):
            retained(old, today, dry_run=dry_run)
        with pytest.raises(InputError, match=said):
            run.cut(today, old.settings, Author(), dry_run=dry_run)
    assert stored(old) == before


def test_a_read_only_server_drops_nothing(old: Warehouse) -> None:
    before = stored(old)
    old.execute("SET GLOBAL read_only = ON")
    try:
        for work in (
            lambda: retained(old),
            lambda: run.cut(TODAY, old.settings, Author(), dry_run=False),
            lambda: restored(old),
        ):
            with pytest.raises(ConnectionProblem, match="is read-only"):
                work()
        assert retained(old, dry_run=True)
    finally:
        old.execute("SET GLOBAL read_only = OFF")
    assert stored(old) == before


def test_a_reader_that_does_not_end_is_waited_for(old: Warehouse) -> None:
    """Its metadata lock stops the exchange, not the deletion of rows."""
    before, ledger = stored(old), old.rows(LEDGER)
    with connect(old.root_uri) as reader, reader.cursor() as cursor:
        cursor.execute(f"USE {old.name}")
        reader.autocommit = False
        cursor.execute("SELECT COUNT(*) FROM kpi_percentiles")
        cursor.fetchall()
        if old.settings.storage == "partitioned":
            with pytest.raises(
                TableBusy, match="kpi_percentiles did not become free in 2 attempts of 1 s"
            ):
                retained(old)
            assert stored(old) == before
            assert undo_tables(old) == []
            assert old.rows(LEDGER) == ledger
        reader.rollback()
    retained(old)
    assert stored(old) == without_days(before, "2026-02")


# -- what is told by removed days


def test_weeks_months_and_windows_of_removed_days_stay_as_they_were(
    old: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    retained(old)
    after = stored(old)
    written = old.rollup(FIRST, date(2026, 3, 20))
    assert stored(old) == after
    assert written["kpi_plan_gap M"] == Written(0, 0, 0, written["kpi_plan_gap M"].unchanged)
    said = "kpi_value W of 2026-03-01 stay as before: retention removed days"
    told = [line for line in caplog.messages if "stay as before" in line]
    assert any(line.startswith(said) for line in told), told
    parts = slices_to_roll_up("kpi_value", "R", FIRST, date(2026, 3, 31), old.settings)
    assert min(parts[0].dates) == date(2026, 3, 30), "the first whose 30 days are all there"


def test_a_rollup_planned_before_is_refused_after(old: Warehouse) -> None:
    planned = {
        period: slices_to_roll_up("kpi_value", period, FIRST, FIRST, old.settings)
        for period in "WMR"
    }
    retained(old)
    after = stored(old)
    for period, parts in planned.items():
        path = "facts/kpi_value/windows.sql" if period == "R" else "facts/kpi_value/closing.sql"
        with pytest.raises(DaysDropped, match="stay as they are; clear the task"):
            write_slice(parts[0], old.script(path), old.settings, Author())
    assert stored(old) == after


@pytest.mark.long
def test_days_computed_again_are_rolled_up_again(old: Warehouse) -> None:
    before = stored(old)
    retained(old)
    old.fact_range(FIRST, date(2026, 2, 20))
    after = stored(old)
    old.rollup(FIRST, date(2026, 2, 20))
    assert stored(old) == after, "the week to the 15th, whole again, is what it was"
    assert len(slices_to_roll_up("kpi_value", "W", FIRST, FIRST, old.settings)) == 1
    assert slices_to_roll_up("kpi_value", "M", FIRST, FIRST, old.settings) == []
    old.fact_range(date(2026, 2, 21), date(2026, 2, 28))
    assert len(slices_to_roll_up("kpi_value", "M", FIRST, FIRST, old.settings)) == 1
    old.rollup(FIRST, date(2026, 3, 1))
    assert {table: count(parts) for table, parts in stored(old).items()} == {
        table: count(parts) for table, parts in before.items()
    }


@pytest.mark.long
def test_restoring_a_second_removal_leaves_the_first_ones_days_removed(old: Warehouse) -> None:
    retained(old)
    old.execute("UPDATE kpi_undo SET keep_until = UTC_TIMESTAMP(6) WHERE state = 'KEPT'")
    old.fact_range(FIRST, date(2026, 2, 15))
    old.rollup(FIRST)
    retained(old)
    restored(old)
    assert dropped(old) == [date(2026, 2, day) for day in range(16, 29)]
    compute_again(old)


def dropped(old: Warehouse) -> list[date]:
    with session(ETL) as etl:
        return dropped_days(etl, date(2026, 2, 1), date(2026, 3, 31), old.settings)


def compute_again(old: Warehouse) -> None:
    """For the tests after one that left nothing to restore."""
    old.fact_range(FIRST, date(2026, 2, 28))
    old.rollup(FIRST, date(2026, 3, 30))


def with_today(old: Warehouse, today: date) -> None:
    old_facts.computed_until(old, str(today))
