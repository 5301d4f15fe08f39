"""The four accounts have the rights that docs/accounts.sql names, no others, and need no more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from kpi.core.connections import ADMIN, ETL, READ, SOURCE, session
from kpi.core.errors import ConnectionProblem
from mysql_accounts import ACCOUNTS_SQL, DatabaseError, connect_as

from tests.golden import school
from tests.golden.reading import figures, ledger, stored
from tests.warehouse import FACTS, HISTORY, Warehouse

DAY = school.day_of(0)
# Access denied: to a database, to the server, to a table, to a column, for want of a global right.
REFUSED = {1044, 1045, 1142, 1143, 1227}

MUST_NOT = {
    SOURCE: [
        "INSERT INTO {lms}.scope (scope_type) VALUES ('GLOBAL')",
        "UPDATE {lms}.realisation SET progress_pct = 100",
        "DELETE FROM {lms}.realisation",
        "TRUNCATE TABLE {lms}.realisation",
        "CREATE TABLE {lms}.x (id INT)",
        "CREATE TEMPORARY TABLE {lms}.x (id INT)",
        "DROP TABLE {lms}.realisation",
        "SELECT * FROM {lms}.realisation FOR UPDATE",
        "SELECT * FROM {kpi}.kpi_value",
    ],
    ETL: [
        "CREATE TABLE {kpi}.x (id INT)",
        "ALTER TABLE {kpi}.kpi_value ADD COLUMN x INT",
        "ALTER TABLE {kpi}.kpi_value TRUNCATE PARTITION p202602",
        "TRUNCATE TABLE {kpi}.kpi_value",
        "DROP TABLE {kpi}.kpi_value",
        "CREATE INDEX x ON {kpi}.kpi_value (scope_id)",
        "CREATE VIEW {kpi}.x AS SELECT 1",
        "LOCK TABLES {kpi}.kpi_value WRITE",
        "INSERT INTO {lms}.scope (scope_type) VALUES ('GLOBAL')",
        "UPDATE {lms}.realisation SET progress_pct = 100",
        "DELETE FROM {lms}.realisation",
        "CREATE TABLE {lms}.x (id INT)",
    ],
    ADMIN: [
        "SELECT * FROM {lms}.realisation",
        "UPDATE {lms}.realisation SET progress_pct = 100",
        "DROP TABLE {lms}.realisation",
        "CREATE TABLE {lms}.x (id INT)",
        "LOCK TABLES {lms}.realisation READ",
        "GRANT SELECT ON {kpi}.* TO '{prefix}kpi_read'@'%'",
    ],
    READ: [
        "INSERT INTO {kpi}.kpi_scope (scope_type) VALUES ('GLOBAL')",
        "UPDATE {kpi}.kpi_value SET value_num = 100",
        "DELETE FROM {kpi}.kpi_value",
        "TRUNCATE TABLE {kpi}.kpi_value",
        "CREATE TEMPORARY TABLE {kpi}.x (id INT)",
        "LOCK TABLES {kpi}.kpi_value READ",
        "SELECT * FROM {kpi}.kpi_value FOR UPDATE",
        "SELECT * FROM {lms}.realisation",
    ],
}
NOBODY_MAY = [
    "SELECT * FROM mysql.user",
    "CREATE USER 'somebody'@'%'",
    "CREATE DATABASE x",
    "SET GLOBAL general_log = ON",
    "SELECT 1 INTO OUTFILE '/tmp/kpi_must_not'",
    "SELECT * FROM {neighbour}.secret",
]


@pytest.fixture(scope="module")
def computed(new_warehouse: Callable[..., Warehouse]) -> Iterator[Warehouse]:
    """A night computed under the accounts, and a database beside it whose name `_` would match."""
    warehouse = new_warehouse("rights")
    warehouse.load_source(school.source(0))
    warehouse.night(DAY)
    neighbour = warehouse.name.replace("_", "X")
    warehouse.execute(f"CREATE DATABASE {neighbour}")
    warehouse.execute(f"CREATE TABLE {neighbour}.secret (id INT)")
    yield warehouse
    warehouse.execute(f"DROP DATABASE {neighbour}")


@pytest.mark.parametrize(
    ("account", "statement"),
    [(account, one) for account, several in MUST_NOT.items() for one in (*several, *NOBODY_MAY)],
)
def test_what_an_account_must_not_do(computed: Warehouse, account: str, statement: str) -> None:
    values = computed.connections[account]
    sql = statement.format(
        kpi=computed.name,
        lms=computed.source_name,
        neighbour=computed.name.replace("_", "X"),
        prefix=values["login"].removesuffix(account),
    )
    with (
        pytest.raises(DatabaseError) as refused,
        connect_as(values) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)
    assert refused.value.number in REFUSED, refused.value


@pytest.mark.parametrize("account", [SOURCE, ETL, ADMIN, READ])
def test_the_rights_are_those_of_the_document(computed: Warehouse, account: str) -> None:
    document = {
        (right.strip(), database)
        for rights, database in re.findall(
            rf"^GRANT (.+) ON `@(\w+)`\.\* TO '@{account}'@", ACCOUNTS_SQL.read_text(), re.MULTILINE
        )
        for right in rights.split(",")
    }
    assert document
    login = computed.connections[account]["login"]
    databases = {computed.name: "kpi_db", computed.source_name: "lms_db"}
    granted = set()
    for (grant,) in computed.rows(f"SHOW GRANTS FOR '{login}'@'%'"):
        rights, where = re.fullmatch(r"GRANT (.+) ON (\S+) TO .*", grant).groups()  # type: ignore[union-attr]
        if (rights, where) != ("USAGE", "*.*"):
            database = where.removesuffix(".*").strip("`").replace("\\", "")
            granted |= {(right.strip(), databases[database]) for right in rights.split(",")}
    assert granted == document


def test_the_whole_batch_runs_under_the_accounts(computed: Warehouse) -> None:
    """Bootstrap as kpi_admin, all else as kpi_etl and kpi_source; kpi_read sees the result."""
    computed.use()
    for conn_id in (SOURCE, ETL, ADMIN, READ):
        with session(conn_id) as opened:
            login = computed.connections[conn_id]["login"]
            assert opened.value("SELECT CURRENT_USER()") == f"{login}@%"
    assert all(figures(computed, DAY).values())
    assert {row[2] for row in ledger(computed, (*HISTORY, *FACTS))} == {"DONE"}
    with connect_as(computed.connections[READ]) as reader, reader.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM kpi_value")
        assert cursor.fetchone()[0] > 0


@pytest.mark.parametrize(
    "right", ["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE TEMPORARY TABLES"]
)
def test_each_right_of_kpi_etl_is_needed(computed: Warehouse, right: str) -> None:
    """Without it the batch stops with one sentence that names the account and the way out."""
    computed.use()
    login, database = computed.connections[ETL]["login"], computed.name.replace("_", r"\_")
    before = stored(computed)
    computed.load_source(school.source(1))
    computed.execute(f"REVOKE {right} ON `{database}`.* FROM '{login}'@'%'")
    try:
        with pytest.raises(ConnectionProblem, match=rf"'{login}'.*kpi_etl.*docs/accounts.sql"):
            computed.night(school.day_of(1))
    finally:
        computed.execute(f"GRANT {right} ON `{database}`.* TO '{login}'@'%'")
    assert stored(computed) == before
