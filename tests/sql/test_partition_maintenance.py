"""Partition maintenance on a real server: every month gets its own, no row is lost, and what stops it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from kpi.core.errors import ConnectionProblem, InputError, KpiError
from kpi.core.locks import lock_name
from kpi.core.settings import Settings
from kpi.upkeep.partitions.layouts import PartitionError, report
from kpi.upkeep.partitions.maintenance import Maintained, maintain, require_same_count
from kpi.upkeep.partitions.table_locks import Patience, TableBusy
from mysql_accounts import connect, connect_as
from mysql_server import PrivateServer

from tests.faults.processes import before_each_statement
from tests.sql.schemas import FACTS, bare_databases, cramped_server, fill, layout, migrate
from tests.warehouse import Warehouse

pytestmark = pytest.mark.long

TODAY = date(2026, 2, 15)
# Wanted are the months of 2026-01 to 2026-04.
BACK, AHEAD = 1, 2
WANTED = ["p202601", "p202602", "p202603", "p202604", "p_max"]
SHORT = Patience(wait_seconds=1, attempts=2, longest_pause_seconds=1)


@pytest.fixture(scope="module")
def new_database(
    server: PrivateServer, contract_settings: Settings
) -> Iterator[Callable[..., Warehouse]]:
    chosen = contract_settings.model_copy(
        update={"partition_months_back": BACK, "partition_months_ahead": AHEAD}
    )
    with bare_databases(server.root_uri, chosen) as make:
        yield make


@pytest.fixture(scope="module")
def made(new_database: Callable[..., Warehouse]) -> Warehouse:
    """Tables for the tests to use, one after the other; of 2026 kpi_time has three days only."""
    made = new_database("kept").bootstrap(date(2026, 1, 1), date(2026, 1, 1))
    add_days(made, "2026-02-15", "2026-05-01")
    return made


@pytest.fixture
def january(made: Warehouse) -> Warehouse:
    """Empty tables with a partition for January 2026 and the catch-all; 2026-02-14 was computed."""
    made.use()
    for table in (*FACTS, "kpi_run"):
        made.execute(f"TRUNCATE TABLE {table}")
    reorganise(
        made,
        "PARTITION BY RANGE (TO_DAYS(date_id)) ("
        "PARTITION p202601 VALUES LESS THAN (TO_DAYS('2026-02-01')),"
        "PARTITION p_max VALUES LESS THAN MAXVALUE)",
    )
    made.execute(
        "INSERT INTO kpi_run (table_name, date_from, date_to, state, started_at, finished_at)"
        " VALUES ('kpi_value', '2026-02-14', '2026-02-14', 'DONE', NOW(6), NOW(6)),"
        " ('kpi_value', '2026-04-30', '2026-04-30', 'FAILED', NOW(6), NOW(6))"
    )
    made.settings = made.settings.model_copy(update={"partition_months_ahead": AHEAD})
    return made


def add_days(warehouse: Warehouse, *days: str) -> None:
    for day in days:
        warehouse.execute(
            "INSERT INTO kpi_time (date_id, y, m, d, iso_week, iso_year, utc_start, utc_end)"
            " VALUES (%s, 2026, 1, 1, 1, 2026, %s, %s + INTERVAL 1 DAY)",
            (day, day, day),
        )


def add_rows(warehouse: Warehouse, *days: str, period: str = "D") -> None:
    """Add a row of each day to kpi_value, and as many W rows to kpi_plan_gap."""
    for number, day in enumerate(days):
        warehouse.execute(
            "INSERT INTO kpi_value (date_id, period, scope_id, target_id, metric_id, value_num)"
            " VALUES (%s, %s, 1, 1, %s, 50)",
            (day, period, number),
        )
        warehouse.execute(
            "INSERT INTO kpi_plan_gap (date_id, period, scope_id, target_id) VALUES (%s, 'W', 1, %s)",
            (day, number),
        )


def reorganise(warehouse: Warehouse, what: str) -> None:
    for table in FACTS:
        warehouse.execute(f"ALTER TABLE {table} {what}")


def maintained(warehouse: Warehouse, today: date = TODAY, **how: Any) -> Maintained:
    return maintain(today, warehouse.settings, **{"dry_run": False, "patience": SHORT, **how})


def layouts(warehouse: Warehouse) -> dict[str, dict[str, int]]:
    return {table: layout(warehouse, table) for table in FACTS}


def stored(warehouse: Warehouse) -> list[Any]:
    return [warehouse.rows(f"SELECT * FROM {table} ORDER BY id") for table in FACTS]


# -- what it makes


def test_months_ahead_are_made_once(january: Warehouse) -> None:
    done = maintained(january)
    assert len(done.changes) == len(FACTS)
    assert {table: list(parts) for table, parts in layouts(january).items()} == dict.fromkeys(
        FACTS, WANTED
    )
    assert maintained(january).changes == []


def test_rows_that_got_into_the_catch_all_get_their_months(january: Warehouse) -> None:
    add_rows(january, "2025-12-31", "2026-01-31", "2026-02-01", "2026-02-28", "2026-03-01")
    add_rows(january, "2026-06-30", period="M")
    before = stored(january)
    maintained(january)
    assert layout(january, "kpi_value") == {
        "p202512": 1,
        "p202601": 1,
        "p202602": 2,
        "p202603": 1,
        "p202604": 0,
        "p202605": 0,
        "p202606": 1,
        "p_max": 0,
    }
    assert layout(january, "kpi_plan_gap") == layout(january, "kpi_value")
    assert list(layout(january, "kpi_percentiles")) == WANTED
    assert stored(january) == before
    assert maintained(january).changes == []


def test_when_it_did_not_run_for_long_each_month_missed_gets_its_own(january: Warehouse) -> None:
    reorganise(
        january,
        "REORGANIZE PARTITION p202601, p_max INTO (PARTITION p_max VALUES LESS THAN MAXVALUE)",
    )
    add_rows(january, "2025-10-05", "2025-12-01", "2026-02-14")
    maintained(january)
    filled = {name: rows for name, rows in layout(january, "kpi_value").items() if rows}
    assert filled == {"p202510": 1, "p202512": 1, "p202602": 1}
    assert list(layout(january, "kpi_value"))[:3] == ["p202510", "p202511", "p202512"]


def test_a_partition_of_several_months_is_split(january: Warehouse) -> None:
    wide = "PARTITION p202603 VALUES LESS THAN (TO_DAYS('2026-04-01'))"
    reorganise(
        january,
        f"REORGANIZE PARTITION p_max INTO ({wide}, PARTITION p_max VALUES LESS THAN MAXVALUE)",
    )
    add_rows(january, "2026-02-10", "2026-03-10", "2026-03-31")
    before = stored(january)
    maintained(january)
    assert layout(january, "kpi_value") == dict(zip(WANTED, [0, 1, 2, 0, 0], strict=True))
    assert stored(january) == before


def test_bounds_count_and_names_do_not(january: Warehouse) -> None:
    # Names that lie, a month in two pieces, no catch-all.
    reorganise(january, "DROP PARTITION p_max")
    reorganise(
        january,
        "ADD PARTITION (PARTITION P202604 VALUES LESS THAN (TO_DAYS('2026-02-11')),"
        " PARTITION `p_``max` VALUES LESS THAN (TO_DAYS('2026-03-01')))",
    )
    add_rows(january, "2026-02-10", "2026-02-11", "2026-02-28")
    maintained(january)
    assert layout(january, "kpi_value") == dict(zip(WANTED, [0, 3, 0, 0, 0], strict=True))


def test_a_far_row_stays_where_it_is_and_is_told(
    january: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    add_rows(january, "1999-01-01", "2099-01-01")
    maintained(january)
    assert layout(january, "kpi_value") == dict(zip(WANTED, [1, 0, 0, 0, 1], strict=True))
    for far in ("1999-01-01", "2099-01-01"):
        assert f"kpi_value has rows of {far}, too far from today" in caplog.text


def test_a_dry_run_says_what_it_would_do(january: Warehouse) -> None:
    add_rows(january, "2026-02-10")
    before = layouts(january)
    told = maintained(january, dry_run=True)
    assert layouts(january) == before
    assert [change.sql for change in told.changes] == [
        change.sql for change in maintained(january).changes
    ]


def test_the_report_counts_rows_by_partition_and_period(january: Warehouse) -> None:
    add_rows(january, "2026-01-10", "2026-01-11", "2026-02-10")
    add_rows(january, "2026-01-31", period="M")
    said = [" ".join(line.split()) for line in report(maintained(january).layouts).splitlines()]
    assert len(said) == 1 + len(FACTS) * len(WANTED)
    pattern = r"kpi_value p202601 … 2026-01-31 3 \d\.\d D 2, M 1"
    assert [line for line in said if re.fullmatch(pattern, line)]
    pattern = r"kpi_plan_gap p_max 2026-05-01 … 0 \d\.\d –"
    assert [line for line in said if re.fullmatch(pattern, line)]


# -- what stops it


def test_in_foreign_key_mode_there_is_nothing_to_do(
    new_database: Callable[..., Warehouse],
) -> None:
    made = new_database("kept_keys", storage="foreign_keys")
    made.bootstrap(date(2026, 1, 1), date(2026, 1, 2))
    assert maintained(made, date(1999, 1, 1)) == Maintained("foreign_keys", [], [])
    made.settings = made.settings.model_copy(update={"storage": "partitioned"})
    assert maintained(made).storage == "foreign_keys", "what is there counts"


FAR = "more than 62 days from 2026-02-14, the last day in {}; set the clock"


@pytest.mark.parametrize(
    ("today", "known_by", "said"),
    [
        ("2019-12-31", "kpi_run", "Today is 2019-12-31, before 2020-01-01, so the clock is wrong;"),
        (
            "2026-03-20",
            "kpi_run",
            "Today is 2026-03-20, a day that kpi_time has not; set the clock",
        ),
        (
            "2126-02-15",
            "kpi_run",
            "Today is 2126-02-15, a day that kpi_time has not; set the clock",
        ),
        ("2026-05-01", "kpi_run", FAR),
        ("2026-05-01", "kpi_value", FAR),
    ],
)
def test_a_wrong_clock_changes_nothing(
    january: Warehouse, today: str, known_by: str, said: str
) -> None:
    add_rows(january, "2026-02-14" if known_by == "kpi_value" else "2020-05-01")
    if known_by == "kpi_value":
        january.execute("DELETE FROM kpi_run")
    before = layouts(january)
    with pytest.raises(InputError, match=re.escape(said.format(known_by))):
        maintained(january, date.fromisoformat(today))
    assert layouts(january) == before


def test_a_read_only_server_changes_nothing(january: Warehouse) -> None:
    before = layouts(january)
    january.execute("SET GLOBAL read_only = ON")
    try:
        with pytest.raises(ConnectionProblem, match="kpi_admin is read-only; point the connection"):
            maintained(january)
        assert len(maintained(january, dry_run=True).changes) == len(FACTS), "to look is allowed"
    finally:
        january.execute("SET GLOBAL read_only = OFF")
    assert layouts(january) == before


def test_without_room_nothing_is_changed(contract_settings: Settings, tmp_path: Path) -> None:
    """Rows that got into the catch-all are to get their month, which is made beside it."""
    with (
        cramped_server(tmp_path) as server,
        bare_databases(server.root_uri, contract_settings) as bare,
    ):
        made = bare("full", partition_months_back=BACK, partition_months_ahead=AHEAD)
        made.bootstrap(TODAY.replace(month=1), TODAY)
        reorganise(
            made,
            "REORGANIZE PARTITION p202602, p_max INTO (PARTITION p_max VALUES LESS THAN MAXVALUE)",
        )
        fill(made, "D", 40_000, str(TODAY))
        before, rows = layout(made, "kpi_state_count"), "CHECKSUM TABLE kpi_state_count"
        checksum = made.rows(rows)
        made.execute("SET GLOBAL innodb_file_per_table = OFF")
        with pytest.raises(PartitionError, match="no room left to rebuild kpi_state_count"):
            maintained(made)
        assert layout(made, "kpi_state_count") == before
        assert made.rows(rows) == checksum
        made.execute("SET GLOBAL innodb_file_per_table = ON")
        maintained(made)
        assert layout(made, "kpi_state_count")["p202602"] == 40_000
        assert made.rows(rows) == checksum


def test_a_table_in_use_is_waited_for(january: Warehouse, caplog: pytest.LogCaptureFixture) -> None:
    with in_use(january) as release:
        timer = threading.Timer(1.5, release)
        timer.start()
        patience = Patience(wait_seconds=1, attempts=20, longest_pause_seconds=1)
        assert len(maintained(january, patience=patience).changes) == len(FACTS)
        timer.join()
    assert "kpi_value in use by another session: attempt 1 of 20 failed after 1 s" in caplog.text


def test_a_table_that_stays_in_use_is_named_and_how_to_find_the_session(
    january: Warehouse,
) -> None:
    before = layouts(january)
    with in_use(january), pytest.raises(TableBusy) as busy:
        maintained(january)
    said = (
        "kpi_value did not become free in 2 attempts of 1 s, nothing was changed in this step; find"
    )
    assert str(busy.value).startswith(said)
    [query] = re.findall(r"\((SELECT .+ 'GRANTED')\)", str(busy.value))
    with in_use(january) as release:
        assert (release.connection_id,) in {(row[1],) for row in january.rows(query)}
    assert layouts(january) == before
    assert january.rows("SELECT IS_FREE_LOCK(%s)", (lock_name(january.name, "migrations"),)) == [
        (1,)
    ]


def test_the_holder_is_named_to_an_account_that_may_see_it(january: Warehouse) -> None:
    account = f"'{january.connections['kpi_admin']['login']}'@'%'"
    tables = ("metadata_locks", "threads")
    for table in tables:
        january.execute(f"GRANT SELECT ON performance_schema.{table} TO {account}")
    with in_use(january) as release, pytest.raises(TableBusy) as busy:
        maintained(january)
    for table in tables:
        january.execute(f"REVOKE SELECT ON performance_schema.{table} FROM {account}")
    assert f"MySQL connection {release.connection_id} of account 'root' holds it" in str(busy.value)
    assert f"KILL {release.connection_id}, then trigger again." in str(busy.value)


class Release:
    """Ends the transaction of the session that has kpi_value in use."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.connection_id = session.connection_id

    def __call__(self) -> None:
        self.session.rollback()


@contextmanager
def in_use(warehouse: Warehouse) -> Iterator[Release]:
    """Hold a metadata lock on kpi_value: a transaction that has read it and does not end."""
    with connect(warehouse.root_uri) as session, session.cursor() as cursor:
        cursor.execute(f"USE {warehouse.name}")
        session.autocommit = False
        cursor.execute("SELECT COUNT(*) FROM kpi_value")
        cursor.fetchall()
        yield Release(session)
        session.rollback()


def test_writers_go_on_meanwhile_and_lose_nothing(january: Warehouse) -> None:
    over, written = threading.Event(), []

    def write() -> None:
        with connect_as(january.connections["kpi_etl"]) as etl, etl.cursor() as cursor:
            while not over.wait(0.001):
                cursor.execute(
                    "INSERT INTO kpi_value (date_id, scope_id, target_id, metric_id)"
                    " VALUES ('2026-01-01' + INTERVAL %s DAY, 1, 1, %s)",
                    (len(written) % 150, len(written)),
                )
                written.append(cursor.lastrowid)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for ahead in range(1, 8):
            january.settings = january.settings.model_copy(update={"partition_months_ahead": ahead})
            assert maintained(january, patience=Patience()).changes
    finally:
        over.set()
        writer.join()
    assert len(written) > 20
    assert january.rows("SELECT id FROM kpi_value ORDER BY id") == [(one,) for one in written]


def test_a_lost_connection_is_begun_again(january: Warehouse) -> None:
    killed: list[int] = []

    def kill(_: int) -> None:
        # Once some tables are done and others are not; what is locked can be counted here only.
        [(done,)] = january.rows(
            "SELECT COUNT(*) FROM information_schema.partitions"
            " WHERE table_schema = DATABASE() AND partition_name = 'p202604'"
        )
        if done == 2 and not killed:
            mine = january.rows(
                "SELECT id FROM information_schema.processlist WHERE user = %s",
                (january.connections["kpi_admin"]["login"],),
            )
            killed.extend(connection for (connection,) in mine)
            for connection in killed:
                january.execute(f"KILL {connection}")

    with before_each_statement(kill):
        maintained(january)
    assert killed
    assert {table: list(parts) for table, parts in layouts(january).items()} == dict.fromkeys(
        FACTS, WANTED
    )


def test_without_the_right_to_lock_nothing_is_changed(january: Warehouse) -> None:
    login, database = (
        january.connections["kpi_admin"]["login"],
        january.name.replace("_", r"\_"),
    )
    before = layouts(january)
    january.execute(f"REVOKE LOCK TABLES ON `{database}`.* FROM '{login}'@'%'")
    try:
        with pytest.raises(ConnectionProblem, match=rf"'{login}' .* docs/accounts.sql"):
            maintained(january)
    finally:
        january.execute(f"GRANT LOCK TABLES ON `{database}`.* TO '{login}'@'%'")
    assert layouts(january) == before


def test_tables_partitioned_otherwise_are_refused(january: Warehouse) -> None:
    january.execute(
        "ALTER TABLE kpi_plan_gap PARTITION BY RANGE COLUMNS (date_id)"
        " (PARTITION p_max VALUES LESS THAN (MAXVALUE))"
    )
    before = layouts(january)
    with pytest.raises(PartitionError, match=r"kpi_plan_gap is partitioned by RANGE COLUMNS \("):
        maintained(january)
    january.execute("ALTER TABLE kpi_plan_gap REMOVE PARTITIONING")
    with pytest.raises(PartitionError, match="Of the fact tables only kpi_value, kpi_state_count"):
        maintained(january)
    assert {**layouts(january), "kpi_plan_gap": before["kpi_plan_gap"]} == before


def test_an_older_schema_is_refused(new_database: Callable[..., Warehouse]) -> None:
    empty = new_database("kept_nothing")
    with pytest.raises(PartitionError, match="has no table kpi_value; trigger kpi_bootstrap"):
        maintained(empty)
    migrate(empty)
    empty.execute("DELETE FROM kpi_migration WHERE version = 4")
    with pytest.raises(KpiError, match=r"lacks 0004_ledger.sql; trigger kpi_bootstrap"):
        maintained(empty)


def test_a_lost_row_is_an_error() -> None:
    require_same_count("kpi_value", 3, 3)
    with pytest.raises(
        PartitionError, match=r"kpi_value had 3 rows before .* and has 2 after; look"
    ):
        require_same_count("kpi_value", 3, 2)
