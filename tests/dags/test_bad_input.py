"""Bad input: at once one sentence with the thing and the way out, and the database as it was."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.dags import school
from tests.dags.airflow_process import Outcome
from tests.dags.conftest import Operated
from tests.dags.test_daily import METRIC

REPLAY = school.params(school.SECOND_NIGHT)


@pytest.fixture(scope="module")
def sound(operated: Operated) -> Operated:
    """A database with one good night in it, and a source ready for the next."""
    operated.warehouse.load_source(school.source(school.FIRST_NIGHT))
    operated.warehouse.night(school.FIRST_NIGHT)
    operated.warehouse.load_source(school.source(school.SECOND_NIGHT))
    return operated


def refused(
    operated: Operated,
    conf: dict[str, Any] | None = None,
    environment: dict[str, str | None] | None = None,
    dag_id: str = "kpi_daily",
    **run: Any,
) -> str:
    """Run a DAG that must fail by one sentence and leave every row; return the sentence."""
    before = operated.checksums("kpi_alert")
    outcome = operated.run(dag_id, REPLAY if conf is None else conf, environment, **run)
    assert outcome.state in ("", "failed"), outcome.tasks
    assert set(outcome.tries.values()) <= {0, 1}, "not tried again"
    assert operated.checksums("kpi_alert") == before
    assert_nothing_else_ran(outcome)
    sentence = outcome.message
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


def assert_nothing_else_ran(outcome: Outcome) -> None:
    if outcome.tasks:
        assert outcome.log.count(outcome.message) >= 1, "the log says it"
        after = {state for task, state in outcome.tasks.items() if task not in outcome.order}
        assert after <= {"upstream_failed"}


def connection(operated: Operated, conn_id: str, **changes: Any) -> dict[str, str | None]:
    """Return the environment in which a connection is like the warehouse's but for some values."""
    changed = operated.warehouse.connections[conn_id] | changes
    return {f"AIRFLOW_CONN_{conn_id.upper()}": json.dumps(changed)}


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_all_is_well_without_a_fault(sound: Operated) -> None:
    assert sound.run("kpi_daily", school.params(school.FIRST_NIGHT)).state == "success"


# -- the date and the clock


def test_no_date(sound: Operated) -> None:
    assert refused(sound, {}).startswith("This run has no date; trigger it with the param date (")


def test_a_date_in_the_future(sound: Operated) -> None:
    assert refused(sound, {"date": "2099-01-01"}).startswith(
        "The date 2099-01-01 lies in the future (today is "
    )


@pytest.mark.parametrize("text", ["2026-02-30", "15/02/2026", "2026-2-3", "hier"])
def test_a_malformed_date_makes_no_run(sound: Operated, text: str) -> None:
    before = sound.checksums("kpi_alert")
    outcome = sound.run("kpi_daily", {"date": text})
    assert outcome.tasks == {}
    assert outcome.refused.startswith(f"Invalid input for param date: '{text}' is not a 'date'\n")
    assert "YYYY-MM-DD" in outcome.refused
    assert sound.checksums("kpi_alert") == before


def test_a_partition_key_that_is_no_day(sound: Operated) -> None:
    assert refused(sound, {}, partition_key="2026-W07") == (
        "The date '2026-W07' is not a day; write it as YYYY-MM-DD, 2026-02-15 for instance."
    )


def test_a_day_that_kpi_time_lacks(sound: Operated) -> None:
    sentence = refused(sound, {"date": "2025-07-20", "captured_at": "2025-07-21T01:30:00+00:00"})
    assert sentence.startswith("kpi_time has no row for 2025-07-14; trigger kpi_time_dimension ")


@pytest.mark.parametrize(
    ("instant", "beginning"),
    [
        ("2026-02-16 at dawn", "The instant '2026-02-16 at dawn' is not an ISO 8601 instant"),
        ("2026-02-16T01:30:00", "The instant '2026-02-16T01:30:00' is not an ISO 8601 instant"),
        ("2099-01-01T00:00:00+00:00", "The capture instant 2099-01-01 00:00:00+00:00 lies in the"),
        ("2026-02-14T00:00:00+00:00", "The capture instant 2026-02-14 00:00:00+00:00 lies before"),
    ],
)
def test_a_capture_instant_that_cannot_be(sound: Operated, instant: str, beginning: str) -> None:
    conf = REPLAY | {"captured_at": instant}
    assert refused(sound, conf).startswith(beginning)


@pytest.mark.parametrize("hours", [-24, 24])
def test_a_clock_that_mysqls_contradicts(sound: Operated, hours: int) -> None:
    other = f"SET SESSION timestamp = UNIX_TIMESTAMP(SYSDATE()) + {3600 * hours}"
    sound.warehouse.execute("SET GLOBAL init_connect = %s", (other,))
    try:
        sentence = refused(sound)
    finally:
        sound.warehouse.execute("SET GLOBAL init_connect = ''")
    assert sentence.startswith("The clock of this machine says 20")
    assert "that of the server of kpi_etl 20" in sentence


def test_a_last_capture_in_the_future(sound: Operated) -> None:
    """As after a night whose clock was wrong: no later one would capture anything."""
    moved = "UPDATE kpi_run SET watermark = watermark {} INTERVAL 10 YEAR WHERE period IS NULL"
    sound.warehouse.execute(moved.format("+"))
    try:
        sentence = refused(sound)
    finally:
        sound.warehouse.execute(moved.format("-"))
    assert sentence.startswith("The last capture is dated 2036-02-15 01:30:00 UTC, in the future, ")


# -- connections and rights


@pytest.mark.parametrize("conn_id", ["kpi_source", "kpi_etl"])
def test_a_missing_connection(sound: Operated, conn_id: str) -> None:
    name = f"AIRFLOW_CONN_{conn_id.upper()}"
    assert refused(sound, environment={name: None}).startswith(
        f"The Airflow connection '{conn_id}' is missing; create it in the UI (Admin, Connections) "
        f"or as {name}, with the account"
    )


@pytest.mark.parametrize(
    ("extra", "driver"), [({}, "mysqlclient"), ({"client": "pymysql"}, "pymysql")]
)
def test_another_driver(sound: Operated, extra: dict[str, str], driver: str) -> None:
    assert refused(sound, environment=connection(sound, "kpi_etl", extra=extra)) == (
        f"The Airflow connection 'kpi_etl' uses the driver '{driver}'; "
        'set its extra to {"client": "mysql-connector-python"}.'
    )


@pytest.mark.parametrize("conn_id", ["kpi_source", "kpi_etl"])
def test_a_server_that_does_not_answer(sound: Operated, conn_id: str) -> None:
    port = closed_port()
    sentence = refused(sound, environment=connection(sound, conn_id, port=port))
    assert sentence.startswith(f"The MySQL server 127.0.0.1:{port} of connection {conn_id} does")
    assert sentence.endswith("start it, or correct the connection's host and port.")


@pytest.mark.parametrize("conn_id", ["kpi_source", "kpi_etl"])
def test_a_wrong_password(sound: Operated, conn_id: str) -> None:
    login = sound.warehouse.connections[conn_id]["login"]
    # Airflow masks a connection's password wherever it shows text: so no word that occurs in SQL.
    changes = connection(sound, conn_id, password="Not-this-1")
    sentence = refused(sound, environment=changes)
    assert f"refuses the account '{login}' of connection {conn_id}" in sentence
    assert "correct its password" in sentence


@pytest.mark.parametrize("conn_id", ["kpi_source", "kpi_etl"])
def test_a_connection_without_schema(sound: Operated, conn_id: str) -> None:
    assert refused(sound, environment=connection(sound, conn_id, schema="")).startswith(
        f"The Airflow connection '{conn_id}' names no schema; put the database's name into it, "
    )


@pytest.mark.parametrize("conn_id", ["kpi_source", "kpi_etl"])
def test_a_connection_to_a_schema_that_is_not_there(sound: Operated, conn_id: str) -> None:
    sentence = refused(sound, environment=connection(sound, conn_id, schema="nowhere"))
    assert sentence.startswith(f"The schema 'nowhere' of connection {conn_id} does not exist on ")


def test_an_account_that_may_only_read(sound: Operated) -> None:
    reader = json.dumps(sound.warehouse.connections["kpi_read"])
    sentence = refused(sound, environment={"AIRFLOW_CONN_KPI_ETL": reader})
    assert "of connection kpi_etl lacks a right" in sentence
    assert "docs/accounts.sql" in sentence


def test_the_calendar_needs_the_source_and_a_writer(sound: Operated) -> None:
    calendar = {"conf": {}, "dag_id": "kpi_time_dimension"}
    sentence = refused(sound, environment={"AIRFLOW_CONN_KPI_SOURCE": None}, **calendar)
    assert sentence.startswith("The Airflow connection 'kpi_source' is missing; create it ")
    reader = json.dumps(sound.warehouse.connections["kpi_read"])
    sentence = refused(sound, environment={"AIRFLOW_CONN_KPI_ETL": reader}, **calendar)
    assert "of connection kpi_etl lacks a right (INSERT, UPDATE command denied" in sentence


def test_a_source_closed_to_the_account(sound: Operated) -> None:
    login = sound.warehouse.connections["kpi_read"]["login"]
    reader = {"login": login, "schema": sound.warehouse.name}
    sentence = refused(sound, environment=connection(sound, "kpi_source", **reader))
    assert f"The source schema '{sound.warehouse.name}' has no table" in sentence


def test_a_source_on_the_same_server_that_the_writer_may_not_read(sound: Operated) -> None:
    with revoked(sound, "SELECT", sound.warehouse.source_name):
        sentence = refused(sound)
    assert sentence.startswith("Source and KPI database are on one server, and the account ")
    assert f"cannot read the source schema '{sound.warehouse.source_name}'; grant it" in sentence


def test_a_writer_without_temporary_tables(sound: Operated) -> None:
    with revoked(sound, "CREATE TEMPORARY TABLES", sound.warehouse.name):
        sentence = refused(sound)
    assert "of connection kpi_etl lacks a right" in sentence


@pytest.mark.parametrize("switch", ["read_only", "super_read_only"])
def test_a_server_in_read_only_mode(sound: Operated, switch: str) -> None:
    sound.warehouse.execute(f"SET GLOBAL {switch} = ON")
    try:
        sentence = refused(sound)
    finally:
        sound.warehouse.execute("SET GLOBAL super_read_only = OFF")
        sound.warehouse.execute("SET GLOBAL read_only = OFF")
    assert sentence.startswith(
        "The server of connection kpi_etl is read-only; point the connection"
    )


# -- settings and files


def test_an_unknown_adapter(sound: Operated) -> None:
    sentence = refused(sound, environment={"KPI_SOURCE_ADAPTER": "nope"})
    assert sentence.startswith("There is no source adapter 'nope' in ")
    assert "; set KPI_SOURCE_ADAPTER to one of: " in sentence


def test_a_metric_header_with_a_wrong_key(sound: Operated, overlaid: Callable[..., str]) -> None:
    wrong = METRIC.format(code="WRONG", expression="1").replace("unit:", "unite:")
    folder = overlaid({"facts/kpi_value/WRONG.sql": wrong})
    sentence = refused(sound, environment={"KPI_SQL_DIR": folder})
    assert sentence.startswith(f"The header of {folder}/facts/kpi_value/WRONG.sql is wrong: ")
    assert "unknown key 'unite' (the keys are code, label, unit," in sentence


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("KPI_TIMEZONE", "Mars/Base", "'Mars/Base' is not a time zone of the tz database"),
        ("KPI_SQL_DIR", "/nowhere", "'/nowhere' holds no schema/ folder of SQL files"),
        ("KPI_STORAGE", "sharded", "Input should be 'partitioned' or 'foreign_keys'"),
        ("KPI_LOCK_WAIT_SECONDS", "long", "Input should be a valid integer"),
        ("KPI_SOURCE_ADAPTER", "../etc", "String should match pattern"),
    ],
)
def test_a_wrong_setting_shows_as_import_error(
    sound: Operated, variable: str, value: str, reason: str
) -> None:
    before = sound.checksums("kpi_alert")
    outcome = sound.run("kpi_daily", REPLAY, {variable: value})
    last_line = outcome.refused.strip().splitlines()[-1]
    assert last_line.startswith(
        "kpi.core.settings.SettingsError: Settings are wrong, correct them and start again: "
        f"{variable}='{value}': "
    )
    assert reason in last_line
    assert sound.checksums("kpi_alert") == before


def test_another_storage_mode_than_the_database_has(sound: Operated) -> None:
    assert refused(sound, environment={"KPI_STORAGE": "foreign_keys"}) == (
        "The database was made with 0002_facts.partitioned.sql, not 0002_facts.foreign_keys.sql; "
        "set KPI_STORAGE to the mode it was made with."
    )


# -- the state of the databases


def test_a_database_without_tables(new_operated: Callable[..., Operated]) -> None:
    empty = new_operated("bare")
    for dag_id, conf in (("kpi_daily", REPLAY), ("kpi_time_dimension", {})):
        assert refused(empty, conf, dag_id=dag_id) == (
            "The schema of 't_bare' lacks 0001_dimensions.sql; "
            "trigger kpi_bootstrap, then this DAG again."
        )


def test_a_calendar_that_was_not_filled(sound: Operated) -> None:
    with undone(sound, "kpi_time"):
        sound.warehouse.execute("DELETE FROM kpi_time")
        sentence = refused(sound)
    assert sentence.startswith("kpi_time has no row for 2026-02-09; trigger kpi_time_dimension ")


def test_a_calendar_of_other_zone_data(sound: Operated) -> None:
    with undone(sound, "kpi_time"):
        sound.warehouse.execute("UPDATE kpi_time SET utc_start = utc_start - INTERVAL 1 HOUR")
        sentence = refused(sound)
    assert sentence == (
        "kpi_time says that 2026-02-09 begins at 2026-02-08 22:00:00 UTC, the zone data say "
        "2026-02-08 23:00:00; trigger kpi_time_dimension and read its log."
    )


def test_a_source_without_a_table(sound: Operated) -> None:
    sound.warehouse.source("RENAME TABLE plan TO plan_before")
    try:
        sentence = refused(sound)
    finally:
        sound.warehouse.source("RENAME TABLE plan_before TO plan")
    assert sentence.startswith(
        f"The source schema '{sound.warehouse.source_name}' has no table 'plan', "
        "which plan.sql of adapter 'contract' reads; point kpi_source at "
    )


def test_a_source_without_a_column(sound: Operated) -> None:
    sound.warehouse.source("ALTER TABLE plan RENAME COLUMN due_on TO due_before")
    try:
        sentence = refused(sound)
    finally:
        sound.warehouse.source("ALTER TABLE plan RENAME COLUMN due_before TO due_on")
    assert sentence.startswith(
        f"The source table '{sound.warehouse.source_name}.plan' has no column 'due_on', "
        "which plan.sql of adapter 'contract' reads; adapt "
    )


def test_a_source_that_gives_one_key_twice(sound: Operated) -> None:
    sound.warehouse.source("INSERT INTO plan SELECT * FROM plan")
    before = sound.checksums("kpi_alert")
    try:
        outcome = sound.run("kpi_daily", REPLAY)
    finally:
        sound.warehouse.load_source(school.source(school.SECOND_NIGHT))
    assert outcome.failed_task == "capture"
    assert outcome.message == (
        "plan.sql of adapter 'contract' gives 2 rows for the key GROUPE:1:4 (scope_type, scope_ref_id, ua_ref_id); "
        "choose one of them there, and list the others in reject.sql."
    )
    assert outcome.tries["capture"] == 1, "it is not tried again"
    assert sound.checksums("kpi_alert") == before


@contextmanager
def revoked(operated: Operated, right: str, database: str) -> Iterator[None]:
    """Take a right on a database from kpi_etl as long as the context lasts."""
    account = f"'{operated.warehouse.connections['kpi_etl']['login']}'@'%'"
    on = f"{right} ON `{database.replace('_', chr(92) + '_')}`.*"
    operated.warehouse.execute(f"REVOKE {on} FROM {account}")
    try:
        yield
    finally:
        operated.warehouse.execute(f"GRANT {on} TO {account}")


@contextmanager
def undone(operated: Operated, table: str) -> Iterator[None]:
    """Put a table's rows back when the context ends."""
    operated.warehouse.execute(f"CREATE TABLE before_{table} AS SELECT * FROM {table}")
    columns = ", ".join(
        name
        for (name,) in operated.warehouse.rows(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE()"
            " AND table_name = %s AND extra NOT LIKE '%%GENERATED%%'",
            (table,),
        )
    )
    try:
        yield
    finally:
        operated.warehouse.execute(f"DELETE FROM {table}")
        operated.warehouse.execute(
            f"INSERT INTO {table} ({columns}) SELECT {columns} FROM before_{table}"
        )
        operated.warehouse.execute(f"DROP TABLE before_{table}")
