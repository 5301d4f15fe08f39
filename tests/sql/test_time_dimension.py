"""kpi_time on a server: filled, repaired, moved by new zone data, and never by old ones."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from kpi.core.errors import KpiError
from kpi.core.settings import PROJECT, Settings
from kpi.upkeep.time_dimension import DAYS_BEFORE, Fill, fill
from mysql_server import PrivateServer

from tests.sql.schemas import bare_databases, migrate, tables
from tests.warehouse import Rows, Warehouse
from tests.worlds import realisation_row

FIRST, TODAY = date(2020, 1, 1), date(2030, 11, 26)
LAST = date(2030, 12, 31)
ALL = "SELECT * FROM kpi_time ORDER BY date_id"


@pytest.fixture(scope="module")
def made(server: PrivateServer, contract_settings: Settings) -> Iterator[Warehouse]:
    """A database whose calendar runs from 2020 to 2030."""
    with bare_databases(server.root_uri, contract_settings) as bare:
        days = {"calendar_start": FIRST, "calendar_days_ahead": (LAST - TODAY).days}
        warehouse = bare("time_dimension", **days)
        warehouse.create_contract_source()
        migrate(warehouse)
        filled = refill(warehouse)
        assert (len(filled.new), filled.unchanged) == (11 * 365 + 3, 0)
        yield warehouse


@pytest.fixture
def calendar(made: Warehouse) -> Iterator[Warehouse]:
    """The calendar from 2020 to 2030, mended after each test."""
    made.use()
    yield made
    made.execute("DELETE FROM kpi_value")
    refill(made)


def refill(warehouse: Warehouse, today: date = TODAY, force: bool = False, **changes: Any) -> Fill:
    upsert = warehouse.render("dimensions/kpi_time.sql")
    first_source_day = warehouse.render("dimensions/first_source_day.sql")
    chosen = warehouse.settings.model_copy(update=changes)
    return fill(upsert, first_source_day, today, force, chosen)


def add_facts(warehouse: Warehouse, *days: str) -> None:
    for day in days:
        warehouse.execute(
            "INSERT INTO kpi_value (date_id, scope_id, target_id, metric_id) VALUES (%s, 1, 1, 1)",
            (day,),
        )


def test_iso_weeks_are_pythons(calendar: Warehouse) -> None:
    rows = calendar.rows("SELECT date_id, iso_year, iso_week, y, m, d, month_label FROM kpi_time")
    assert len(rows) == 11 * 365 + 3
    for day, iso_year, iso_week, y, m, d, month in rows:
        assert (iso_year, iso_week) == day.isocalendar()[:2]
        assert (date(y, m, d), month) == (day, f"{day:%Y-%m}")


def test_iso_weeks_are_mysqls(calendar: Warehouse) -> None:
    assert calendar.rows("SELECT date_id FROM kpi_time WHERE iso_week <> WEEK(date_id, 3)") == []


def test_short_and_long_days_are_those_of_the_zone_data(calendar: Warehouse) -> None:
    rows = calendar.rows(
        "SELECT date_id, TIMESTAMPDIFF(HOUR, utc_start, utc_end) AS hours FROM kpi_time"
        " WHERE date_id >= '2025-01-01' HAVING hours <> 24 ORDER BY date_id"
    )
    assert [(str(day), hours) for day, hours in rows] == [
        ("2025-02-23", 25),
        ("2025-04-06", 23),
        ("2026-02-15", 25),
        ("2026-03-22", 23),
        ("2026-09-20", 25),
    ]


def test_each_day_ends_where_the_next_begins(calendar: Warehouse) -> None:
    apart = calendar.rows(
        "SELECT today.date_id FROM kpi_time AS today LEFT JOIN kpi_time AS following"
        " ON following.date_id = today.date_id + INTERVAL 1 DAY"
        " WHERE NOT (following.utc_start <=> today.utc_end)"
    )
    assert apart == [(LAST,)]


def test_filling_again_writes_nothing(calendar: Warehouse) -> None:
    before = calendar.rows(ALL)
    again = refill(calendar)
    assert again == Fill([], [], [], len(before))
    assert calendar.rows(ALL) == before


def test_a_gap_is_filled(calendar: Warehouse) -> None:
    before = calendar.rows(ALL)
    calendar.execute("DELETE FROM kpi_time WHERE date_id BETWEEN '2026-02-10' AND '2026-02-20'")
    assert len(refill(calendar).new) == 11
    assert calendar.rows(ALL) == before


def test_days_are_added_as_time_goes_by(calendar: Warehouse) -> None:
    later = refill(calendar, today=TODAY + timedelta(days=2))
    assert [str(day.date_id) for day in later.new] == ["2031-01-01", "2031-01-02"]
    calendar.execute("DELETE FROM kpi_time WHERE date_id > %s", (LAST,))


@pytest.mark.parametrize("damage", ["iso_week = 1", "iso_year = 2020", "y = 0", "m = 1", "d = 1"])
def test_a_damaged_day_is_repaired_though_it_has_facts(calendar: Warehouse, damage: str) -> None:
    before = calendar.rows(ALL)
    add_facts(calendar, "2026-09-20")
    calendar.execute(f"UPDATE kpi_time SET {damage} WHERE date_id = '2026-09-20'")
    repaired = refill(calendar)
    assert [str(day.date_id) for day in repaired.repaired] == ["2026-09-20"]
    assert repaired.moved == []
    assert calendar.rows(ALL) == before


def move(warehouse: Warehouse, condition: str) -> Rows:
    """Give days the instants of other zone data; return the calendar as it was."""
    before = warehouse.rows(ALL)
    warehouse.execute(
        "UPDATE kpi_time SET utc_start = utc_start - INTERVAL 1 HOUR,"
        f" utc_end = utc_end - INTERVAL 1 HOUR WHERE {condition}"
    )
    return before


def test_moved_days_without_facts_are_updated_and_reported(calendar: Warehouse) -> None:
    add_facts(calendar, "2026-09-20")
    before = move(calendar, "date_id BETWEEN '2026-09-21' AND '2026-12-31'")
    moved = refill(calendar).moved
    assert [moved[0].date_id, moved[-1].date_id] == [date(2026, 9, 21), date(2026, 12, 31)]
    assert moved[0].utc_start == datetime(2026, 9, 21)
    assert calendar.rows(ALL) == before


def test_moved_days_with_facts_are_refused_unless_forced(calendar: Warehouse) -> None:
    add_facts(calendar, "2026-09-20", "2026-10-01", "2026-10-03")
    before = move(calendar, "date_id BETWEEN '2026-09-21' AND '2026-12-31'")
    damaged = calendar.rows(ALL)
    with pytest.raises(KpiError) as error:
        refill(calendar)
    assert str(error.value) == (
        "The zone data moved 102 days (2026-09-21 to 2026-12-31), of which 2 have facts already "
        '(2026-10-01 to 2026-10-03); trigger kpi_time_dimension with {"force": true}, '
        "then kpi_daily for each of those days."
    )
    assert calendar.rows(ALL) == damaged
    assert len(refill(calendar, force=True).moved) == 102
    assert calendar.rows(ALL) == before


def test_facts_between_moved_days_are_no_obstacle(calendar: Warehouse) -> None:
    add_facts(calendar, "2026-03-01")
    before = move(calendar, "date_id IN ('2026-02-15', '2026-03-22')")
    assert len(refill(calendar).moved) == 2
    assert calendar.rows(ALL) == before


# -- where the calendar begins


@pytest.fixture
def unfilled(calendar: Warehouse) -> Iterator[Warehouse]:
    calendar.execute("DELETE FROM kpi_time")
    yield calendar
    calendar.execute("DELETE FROM kpi_time")
    calendar.load_source({})


def first_day(warehouse: Warehouse, **changes: Any) -> date:
    refill(warehouse, today=date(2026, 2, 15), calendar_days_ahead=10, **changes)
    ((first, last),) = warehouse.rows("SELECT MIN(date_id), MAX(date_id) FROM kpi_time")
    assert last == date(2026, 2, 25)
    return first + timedelta(days=0 if changes["calendar_start"] else DAYS_BEFORE)


@pytest.mark.parametrize("column", ["created_at", "started_at", "finished_at"])
def test_the_first_day_is_that_of_the_sources_earliest_date(
    unfilled: Warehouse, column: str
) -> None:
    typing_slip = realisation_row("UA", 1, 1, created_at=datetime(1, 1, 1), started_at=None)
    early = realisation_row("UA", 2, 1, **{column: datetime(2025, 9, 1, 8)})
    late = realisation_row("UA", 3, 1, created_at=datetime(2025, 10, 1))
    unfilled.load_source({"realisation": [typing_slip, early, late]})
    assert first_day(unfilled, calendar_start=None) == date(2025, 9, 1)


def test_the_setting_goes_before_the_source(unfilled: Warehouse) -> None:
    early = realisation_row("UA", 1, 1, created_at=datetime(2025, 9, 1))
    unfilled.load_source({"realisation": [early]})
    assert first_day(unfilled, calendar_start=date(2026, 1, 1)) == date(2026, 1, 1)


def test_an_empty_source_gives_the_last_days(unfilled: Warehouse) -> None:
    assert first_day(unfilled, calendar_start=None) == date(2026, 2, 5)


def test_an_earlier_first_day_adds_the_days_before(unfilled: Warehouse) -> None:
    assert first_day(unfilled, calendar_start=date(2026, 2, 1)) == date(2026, 2, 1)
    assert first_day(unfilled, calendar_start=date(2026, 1, 1)) == date(2026, 1, 1)
    assert first_day(unfilled, calendar_start=date(2026, 2, 1)) == date(2026, 1, 1)


# -- old zone data

# What a process with old zone data does; prints one line for each operator.
SCRIPT = """
from kpi.operators.bootstrap import BootstrapPreflightOperator
from kpi.operators.daily import PreflightOperator
from kpi.operators.dimensions import TimeDimensionOperator
from kpi.operators.partitions import PartitionMaintenanceOperator, StorageOperator
from kpi.operators.retention import FactRetentionOperator, LedgerRetentionOperator, RestoreOperator
from kpi.operators.rollups import RollupPreflightOperator

night = {"date": "2026-02-15", "captured_at": "2026-02-16T01:30:00+00:00"}
for operator, params in (
    (BootstrapPreflightOperator(task_id="bootstrap"), {}),
    (PreflightOperator(task_id="daily"), night),
    (RollupPreflightOperator(task_id="rollup"), night),
    (TimeDimensionOperator(task_id="time", upsert="x", first_source_day="x"), {}),
    (PartitionMaintenanceOperator(task_id="partitions", sql=""), night),
    (StorageOperator(task_id="storage", sql=""), {"convert_to": "foreign_keys"}),
    (FactRetentionOperator(task_id="facts", sql=""), night),
    (LedgerRetentionOperator(task_id="ledger", sql=""), night),
    (RestoreOperator(task_id="restore", sql=""), {"restore": "2026-02"}),
):
    try:
        operator.execute({"params": params})
    except Exception as error:
        print("REFUSED", operator.task_id, type(error).__name__, error)
"""


def test_old_zone_data_are_refused_before_any_write(calendar: Warehouse, tmp_path: Path) -> None:
    zone = tmp_path / "Africa" / "Casablanca"
    zone.parent.mkdir()
    zone.write_bytes(always_one_hour_ahead())
    checksums = f"CHECKSUM TABLE {', '.join(tables(calendar))}"
    before = calendar.rows(checksums)
    environment = {
        **os.environ,
        "PYTHONTZPATH": str(tmp_path),
        "PYTHONPATH": str(PROJECT / "plugins"),
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "KPI_SQL_DIR": str(calendar.settings.sql_dir),
        "KPI_SOURCE_ADAPTER": "contract",
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
    )
    refusals = [line for line in done.stdout.splitlines() if line.startswith("REFUSED")]
    sentence = (
        "ZoneDataError The time zone data are too old: Africa/Casablanca is +1 h on 2026-11-22 "
        'instead of 0 h; install tzdata>=2026.3 and set PYTHONTZPATH="" so that it is used.'
    )
    tasks = ("bootstrap", "daily", "rollup", "time", "partitions", "storage")
    tasks += ("facts", "ledger", "restore")
    assert refusals == [f"REFUSED {task} {sentence}" for task in tasks]
    assert calendar.rows(checksums) == before


def always_one_hour_ahead() -> bytes:
    """Return a tz file (RFC 8536, version 2) whose only rule is +01, as Morocco's long was."""
    counts = struct.pack(">6l", 0, 0, 0, 0, 1, 4)
    block = struct.pack(">lbb", 3600, 0, 0) + b"+01\0"
    header = b"TZif2" + bytes(15) + counts
    return header + block + header + block + b"\n<+01>-1\n"
