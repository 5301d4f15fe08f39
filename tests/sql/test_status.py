"""The status read off real tables, with the rights of kpi_read only."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from kpi.core.connections import READ, session
from kpi.core.settings import PROJECT
from kpi.status.judgement import Item
from kpi.status.report import status

from tests.golden import school
from tests.warehouse import Warehouse

NIGHTS = [school.day_of(number) for number in range(3)]
MORNING = datetime.combine(NIGHTS[-1] + timedelta(days=1), datetime.min.time().replace(hour=9))


@pytest.fixture(params=["partitioned", "foreign_keys"])
def watched(request: pytest.FixtureRequest, new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """Three nights, of which the second was not computed."""
    made = new_warehouse(f"status_{request.param}", storage=request.param)
    for number, day in enumerate(NIGHTS):
        made.load_source(school.source(number))
        made.capture(day)
        made.dimensions()
        if number != 1:
            made.facts(day)
    return made


def found(warehouse: Warehouse, instant: datetime = MORNING) -> dict[str, Item]:
    warehouse.use()
    return {item.key: item for item in status(instant, warehouse.settings)}


def test_nights_gaps_changes_partitions_and_versions_are_read(watched: Warehouse) -> None:
    watched.execute(
        "INSERT INTO kpi_change (domain, learner_id, occurred_at, done_at)"
        " VALUES ('UA', 1, %s, NULL), ('UA', 2, '2026-01-01', '2026-01-02')",
        (MORNING - timedelta(hours=5),),
    )
    items = found(watched)
    levels = {key: (item.level, item.value) for key, item in items.items()}
    assert levels["last_night"] == ("green", str(NIGHTS[-1]))
    assert levels["gaps"] == ("amber", "1")
    assert str(NIGHTS[1]) in items["gaps"].detail_en
    assert levels["failures"] == ("green", "0")
    assert levels["backlog"] == ("amber", "1")
    assert levels["schema"] == ("green", newest_migration())
    assert levels["zone_data"][0] == "green"
    if watched.settings.storage == "partitioned":
        # The test's partitions reach to the end of its calendar.
        assert levels["partitions"][0] == "green"
    else:
        assert levels["partitions"] == ("green", "–")


def newest_migration() -> str:
    """Return the name of the schema's newest migration."""
    return max((PROJECT / "include" / "sql" / "schema").glob("*.sql")).name.split(".")[0]


def test_rows_in_the_catch_all_are_counted(
    new_warehouse: Callable[..., Warehouse],
) -> None:
    made = new_warehouse("status_catch_all")
    made.execute(
        "INSERT INTO kpi_plan_gap (date_id, period, scope_id, target_id) VALUES ('2027-03-07', 'W', 1, 1)"
    )
    item = found(made)["partitions"]
    assert item.level == "amber"
    assert item.detail_en.endswith("rows in the catch-all: kpi_plan_gap 1.")


def test_a_schema_that_is_not_there_is_red_and_hides_the_rest(
    new_warehouse: Callable[..., Warehouse],
) -> None:
    made = new_warehouse("status_old")
    made.execute("DELETE FROM kpi_migration WHERE version = 8")
    items = found(made)
    assert set(items) == {"schema", "zone_data", "package"}
    assert items["schema"].level == "red"
    assert "lacks 0008_alerts.sql; trigger kpi_bootstrap" in items["schema"].detail_en


def test_a_server_that_does_not_answer_is_an_item_and_no_error(
    watched: Warehouse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    watched.use()
    monkeypatch.setenv(
        "AIRFLOW_CONN_KPI_READ", "mysql://nobody:x@127.0.0.1:1/kpi?client=mysql-connector-python"
    )
    items = {item.key: item for item in status(MORNING, watched.settings)}
    assert set(items) == {"database", "zone_data", "package"}
    assert items["database"].level == "red"
    assert "of connection kpi_read does not answer" in caplog.text


def test_the_oldest_dates_are_found_without_reading_all_rows(watched: Warehouse) -> None:
    """Each date and period is looked up once by the unique key: the plan skips from one to the next."""
    watched.use()
    with session(READ) as read:
        sql = (PROJECT / "include" / "sql" / "status" / "oldest.sql").read_text()
        plan = read.rows("EXPLAIN FORMAT=TREE " + sql.replace("{{ table }}", "kpi_value"))
    assert "index skip scan for deduplication on kpi_value using uq_val" in plan[0][0]
