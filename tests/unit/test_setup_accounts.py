"""docs/accounts.sql: what it says, and what a server makes of it."""

import re
from pathlib import Path

import project_database
import pytest
from mysql_accounts import (
    ACCOUNTS,
    DatabaseError,
    account_statements,
    connect,
    connect_as,
    create_accounts,
    given_passwords,
    password_variable,
)
from mysql_server import PrivateServer

DML = {"SELECT", "INSERT", "UPDATE", "DELETE"}
RIGHTS = {
    ("kpi_source", "lms_db"): {"SELECT"},
    ("kpi_etl", "kpi_db"): DML | {"CREATE TEMPORARY TABLES"},
    ("kpi_etl", "lms_db"): {"SELECT"},
    ("kpi_admin", "kpi_db"): DML
    | {"CREATE", "ALTER", "DROP", "INDEX", "REFERENCES", "LOCK TABLES"},
    ("kpi_read", "kpi_db"): {"SELECT"},
}
GRANT = re.compile(r"GRANT (.+) ON `(.+)`\.\* TO [`'](\w+)[`']@")


def test_placeholders_are_replaced_and_statements_without_a_value_left_out() -> None:
    script = "-- a comment; with @anything\nGRANT x ON @a TO '@b';\nGRANT y ON @c TO '@b';\n"
    values = {"a": "one", "b": "two", "c": None}
    assert account_statements(script, values) == ["GRANT x ON one TO 'two'"]


def test_unknown_placeholder_is_named() -> None:
    with pytest.raises(ValueError, match="@nobody"):
        account_statements("GRANT x ON @nobody", {})


def test_accounts_have_these_rights_and_no_others(server: PrivateServer) -> None:
    databases = {"kpi_db": "setup_rights_kpi", "lms_db": "setup_rights_lms"}
    accounts = create_accounts(
        server.root_uri, *databases.values(), server.passwords, "setup_rights_"
    )
    granted = {}
    with connect(server.root_uri) as root, root.cursor() as cursor:
        for account, connection in accounts.items():
            cursor.execute(f"SHOW GRANTS FOR `{connection['login']}`")
            usage, *grants = [row[0] for row in cursor]
            assert usage.startswith("GRANT USAGE ON *.*")
            for grant in grants:
                rights, database, _ = GRANT.match(grant).groups()
                names = {name: key for key, name in databases.items()}
                key = (account, names[database.replace("\\\\", "\\").replace(r"\_", "_")])
                granted[key] = set(rights.split(", "))
    assert granted == RIGHTS


def test_underscore_in_a_database_name_lets_nobody_into_another(server: PrivateServer) -> None:
    with connect(server.root_uri) as root, root.cursor() as cursor:
        cursor.execute("CREATE DATABASE IF NOT EXISTS tXother")
    made = create_accounts(server.root_uri, "t_other", "t_lms", server.passwords, "t_under_")
    with (
        pytest.raises(DatabaseError, match="Access denied"),
        connect_as(made["kpi_read"] | {"schema": "tXother"}),
    ):
        pass


def test_with_two_servers_each_gets_what_it_needs(server: PrivateServer) -> None:
    kpi = create_accounts(server.root_uri, "t_two_kpi", None, server.passwords, "t_two_a_")
    lms = create_accounts(server.root_uri, None, "t_two_lms", server.passwords, "t_two_b_")
    assert set(kpi) == {"kpi_etl", "kpi_admin", "kpi_read"}
    assert set(lms) == {"kpi_source"}


def test_an_account_with_another_password_is_not_touched(server: PrivateServer) -> None:
    create_accounts(server.root_uri, "t_again", "t_lms", server.passwords, "t_again_")
    with pytest.raises(ValueError, match=r"t_again_kpi_source exists at .* another password"):
        create_accounts(server.root_uri, "t_again", "t_lms", None, "t_again_")
    made = create_accounts(server.root_uri, "t_again", "t_lms", server.passwords, "t_again_")
    assert made["kpi_etl"]["extra"] == {"client": "mysql-connector-python"}


def test_a_given_server_gets_the_passwords_of_the_environment(
    server: PrivateServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project_database, "CONNECTIONS", tmp_path / "connections.json")
    monkeypatch.setattr(project_database, "private_server", lambda: PrivateServer(tmp_path))
    monkeypatch.setattr(project_database, "KPI_DB", "t_given_kpi")
    monkeypatch.setattr(project_database, "LMS_DB", "t_given_lms")
    monkeypatch.setenv("KPI_MYSQL_ROOT", server.root_uri)
    passwords = {name: f"of{name.replace('_', '')}" for name in ACCOUNTS}
    for name, password in passwords.items():
        monkeypatch.setenv(password_variable(name), password)
    try:
        made = project_database.start()["connections"]
        assert {name: made[name]["password"] for name in made} == passwords
        assert not (tmp_path / "secrets.json").exists()
        monkeypatch.setenv("KPI_ETL_PASSWORD", "another")
        with pytest.raises(ValueError, match="give its password in KPI_ETL_PASSWORD"):
            project_database.start()
    finally:
        with connect(server.root_uri) as root, root.cursor() as cursor:
            cursor.execute(f"DROP USER IF EXISTS {', '.join(ACCOUNTS)}")


def test_some_of_the_four_passwords_are_no_set() -> None:
    assert given_passwords({}) is None
    with pytest.raises(ValueError, match="Set KPI_SOURCE_PASSWORD, KPI_READ_PASSWORD in"):
        given_passwords({"KPI_ETL_PASSWORD": "a", "KPI_ADMIN_PASSWORD": "b"})
