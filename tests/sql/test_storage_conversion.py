"""Conversion between the storage modes: every row, whatever writes or dies meanwhile, and what stops it."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import mysql.connector
import pytest
from kpi.core.connections import ADMIN, ETL, ConnectionProblem, session, transient
from kpi.core.errors import InputError
from kpi.core.ledger import Written
from kpi.core.locks import lock_name
from kpi.core.settings import Settings
from kpi.upkeep import migrations, preflight
from kpi.upkeep.migrations import MigrationError
from kpi.upkeep.partitions.layouts import PartitionError
from kpi.upkeep.partitions.maintenance import maintain
from kpi.upkeep.partitions.table_locks import Patience, TableBusy
from kpi.upkeep.storage.conversion import convert, drop_left_behind
from kpi.upkeep.storage.copying import ConversionError
from mysql_accounts import connect_as
from mysql_server import PrivateServer

from tests.faults.processes import before_each_statement, run
from tests.golden import school
from tests.golden.reading import stored
from tests.sql.schemas import FACTS, bare_databases, cramped_server, fill, layout, migrate, tables
from tests.warehouse import Warehouse

pytestmark = pytest.mark.long

NIGHTS = [school.day_of(night) for night in range(2)]
TODAY = NIGHTS[-1] + timedelta(days=1)
PATIENT = Patience(wait_seconds=1, attempts=20, longest_pause_seconds=1)
SHORT = Patience(wait_seconds=1, attempts=2, longest_pause_seconds=1)
OTHER = {"partitioned": "foreign_keys", "foreign_keys": "partitioned"}
LEFT = [f"{table}_old" for table in FACTS]


@pytest.fixture(scope="module")
def played(new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """Two nights of a school, and rows that no night makes: a plan, texts that look like NULL, zeros."""
    made = new_warehouse("converted", partition_months_back=2, partition_months_ahead=1)
    for night, day in enumerate(NIGHTS):
        made.load_source(school.source(night))
        made.night(day)
    for number in range(0, 200, 8):
        made.execute(
            "INSERT INTO kpi_plan_gap (date_id, period, scope_id, target_id, expected_count, done_count)"
            " VALUES (%s, 'W', 1, 1, %s, 3)",
            (date(2025, 8, 1) + timedelta(days=number), number % 7),
        )
    made.execute(
        "INSERT INTO kpi_state_count (date_id, period, scope_id, target_id, domain, state_code, state_ordre)"
        " VALUES ('2026-01-31', 'M', 1, 1, 'UA', 'NULL', 1), ('2026-01-31', 'M', 1, 1, 'UA', 'L''été,\\\\', 2)"
    )
    made.execute("DELETE FROM kpi_value WHERE id % 5 = 0")
    return made


@pytest.fixture
def facts(played: Warehouse) -> Warehouse:
    """The same in mode partitioned, with nothing left of a conversion."""
    played.use()
    in_mode(played, "partitioned")
    return played


def in_mode(warehouse: Warehouse, storage: str) -> None:
    if mode(warehouse) != storage:
        drop_left_behind(warehouse.settings, dry_run=False)
        converted(warehouse, storage)
    drop_left_behind(warehouse.settings, dry_run=False)


def converted(warehouse: Warehouse, storage: str, **how: Any) -> bool:
    return convert(
        storage,  # type: ignore[arg-type]
        TODAY,
        warehouse.settings,
        **{"dry_run": False, "patience": PATIENT, **how},
    )


def rows(warehouse: Warehouse) -> dict[str, Any]:
    return stored(warehouse, FACTS)


def mode(warehouse: Warehouse) -> str:
    return "partitioned" if layout(warehouse, "kpi_value") else "foreign_keys"


def definitions(warehouse: Warehouse) -> list[str]:
    """How the fact tables are made, but for counters and the months of the partitions."""
    found = [warehouse.rows(f"SHOW CREATE TABLE {table}")[0][1] for table in FACTS]
    return [
        re.sub(r" AUTO_INCREMENT=\d+|\n \(?PARTITION .*", "", text).partition("\n(PARTITION")[0]
        for text in found
    ]


# -- there and back


def test_there_and_back_with_every_row(
    facts: Warehouse, server: PrivateServer, contract_settings: Settings
) -> None:
    before = rows(facts)
    assert all(before.values())
    made = {}
    with bare_databases(server.root_uri, contract_settings) as bare:
        for storage in OTHER:
            fresh = bare("fresh", storage=storage)
            migrate(fresh)
            made[storage] = definitions(fresh)
    facts.use()
    for storage in ("foreign_keys", "partitioned"):
        assert converted(facts, storage)
        assert mode(facts) == storage
        assert definitions(facts) == made[storage]
        assert rows(facts) == before
        assert [stored(facts, (table,))[table] for table in LEFT] == list(before.values())
        assert not converted(facts, storage), "it is so already"
        assert drop_left_behind(facts.settings, dry_run=False) == LEFT
        assert drop_left_behind(facts.settings, dry_run=False) == []
    by_month = layout(facts, "kpi_plan_gap")
    assert by_month["p202508"] == 4, "also months before those of the settings"
    assert sum(by_month.values()) == 25
    assert by_month["p_max"] == 0


def test_afterwards_the_new_mode_passes_the_preflight_and_a_night_runs(facts: Warehouse) -> None:
    converted(facts, "foreign_keys")
    before = rows(facts)
    new = facts.settings.model_copy(update={"storage": "foreign_keys"})
    with session(ETL) as etl:
        preflight.require_schema(etl, new)
        with pytest.raises(MigrationError, match="set KPI_STORAGE to the mode it was made with"):
            preflight.require_schema(etl, facts.settings)
    with session(ADMIN) as admin:
        files = migrations.available(new.sql_dir, new.storage)
        assert migrations.migrate(admin, files, resume=False, lock_wait_seconds=5) == []
    facts.execute("DELETE FROM kpi_value WHERE date_id = %s", (NIGHTS[0],))
    written = facts.facts(NIGHTS[0])
    assert written["kpi_value"].inserted > 0
    assert written["kpi_percentiles"] == Written(0, 0, 0, written["kpi_percentiles"].unchanged)
    fresh = facts.rows("SELECT MIN(id) FROM kpi_value WHERE date_id = %s", (NIGHTS[0],))[0][0]
    assert fresh > max(row[0] for row in before["kpi_value"]), "ids go on where they were"


def test_a_dry_run_writes_nothing(facts: Warehouse, caplog: pytest.LogCaptureFixture) -> None:
    before, there = rows(facts), tables(facts)
    caplog.set_level("INFO")
    assert converted(facts, "foreign_keys", dry_run=True)
    assert (rows(facts), tables(facts), mode(facts)) == (before, there, "partitioned")
    assert f"Would copy {len(before['kpi_value'])} rows of kpi_value." in caplog.text
    assert "CREATE TABLE IF NOT EXISTS kpi_plan_gap_new (" in caplog.text
    assert "kpi_value TO kpi_value_old, kpi_value_new TO kpi_value" in caplog.text


def test_the_tables_from_before_are_dropped_only_when_asked_for(facts: Warehouse) -> None:
    converted(facts, "foreign_keys")
    there = tables(facts)
    with pytest.raises(ConversionError, match=r"still there \(kpi_value_old, .*drop_old"):
        converted(facts, "partitioned")
    assert drop_left_behind(facts.settings, dry_run=True) == LEFT
    assert tables(facts) == there
    drop_left_behind(facts.settings, dry_run=False)
    assert tables(facts) == sorted(set(there) - set(LEFT))
    assert converted(facts, "partitioned")


# -- what stops it


def test_orphans_are_named_and_nothing_is_made(facts: Warehouse) -> None:
    for scope, metric, number in ((999, 1, 1), (999, 1, 2), (1000, 1, 3), (1, 998, 4)):
        facts.execute(
            "INSERT INTO kpi_value (date_id, scope_id, target_id, metric_id, sample_size)"
            " VALUES ('2026-02-01' + INTERVAL %s DAY, %s, 1, %s, -1)",
            (number, scope, metric),
        )
    facts.execute(
        "INSERT INTO kpi_plan_gap (date_id, scope_id, target_id, done_count)"
        " VALUES ('1999-01-01', 1, 1, -1)"
    )
    before, there = rows(facts), tables(facts)
    for dry_run in (True, False):
        with pytest.raises(ConversionError) as refused:
            converted(facts, "foreign_keys", dry_run=dry_run)
        assert str(refused.value) == (
            "Rows name what is not there: kpi_value.scope_id not in kpi_scope (999: 2 rows, 1000: 1 rows); "
            "kpi_value.metric_id not in kpi_metric (998: 1 rows); "
            "kpi_plan_gap.date_id not in kpi_time (1999-01-01: 1 rows); "
            "bring the dimension's rows back or delete these, then trigger again."
        )
    assert (rows(facts), tables(facts)) == (before, there)
    facts.execute("DELETE FROM kpi_value WHERE sample_size = -1")
    facts.execute("DELETE FROM kpi_plan_gap WHERE done_count = -1")


def test_two_rows_with_one_id_are_refused(facts: Warehouse) -> None:
    facts.execute(
        "INSERT INTO kpi_value (id, date_id, scope_id, target_id, metric_id, sample_size)"
        " VALUES (900000, '2026-02-01', 1, 1, 1, -1), (900000, '2026-02-02', 1, 1, 1, -1)"
    )
    before = rows(facts)
    with pytest.raises(ConversionError, match=r"Two rows of kpi_value have one key, .*'900000'"):
        converted(facts, "foreign_keys")
    assert (rows(facts), mode(facts)) == (before, "partitioned")
    facts.execute("DELETE FROM kpi_value WHERE sample_size = -1")
    assert converted(facts, "foreign_keys")


def test_a_read_only_server_and_a_wrong_clock_change_nothing(facts: Warehouse) -> None:
    there = tables(facts)
    facts.execute("SET GLOBAL read_only = ON")
    try:
        with pytest.raises(ConnectionProblem, match="is read-only"):
            converted(facts, "foreign_keys")
    finally:
        facts.execute("SET GLOBAL read_only = OFF")
    with pytest.raises(InputError, match="kpi_time has not"):
        convert("foreign_keys", date(2126, 1, 1), facts.settings, dry_run=False)
    assert tables(facts) == there


def test_it_waits_for_migrations_and_they_for_it(facts: Warehouse) -> None:
    name = lock_name(facts.name, "migrations")
    facts.rows("SELECT GET_LOCK(%s, 0)", (name,))
    chosen = facts.settings.model_copy(update={"lock_wait_seconds": 1})
    for work in (
        lambda: convert("foreign_keys", TODAY, chosen, dry_run=False),
        lambda: drop_left_behind(chosen, dry_run=False),
    ):
        with pytest.raises(Exception, match=r"was not free within 1 s"):
            work()
    facts.rows("SELECT RELEASE_ALL_LOCKS()")
    assert mode(facts) == "partitioned"


@pytest.fixture
def bare(
    server: PrivateServer, contract_settings: Settings, tmp_path: Path
) -> Iterator[Callable[[str], Warehouse]]:
    """Make a database with one more migration, which is given; kpi_time has TODAY only."""

    def make(migration: str) -> Warehouse:
        for path in contract_settings.sql_dir.iterdir():
            if path.name != "schema":
                (tmp_path / path.name).symlink_to(path)
        shutil.copytree(contract_settings.sql_dir / "schema", tmp_path / "schema")
        (tmp_path / "schema" / "0098_note.sql").write_text(migration)
        return databases("noted", sql_dir=tmp_path).bootstrap(TODAY, TODAY)

    with bare_databases(server.root_uri, contract_settings) as databases:
        yield make


def test_columns_and_keys_of_later_migrations_come_along(
    bare: Callable[[str], Warehouse],
) -> None:
    made = bare(
        "ALTER TABLE kpi_value ADD COLUMN note VARCHAR(9) NULL AFTER period;\n"
        "CREATE INDEX idx_note ON kpi_value (note);"
    )
    made.execute("INSERT INTO kpi_scope (scope_type) VALUES ('GLOBAL')")
    made.execute("INSERT INTO kpi_target (target_type) VALUES ('GLOBAL')")
    made.execute(
        "INSERT INTO kpi_value (date_id, note, scope_id, target_id, metric_id)"
        " VALUES (%s, 'é', 1, 1, 1)",
        (TODAY,),
    )
    before = made.rows("SELECT * FROM kpi_value")
    for storage in ("foreign_keys", "partitioned"):
        in_mode(made, storage)
        assert made.rows("SELECT * FROM kpi_value") == before
        assert "KEY `idx_note` (`note`)" in definitions(made)[0]


def test_a_column_added_by_hand_is_refused(bare: Callable[[str], Warehouse]) -> None:
    made = bare("DO 1;")
    made.execute("ALTER TABLE kpi_value ADD COLUMN mine INT")
    with pytest.raises(ConversionError, match="column mine int of kpi_value is not alike in both"):
        converted(made, "foreign_keys")
    assert mode(made) == "partitioned"
    made.execute("ALTER TABLE kpi_value DROP COLUMN mine")
    assert converted(made, "foreign_keys"), "what was left of the first attempt is no hindrance"


def test_without_room_nothing_is_lost_and_with_room_it_goes_on(
    contract_settings: Settings, tmp_path: Path
) -> None:
    with (
        cramped_server(tmp_path) as server,
        bare_databases(server.root_uri, contract_settings) as bare,
    ):
        made = bare("full").bootstrap(TODAY, TODAY)
        made.execute("INSERT INTO kpi_scope (scope_type) VALUES ('GLOBAL')")
        made.execute("INSERT INTO kpi_target (target_type) VALUES ('GLOBAL')")
        fill(made, "D", 40_000, str(TODAY))
        before = made.rows("CHECKSUM TABLE kpi_state_count")
        made.execute("SET GLOBAL innodb_file_per_table = OFF")
        with pytest.raises(
            PartitionError, match=r"no room left .*kpi_state_count_new.* \(The table"
        ):
            converted(made, "foreign_keys")
        assert mode(made) == "partitioned"
        assert made.rows("CHECKSUM TABLE kpi_state_count") == before
        made.execute("SET GLOBAL innodb_file_per_table = ON")
        assert drop_left_behind(made.settings, dry_run=False) == [f"{one}_new" for one in FACTS]
        assert converted(made, "foreign_keys")
        assert made.rows("CHECKSUM TABLE kpi_state_count") == before


# -- while others write, and read


class Writer(threading.Thread):
    """Inserts, changes and deletes rows of its own (its target) all the time, and keeps the books."""

    def __init__(self, account: dict[str, Any], target: int) -> None:
        super().__init__()
        self.account, self.target = account, target
        self.chance = random.Random(target)
        self.over = threading.Event()
        self.committed: dict[int, tuple[Any, ...]] = {}
        self.transactions = 0
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            with connect_as(self.account) as etl, etl.cursor() as cursor:
                cursor.execute("SET SESSION transaction_isolation = 'READ-COMMITTED'")
                while not self.over.is_set():
                    try:
                        self.write(etl, cursor)
                    except mysql.connector.Error as error:
                        # Two writers may meet; like the package's own, they try again.
                        if not transient(error):
                            raise
                        etl.rollback()
        except Exception as error:
            self.error = error

    def write(self, etl: Any, cursor: Any) -> None:
        etl.start_transaction()
        written = dict(self.committed)
        for _ in range(3):
            self.change(cursor, written)
        etl.commit()
        self.committed = written
        self.transactions += 1
        self.over.wait(0.01)

    def change(self, cursor: Any, rows: dict[int, tuple[Any, ...]]) -> None:
        kind = self.chance.choice(("insert", "insert", "update", "delete")) if rows else "insert"
        if kind == "insert":
            self.insert(cursor, rows)
            return
        chosen = self.chance.choice(list(rows))
        *place, size = rows.pop(chosen)
        if kind == "delete":
            cursor.execute("DELETE FROM kpi_percentiles WHERE id = %s", (chosen,))
            return
        rows[chosen] = (*place, size + 1)
        cursor.execute(
            "UPDATE kpi_percentiles SET sample_size = sample_size + 1 WHERE id = %s", (chosen,)
        )

    def insert(self, cursor: Any, rows: dict[int, tuple[Any, ...]]) -> None:
        day = date(2025, 8, 1) + timedelta(days=self.chance.randrange(90))
        place = (day, self.chance.randint(1, 4), self.target)
        if all(row[:3] != place for row in rows.values()):
            cursor.execute(
                "INSERT INTO kpi_percentiles (date_id, scope_id, target_id, measure_code, sample_size)"
                " VALUES (%s, %s, %s, 'DELAI_FEEDBACK', 0)",
                place,
            )
            rows[cursor.lastrowid] = (*place, 0)


class Reader(threading.Thread):
    """Counts rows that nobody changes, all the time."""

    def __init__(self, account: dict[str, Any]) -> None:
        super().__init__()
        self.account = account
        self.over = threading.Event()
        self.counted: set[object] = set()

    def run(self) -> None:
        try:
            with connect_as(self.account) as reader, reader.cursor() as cursor:
                while not self.over.wait(0.002):
                    cursor.execute("SELECT COUNT(*) FROM kpi_state_count")
                    self.counted.add(cursor.fetchone()[0])
        except Exception as error:
            self.counted.add(error)


def test_writers_and_readers_go_on_meanwhile(facts: Warehouse) -> None:
    """What writers committed is what there is afterwards; a reader sees all rows at any time."""
    facts.execute("DELETE FROM kpi_percentiles")
    [(states,)] = facts.rows("SELECT COUNT(*) FROM kpi_state_count")
    writers = [Writer(facts.connections["kpi_etl"], target) for target in (1, 2)]
    reader = Reader(facts.connections["kpi_read"])
    for thread in (*writers, reader):
        thread.start()
    try:
        for storage in ("foreign_keys", "partitioned"):
            before = [writer.transactions for writer in writers]
            assert converted(facts, storage)
            after = [writer.transactions for writer in writers]
            errors = [writer.error for writer in writers]
            assert min(late - soon for soon, late in zip(before, after, strict=True)) > 5, errors
            drop_left_behind(facts.settings, dry_run=False, patience=PATIENT)
    finally:
        for thread in (*writers, reader):
            thread.over.set()
            thread.join()
    assert [writer.error for writer in writers] == [None, None]
    assert reader.counted == {states}
    found = facts.rows("SELECT id, date_id, scope_id, target_id, sample_size FROM kpi_percentiles")
    assert {row[0]: row[1:] for row in found} == writers[0].committed | writers[1].committed
    assert len(found) > 20


def test_a_writer_that_does_not_end_is_waited_for_and_the_copy_kept(
    facts: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    before = rows(facts)
    with connect_as(facts.connections["kpi_etl"]) as etl, etl.cursor() as cursor:
        etl.start_transaction()
        cursor.execute(
            "UPDATE kpi_value SET sample_size = sample_size + 1 WHERE date_id = %s", NIGHTS[:1]
        )
        with pytest.raises(
            TableBusy, match=r"did not become free in 2 attempts of 1 s, nothing was"
        ):
            converted(facts, "foreign_keys", patience=SHORT)
        assert (mode(facts), rows(facts)) == ("partitioned", before)
        etl.commit()
    changed = rows(facts)
    assert changed != before
    assert converted(facts, "foreign_keys")
    assert rows(facts) == changed
    assert "Going on with the copies that a stopped run left: kpi_value_new" in caplog.text


# -- killed


@dataclass(frozen=True)
class ConversionJob:
    """A conversion, for a process of its own that may die."""

    connections: dict[str, dict[str, Any]]
    settings: Settings
    target: str

    def do(self) -> object:
        for conn_id, values in self.connections.items():
            os.environ[f"AIRFLOW_CONN_{conn_id.upper()}"] = json.dumps(values)
        return convert(self.target, TODAY, self.settings, dry_run=False, patience=PATIENT)  # type: ignore[arg-type]


def test_killed_before_any_kind_of_statement_it_is_gone_on_with(facts: Warehouse) -> None:
    """A process dies at each kind of statement, there and back in turn; the tables in use stay whole."""
    before = rows(facts)
    deaths = []
    for target in ("foreign_keys", "partitioned"):
        sent = statements_of(facts, target)
        deaths.append([(target, point, sent[point - 1]) for point in points_to_die_at(sent)])
        drop_left_behind(facts.settings, dry_run=False)
    assert min(map(len, deaths)) >= 10
    for target, point, statement in (
        death for pair in zip(*deaths, strict=False) for death in pair
    ):
        job = ConversionJob(facts.connections, facts.settings, target)
        assert run(job, dies_at=point).exit_code == -9, statement  # type: ignore[arg-type]
        assert rows(facts) == before, statement
        if mode(facts) == target:  # swapped, and kpi_migration does not know
            with pytest.raises(PartitionError, match=f'trigger .*"convert_to": "{target}"'):
                maintain(TODAY, facts.settings, dry_run=True)
        converted(facts, target)
        assert (mode(facts), rows(facts)) == (target, before), statement
        with session(ETL) as etl:
            chosen = facts.settings.model_copy(update={"storage": target})
            preflight.require_schema(etl, chosen)
        assert drop_left_behind(facts.settings, dry_run=False) == LEFT


def statements_of(facts: Warehouse, target: str) -> list[str]:
    """Convert in this process; return what was sent, in the numbering of a process that is to die."""
    from kpi.core.connections import Session

    sent: list[str] = []
    texts = {name: getattr(Session, name) for name in ("run", "rows")}
    try:
        for name, usual in texts.items():
            setattr(Session, name, told(usual, sent))
        with before_each_statement(lambda _: sent.append("COMMIT")):
            converted(facts, target)
    finally:
        for name, usual in texts.items():
            setattr(Session, name, usual)
    return sent


def told(usual: Callable[..., Any], sent: list[str]) -> Callable[..., Any]:
    """Put the statement's text in the place of the mark that before_each_statement left for it."""

    def statement(self: Any, sql: str, *arguments: Any) -> Any:
        sent[-1] = " ".join(sql.split())
        return usual(self, sql, *arguments)

    return statement


def points_to_die_at(sent: Sequence[str]) -> list[int]:
    """Return the numbers of the first statement of each kind that writes or locks, and of the last commit."""
    writing = re.compile(
        r"CREATE|DROP|ALTER|LOCK|UNLOCK|DELETE|INSERT|RENAME|UPDATE|ANALYZE|CHECKSUM|COMMIT"
    )
    first: dict[str, int] = {}
    for number, text in enumerate(sent, start=1):
        if found := writing.match(text):
            first.setdefault(found[0], number)
    last = max(number for number, text in enumerate(sent, start=1) if text == "COMMIT")
    return sorted({*first.values(), last})
