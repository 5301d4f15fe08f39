"""kpi_bootstrap and kpi_time_dimension: from an empty database to one that a night runs on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from kpi.core.settings import Settings

from tests.dags import school
from tests.dags.airflow_process import Outcome
from tests.dags.conftest import Operated
from tests.unit.test_catalog import SEED

pytestmark = pytest.mark.long

MODES = ("partitioned", "foreign_keys")
FACTS = ("kpi_value", "kpi_state_count", "kpi_percentiles", "kpi_plan_gap")


@pytest.fixture(scope="module", params=MODES)
def database(request: pytest.FixtureRequest, new_operated: Callable[..., Operated]) -> Operated:
    """An empty database; the tests bring it on, one after the other."""
    made = new_operated(f"from_nothing_{request.param}", storage=request.param)
    made.warehouse.load_source(school.source(school.FIRST_NIGHT))
    return made


def bootstrap(operated: Operated, **conf: Any) -> Outcome:
    return operated.run("kpi_bootstrap", conf, {"KPI_STORAGE": operated.warehouse.settings.storage})


def test_plan_prints_everything_and_writes_nothing(database: Operated) -> None:
    planned = bootstrap(database, plan=True)
    assert planned.state == "success", planned.failures
    assert database.tables() == []
    storage = database.warehouse.settings.storage
    for table in (*FACTS, "kpi_time", "kpi_src_realisation", "kpi_run"):
        assert f"CREATE TABLE IF NOT EXISTS {table} (" in planned.log
    splits = planned.log.count("REORGANIZE PARTITION p_max INTO (")
    assert splits == (len(FACTS) if storage == "partitioned" else 0)
    assert f"0002_facts.{storage}.sql would run:" in planned.log
    assert "Would register DELAI_ACQUIS_MICRO, DELAI_ACQUIS_MICRO_R7, " in planned.log


def test_bootstrap_makes_tables_metrics_and_partitions(database: Operated) -> None:
    made = bootstrap(database)
    assert made.state == "success", made.failures
    assert set(database.tables()) >= {*FACTS, "kpi_metric", "kpi_time", "kpi_migration", "kpi_run"}
    codes = {code for (code,) in database.warehouse.rows("SELECT code FROM kpi_metric")}
    assert codes >= {row[0] for row in SEED}


def test_a_partition_is_ready_for_every_month_of_the_settings(database: Operated) -> None:
    chosen = database.warehouse.settings
    partitions = database.warehouse.rows(
        "SELECT table_name, COUNT(*), MAX(partition_name = %s) FROM information_schema.partitions"
        " WHERE table_schema = DATABASE() AND partition_name IS NOT NULL GROUP BY table_name",
        (f"p{datetime.now(UTC):%Y%m}",),
    )
    months = chosen.partition_months_back + 1 + chosen.partition_months_ahead
    expected = [] if chosen.storage == "foreign_keys" else [(t, months + 1, 1) for t in FACTS]
    assert sorted(partitions) == sorted(expected)


def test_bootstrap_again_changes_nothing(database: Operated) -> None:
    before = database.checksums()
    again = bootstrap(database)
    assert again.state == "success", again.failures
    assert database.checksums() == before
    assert "Migrations applied: none, all were there." in again.log
    assert again.last_line("metric_dictionary")[1:] == ["0"], "none is new or changed"
    assert again.last_line("first_partitions") == ["nothing"]


def test_plan_on_a_finished_database_has_nothing_to_do(database: Operated) -> None:
    before = database.checksums()
    planned = bootstrap(database, plan=True)
    assert planned.state == "success", planned.failures
    assert "0 migrations would run; nothing was written." in planned.log
    assert planned.last_line("first_partitions") == ["nothing"]
    assert database.checksums() == before


def test_the_calendar_is_filled_from_the_first_source_day(database: Operated) -> None:
    filled = database.run("kpi_time_dimension", {}, mode(database))
    assert filled.state == "success", filled.failures
    (first, last, days), *_ = database.warehouse.rows(
        "SELECT MIN(date_id), MAX(date_id), COUNT(*) FROM kpi_time"
    )
    today = datetime.now(UTC).date()
    assert first == date(2025, 12, 20), "a month before the earliest date of the source"
    assert timedelta(399) <= last - today <= timedelta(401)
    assert days == (last - first).days + 1
    assert filled.last_line("kpi_time") == ["kpi_time", str(days), "0", "0", "0"]


def test_the_calendar_filled_again_is_unchanged(database: Operated) -> None:
    before = database.checksums()
    again = database.run("kpi_time_dimension", {}, mode(database))
    assert again.state == "success", again.failures
    assert database.checksums() == before
    assert again.last_line("kpi_time")[:-1] == ["kpi_time", "0", "0", "0"]


def test_a_night_can_be_run(database: Operated) -> None:
    night = database.run("kpi_daily", school.params(school.FIRST_NIGHT), mode(database))
    assert night.state == "success", night.failures
    assert set(night.tasks.values()) == {"success"}
    ((rows,),) = database.warehouse.rows("SELECT COUNT(*) FROM kpi_value")
    assert rows > 0


def test_without_the_connection_nothing_is_made(new_operated: Callable[..., Operated]) -> None:
    empty = new_operated("without_admin")
    outcome = empty.run("kpi_bootstrap", {}, {"AIRFLOW_CONN_KPI_ADMIN": None})
    assert outcome.failed_task == "preflight"
    assert outcome.message.startswith("The Airflow connection 'kpi_admin' is missing; create it ")
    assert empty.tables() == []


def test_a_half_applied_migration_is_resumed(
    new_operated: Callable[..., Operated],
    overlaid: Callable[..., str],
    contract_settings: Settings,
) -> None:
    halved = new_operated("half_way")
    statements = (
        "ALTER TABLE kpi_run COMMENT 'x';\nDROP TABLE {};\nALTER TABLE kpi_run COMMENT 'y';"
    )
    broken = {"KPI_SQL_DIR": overlaid({"schema/0099_odd.sql": statements.format("kpi_nothing")})}
    first = halved.run("kpi_bootstrap", {}, broken)
    assert first.failed_task == "migrations"
    assert "kpi_nothing" in first.message
    assert first.tries["migrations"] == 1
    second = halved.run("kpi_bootstrap", {}, broken)
    assert second.message == (
        "The migration 0099_odd.sql stopped after 1 of 3 statements; "
        "mend what stopped it (see the task's log), "
        'then trigger kpi_bootstrap with {"resume": true}: every statement can be run again.'
    )
    mended = overlaid({"schema/0099_odd.sql": statements.format("IF EXISTS kpi_nothing")})
    third = halved.run("kpi_bootstrap", {"resume": True}, {"KPI_SQL_DIR": mended})
    assert third.state == "success", third.failures


def mode(operated: Operated) -> dict[str, str | None]:
    return {"KPI_STORAGE": operated.warehouse.settings.storage}
