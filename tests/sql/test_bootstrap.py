"""Migrations and partitions: applied once, stopped, resumed, two at a time, and no row lost."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from kpi.core.connections import ADMIN, session
from kpi.core.errors import ConnectionProblem, KpiError
from kpi.core.locks import lock_name
from kpi.core.settings import Settings
from kpi.operators.bootstrap import FirstPartitionsOperator
from kpi.upkeep import migrations
from kpi.upkeep.migrations import MigrationError
from mysql.connector.errors import Error, ProgrammingError
from mysql_server import PrivateServer

from tests.sql.schemas import FACTS, bare_databases, layout, make_partitions, migrate, tables
from tests.warehouse import Warehouse

MODES = ("partitioned", "foreign_keys")
MONTHS = [date(2025, 12, 1), date(2026, 1, 1), date(2026, 2, 1)]
BROKEN = "CREATE TABLE IF NOT EXISTS kpi_later (a INT);\nSELECT nothing;\nDROP TABLE kpi_later;\n"
MENDED = BROKEN.replace("nothing", "1")


@pytest.fixture
def empty(server: PrivateServer, contract_settings: Settings) -> Iterator[Callable[..., Warehouse]]:
    """Make a database without tables, in place of the one before."""
    with bare_databases(server.root_uri, contract_settings) as make:
        yield partial(make, "bootstrap")


@pytest.fixture
def sql_copy(contract_settings: Settings, tmp_path: Path) -> Path:
    """The project's SQL with migrations of the test's own, to add to and change."""
    for path in contract_settings.sql_dir.iterdir():
        if path.name != "schema":
            (tmp_path / path.name).symlink_to(path)
    shutil.copytree(contract_settings.sql_dir / "schema", tmp_path / "schema")
    return tmp_path


# -- migrations


@pytest.mark.parametrize("storage", MODES)
def test_a_second_time_there_is_nothing_to_do(
    empty: Callable[..., Warehouse], storage: str
) -> None:
    made = empty(storage=storage)
    applied = migrate(made)
    assert applied[:2] == ["0001_dimensions.sql", f"0002_facts.{storage}.sql"]
    ledger = "SELECT * FROM kpi_migration ORDER BY version"
    before = made.rows(ledger)
    assert [name for _, name, *_ in before] == applied
    assert migrate(made) == []
    assert made.rows(ledger) == before


@pytest.mark.parametrize("storage", MODES)
def test_every_migration_can_be_run_again(empty: Callable[..., Warehouse], storage: str) -> None:
    made = empty(storage=storage)
    applied = migrate(made)
    made.execute("UPDATE kpi_migration SET finished_at = NULL, statements_done = 0")
    before = [made.rows(f"SHOW CREATE TABLE {table}") for table in tables(made)]
    assert migrate(made, resume=True) == applied
    assert [made.rows(f"SHOW CREATE TABLE {table}") for table in tables(made)] == before


def test_the_other_storage_mode_is_refused_on_a_database_that_has_one(
    empty: Callable[..., Warehouse],
) -> None:
    made = empty(storage="partitioned")
    migrate(made)
    before = tables(made)
    made.settings = made.settings.model_copy(update={"storage": "foreign_keys"})
    with pytest.raises(MigrationError, match="set KPI_STORAGE to the mode it was made with"):
        migrate(made)
    assert tables(made) == before


def test_a_changed_migration_stops_everything_before_it_begins(
    empty: Callable[..., Warehouse], sql_copy: Path
) -> None:
    made = empty(sql_dir=sql_copy)
    migrate(made)
    (sql_copy / "schema" / "0097_more.sql").write_text("CREATE TABLE kpi_more (a INT);")
    with (sql_copy / "schema" / "0003_history.sql").open("a") as file:
        file.write("-- an afterthought\n")
    with pytest.raises(MigrationError, match=r"0003_history.sql was changed after it was applied;"):
        migrate(made)
    assert "kpi_more" not in tables(made)


def test_one_that_stops_half_way_is_refused_until_it_is_resumed(
    empty: Callable[..., Warehouse], sql_copy: Path
) -> None:
    made = empty(sql_dir=sql_copy)
    file = sql_copy / "schema" / "0097_more.sql"
    file.write_text(BROKEN)
    with pytest.raises(ProgrammingError, match="Unknown column 'nothing'"):
        migrate(made)
    half = (
        "SELECT statements, statements_done, finished_at IS NULL"
        " FROM kpi_migration WHERE version = 97"
    )
    assert made.rows(half) == [(3, 1, 1)]
    with pytest.raises(
        MigrationError, match=r"0097_more.sql stopped after 1 of 3 statements; mend"
    ):
        migrate(made)
    with pytest.raises(ProgrammingError, match="Unknown column 'nothing'"):
        migrate(made, resume=True)
    file.write_text(MENDED)
    with pytest.raises(MigrationError, match="stopped after 1 of 3 statements"):
        migrate(made)
    assert migrate(made, resume=True) == ["0097_more.sql"]
    assert made.rows(half) == [(3, 3, 0)]
    assert "kpi_later" not in tables(made)
    assert migrate(made) == []


def test_a_process_that_dies_half_way_leaves_the_same_trace(
    empty: Callable[..., Warehouse], sql_copy: Path
) -> None:
    made = empty(sql_dir=sql_copy)
    wait = "CREATE TABLE IF NOT EXISTS kpi_later (a INT);\nDO SLEEP(30);\nDROP TABLE kpi_later;\n"
    (sql_copy / "schema" / "0097_more.sql").write_text(wait)

    def die() -> None:
        with contextlib.suppress(Error):
            migrate(made)

    dying = threading.Thread(target=die)
    dying.start()
    query = "SELECT id FROM information_schema.processlist WHERE info LIKE 'DO SLEEP(30)%%'"
    (connection,) = until(lambda: made.rows(query))
    made.execute(f"KILL {connection[0]}")
    dying.join()
    with pytest.raises(MigrationError, match=r"0097_more.sql stopped after 1 of 3 statements"):
        migrate(made)
    (sql_copy / "schema" / "0097_more.sql").write_text(wait.replace("30", "0"))
    assert migrate(made, resume=True) == ["0097_more.sql"]


def test_a_migration_of_a_newer_package_is_refused(empty: Callable[..., Warehouse]) -> None:
    made = empty()
    migrate(made)
    made.execute(
        "INSERT INTO kpi_migration SELECT 99, '0099_y.sql', checksum, 1, 1, started_at, finished_at"
        " FROM kpi_migration WHERE version = 1"
    )
    with pytest.raises(MigrationError, match=r"has migration 0099_y.sql, which this package lacks"):
        migrate(made)


def test_an_upgrade_keeps_all_rows(empty: Callable[..., Warehouse], sql_copy: Path) -> None:
    made = empty(sql_dir=sql_copy)
    migrate(made)
    made.register_metrics()
    made.execute("INSERT INTO kpi_scope (scope_type, label) VALUES ('GLOBAL', 'Tous')")
    made.execute("INSERT INTO kpi_target (target_type, label) VALUES ('GLOBAL', 'Tout')")
    made.execute(
        "INSERT INTO kpi_value (date_id, scope_id, target_id, metric_id, value_num)"
        " VALUES ('2026-02-15', 1, 1, 1, 73.25), ('2026-02-16', 1, 1, 1, 74)"
    )
    before = {table: made.rows(f"SELECT * FROM {table}") for table in tables(made)}
    (sql_copy / "schema" / "0097_more.sql").write_text(
        "ALTER TABLE kpi_value ADD COLUMN note INT NULL, ALGORITHM = INPLACE;"
    )
    assert migrate(made) == ["0097_more.sql"]
    after = {table: made.rows(f"SELECT * FROM {table}") for table in tables(made)}
    assert after["kpi_value"] == [(*row, None) for row in before["kpi_value"]]
    unchanged = set(before) - {"kpi_value", "kpi_migration"}
    assert {table: after[table] for table in unchanged} == {t: before[t] for t in unchanged}
    assert after["kpi_migration"][:-1] == before["kpi_migration"]


def taken_away(sql_dir: Path, first: str) -> dict[Path, str]:
    """Take the migrations from a number on away, as in an older package; return their texts by path."""
    later = [path for path in (sql_dir / "schema").glob("*.sql") if path.name >= first]
    texts = {path: path.read_text() for path in later}
    for path in later:
        path.unlink()
    return texts


@pytest.mark.parametrize("storage", MODES)
def test_submissions_of_before_kinds_keep_their_rows(
    empty: Callable[..., Warehouse], sql_copy: Path, storage: str
) -> None:
    """Two learners under one id are kept then; a task is what the one adapter of that time gave."""
    later = taken_away(sql_copy, "0010")
    made = empty(sql_dir=sql_copy, storage=storage)
    migrate(made)
    rows = [(7, "GLOBAL", 0, 1), (7, "UA", 1, 1), (8, "UA", 1, 2)]
    at = datetime(2026, 2, 15, 9)
    for row in rows:
        made.execute(
            "INSERT INTO kpi_src_feedback (submission_id, target_type, target_ref_id, learner_id,"
            " submitted_at, captured_at) VALUES (%s, %s, %s, %s, %s, %s)",
            (*row, at, at),
        )
    for path, text in later.items():
        path.write_text(text)
    migrate(made)
    made.execute(
        "INSERT INTO kpi_src_feedback (kind, submission_id, learner_id, target_type, target_ref_id,"
        " submitted_at, captured_at) VALUES ('QUIZ', 7, 1, 'UA', 1, %s, %s),"
        " ('TACHE', 7, 2, 'UA', 1, %s, %s)",
        (at,) * 4,
    )
    assert made.rows(
        "SELECT kind, submission_id, target_type, target_ref_id, learner_id, submitted_at"
        " FROM kpi_src_feedback ORDER BY 1, 2, 5, 3"
    ) == [
        ("QUIZ", 7, "UA", 1, 1, at),
        *(("TACHE", *row, at) for row in rows[:2]),
        ("TACHE", 7, "UA", 1, 2, at),
        ("TACHE", *rows[2], at),
    ]


@pytest.mark.parametrize("storage", MODES)
def test_measures_of_before_files_keep_their_rows(
    empty: Callable[..., Warehouse], sql_copy: Path, storage: str
) -> None:
    """Each of the design's three measures in two months; afterwards a measure of one's own fits too."""
    later = taken_away(sql_copy, "0012")
    made = empty(sql_dir=sql_copy, storage=storage)
    made.bootstrap(date(2026, 1, 1), date(2026, 2, 28))
    made.execute("INSERT INTO kpi_scope (scope_type, label) VALUES ('GLOBAL', 'Tous')")
    made.execute("INSERT INTO kpi_target (target_type, label) VALUES ('GLOBAL', 'Tout')")
    insert = (
        "INSERT INTO kpi_percentiles (date_id, scope_id, target_id, measure_code, p50, p75, p90, sample_size)"
        " VALUES (%s, 1, 1, %s, 1.5, NULL, 3, 2)"
    )
    measures = ("DELAI_FEEDBACK", "DELAI_ACQUIS_COMP", "DELAI_ACQUIS_MICRO")
    for day in (date(2026, 1, 31), date(2026, 2, 1)):
        for code in measures:
            made.execute(insert, (day, code))
    with pytest.raises(Error, match="Data truncated for column 'measure_code'"):
        made.execute(insert, (date(2026, 2, 1), "DELAI_DE_PLUS"))
    stored = "SELECT * FROM kpi_percentiles ORDER BY id"
    before = made.rows(stored)
    held = layout(made, "kpi_percentiles")
    for path, text in later.items():
        path.write_text(text)
    assert "0012_measures.sql" in migrate(made)
    assert made.rows(stored) == before
    assert layout(made, "kpi_percentiles") == held
    made.execute(insert, (date(2026, 2, 1), "DELAI_DE_PLUS"))
    with pytest.raises(Error, match="Duplicate entry"):
        made.execute(insert, (date(2026, 2, 1), "DELAI_DE_PLUS"))


def test_an_account_without_the_right_writes_nothing(
    empty: Callable[..., Warehouse], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = empty()
    monkeypatch.setenv("AIRFLOW_CONN_KPI_ADMIN", os.environ["AIRFLOW_CONN_KPI_READ"])
    with pytest.raises(
        ConnectionProblem, match=r"of connection kpi_admin lacks a right .*accounts"
    ):
        migrate(made)
    assert tables(made) == []


def test_of_two_at_once_one_waits_and_finds_nothing_to_do(empty: Callable[..., Warehouse]) -> None:
    made = empty()
    done: list[list[str]] = []
    name = lock_name(made.name, "migrations")
    made.rows("SELECT GET_LOCK(%s, 0)", (name,))
    both = [threading.Thread(target=lambda: done.append(migrate(made))) for _ in range(2)]
    for thread in both:
        thread.start()
    waiting = (
        "SELECT COUNT(*) FROM performance_schema.metadata_locks"
        " WHERE object_name = %s AND lock_status = 'PENDING'"
    )
    until(lambda: made.rows(waiting, (name,)) == [(2,)])
    assert tables(made) == []
    made.rows("SELECT RELEASE_LOCK(%s)", (name,))
    for thread in both:
        thread.join()
    assert sorted(map(len, done)) == [0, made.rows("SELECT COUNT(*) FROM kpi_migration")[0][0]]


def test_of_two_that_partition_at_once_one_waits_and_finds_nothing_to_do(
    empty: Callable[..., Warehouse],
) -> None:
    made = empty(storage="partitioned")
    migrate(made)
    done: list[int] = []

    def partition() -> None:
        operator = FirstPartitionsOperator(task_id="first_partitions")
        done.append(len(operator.execute({"params": {}})))

    both = [threading.Thread(target=partition) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert sorted(done) == [0, len(FACTS)]


def test_one_that_waits_too_long_says_for_whom(empty: Callable[..., Warehouse]) -> None:
    made = empty()
    made.rows("SELECT GET_LOCK(%s, 0)", (lock_name(made.name, "migrations"),))
    files = migrations.available(made.settings.sql_dir, "partitioned")
    with (
        session(ADMIN) as admin,
        pytest.raises(KpiError, match=r"was not free within 1 s .*raise KPI"),
    ):
        migrations.migrate(admin, files, resume=False, lock_wait_seconds=1)
    made.rows("SELECT RELEASE_ALL_LOCKS()")
    assert tables(made) == []


def until(found: Callable[[], Any], seconds: float = 20) -> Any:
    """Wait until a query finds something, and return it."""
    deadline = time.monotonic() + seconds
    while not (result := found()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)
    return result


# -- partitions


def test_rows_land_in_the_partition_of_their_month(empty: Callable[..., Warehouse]) -> None:
    made = empty(storage="partitioned")
    migrate(made)
    assert len(make_partitions(MONTHS)) == len(FACTS)
    assert make_partitions(MONTHS) == []
    days = ("2025-11-30", "2025-12-31", "2026-01-01", "2026-01-31", "2026-02-28", "2026-03-01")
    for number, day in enumerate(days):
        made.execute(
            "INSERT INTO kpi_value (date_id, scope_id, target_id, metric_id) VALUES (%s, 1, 1, %s)",
            (day, number),
        )
    assert layout(made, "kpi_value") == {"p202512": 2, "p202601": 2, "p202602": 1, "p_max": 1}
    for table in FACTS:
        assert list(layout(made, table)) == ["p202512", "p202601", "p202602", "p_max"]


def test_later_months_are_split_off_with_their_rows(empty: Callable[..., Warehouse]) -> None:
    made = empty(storage="partitioned")
    migrate(made)
    make_partitions(MONTHS)
    made.execute(
        "INSERT INTO kpi_value (date_id, scope_id, target_id, metric_id)"
        " VALUES ('2026-03-15', 1, 1, 1), ('2026-05-01', 1, 1, 1)"
    )
    assert len(make_partitions([*MONTHS, date(2026, 3, 1)])) == len(FACTS)
    assert layout(made, "kpi_value")["p202603"] == 1
    assert layout(made, "kpi_value")["p_max"] == 1


def test_in_foreign_key_mode_there_is_nothing_to_partition(empty: Callable[..., Warehouse]) -> None:
    made = empty(storage="foreign_keys")
    migrate(made)
    assert make_partitions(MONTHS) == []
    assert layout(made, "kpi_value") == {}
