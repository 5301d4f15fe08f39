"""Create databases and the accounts of docs/accounts.sql on a server, and connections to them.

    python scripts/mysql_accounts.py KPI_DATABASE LMS_DATABASE

does it on the server of KPI_MYSQL_ROOT, with the passwords KPI_SOURCE_PASSWORD, KPI_ETL_PASSWORD,
KPI_ADMIN_PASSWORD and KPI_READ_PASSWORD of the environment (docker/init.sh runs it so).
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

ACCOUNTS_SQL = Path(__file__).resolve().parent.parent / "docs" / "accounts.sql"
ACCOUNTS = ("kpi_source", "kpi_etl", "kpi_admin", "kpi_read")
ER_ACCESS_DENIED = 1045


class DatabaseError(RuntimeError):
    """A server could not be reached or refused a statement; the message names server and reason."""

    def __init__(self, server: str, reason: str, number: int) -> None:
        super().__init__(f"MySQL at {server}: {reason} (error {number})")
        self.number = number


def create_accounts(
    root_uri: str,
    kpi_db: str | None,
    lms_db: str | None,
    passwords: Mapping[str, str] | None = None,
    prefix: str = "",
) -> dict[str, dict[str, Any]]:
    """Create both databases and the four accounts; return `{connection id: Airflow connection}`.

    The ids are always kpi_source, kpi_etl, kpi_admin and kpi_read; `prefix` goes before the
    account names, so that several sets fit on one server. `passwords` is by id; without it random
    ones are made. With two servers, call it once for each, with None for the database the server
    does not have: the accounts that have nothing to do there are left out. May be repeated:
    existing accounts keep their password.

    Raises ValueError when an existing account has another password than the given one,
    DatabaseError when the server cannot be reached or refuses.
    """
    passwords = passwords or {account: secrets.token_urlsafe(18) for account in ACCOUNTS}
    connections = {}
    with connect(root_uri) as root, root.cursor() as cursor:
        for database in filter(None, (kpi_db, lms_db)):
            cursor.execute(
                f"CREATE DATABASE IF NOT EXISTS {_identifier(database)} CHARACTER SET utf8mb4"
            )
        cursor.execute("SHOW VARIABLES LIKE 'partial_revokes'")  # MariaDB has none
        plain_names = (cursor.fetchone() or ("", "OFF"))[1] == "ON"
        values = _placeholder_values(kpi_db, lms_db, passwords, prefix, escape=not plain_names)
        for statement in account_statements(ACCOUNTS_SQL.read_text(encoding="utf-8"), values):
            cursor.execute(statement)
    for account in ACCOUNTS:
        schema = lms_db if account == "kpi_source" else kpi_db
        if schema is not None:
            connections[account] = _airflow_connection(
                root_uri, schema, prefix + account, passwords[account]
            )
            _check_login(account, connections[account])
    return connections


def account_statements(script: str, values: Mapping[str, str | None]) -> list[str]:
    """Return the statements with `@name` replaced, without those that name a value of None."""
    code = "\n".join(line for line in script.splitlines() if not line.lstrip().startswith("--"))
    statements = []
    for template in filter(None, (part.strip() for part in code.split(";"))):
        names = re.findall(r"@(\w+)", template)
        unknown = [name for name in names if name not in values]
        if unknown:
            raise ValueError(f"docs/accounts.sql has an unknown placeholder @{unknown[0]}.")
        if all(values[name] is not None for name in names):
            statements.append(
                re.sub(r"@(\w+)", lambda match: str(values[match.group(1)]), template)
            )
    return statements


def _placeholder_values(
    kpi_db: str | None,
    lms_db: str | None,
    passwords: Mapping[str, str],
    prefix: str,
    *,
    escape: bool,
) -> dict[str, str | None]:
    """Return what each placeholder stands for; `escape`: `_` is a wildcard in a GRANT."""
    values: dict[str, str | None] = {}
    for name, database in (("kpi_db", kpi_db), ("lms_db", lms_db)):
        values[name] = database.replace("_", r"\_") if database and escape else database
    for account in ACCOUNTS:
        present = (lms_db if account == "kpi_source" else kpi_db) is not None
        values[account] = prefix + account if present else None
        values[f"{account}_password"] = _in_quotes(passwords[account]) if present else None
    return values


def connect(uri: str) -> contextlib.AbstractContextManager[Any]:
    """Open a session on `mysql://user:password@host:port/`; its errors become DatabaseError."""
    parts = urlsplit(uri)
    if parts.scheme != "mysql" or not parts.hostname:
        raise ValueError("KPI_MYSQL_ROOT must look like mysql://user:password@host:port/.")
    login, password = unquote(parts.username or "root"), unquote(parts.password or "")
    return _session(host=parts.hostname, port=parts.port or 3306, user=login, password=password)


def connect_as(connection: Mapping[str, Any]) -> contextlib.AbstractContextManager[Any]:
    """Open a session of an account, an Airflow connection; its errors become DatabaseError."""
    return _session(
        host=connection["host"],
        port=connection["port"],
        user=connection["login"],
        password=connection["password"],
        database=connection["schema"],
    )


@contextlib.contextmanager
def _session(**where: Any) -> Iterator[Any]:
    import mysql.connector  # here, so that `make down` works even without the virtual environment

    try:
        with contextlib.closing(mysql.connector.connect(**where, autocommit=True)) as session:
            yield session
    except mysql.connector.Error as error:
        raise DatabaseError(
            f"{where['host']}:{where['port']}", str(error.msg), error.errno
        ) from error


def _airflow_connection(root_uri: str, schema: str, login: str, password: str) -> dict[str, Any]:
    parts = urlsplit(root_uri)
    return {
        "conn_type": "mysql",
        "host": parts.hostname,
        "port": parts.port or 3306,
        "schema": schema,
        "login": login,
        "password": password,
        # The hook's default is mysqlclient, which is not installed; else it reads ssl_* only.
        "extra": {"client": "mysql-connector-python"},
    }


def _check_login(account: str, connection: Mapping[str, Any]) -> None:
    try:
        with connect_as(connection):
            pass
    except DatabaseError as error:
        if error.number != ER_ACCESS_DENIED:
            raise
        raise ValueError(
            f"Account {connection['login']} exists at {connection['host']}:{connection['port']} "
            f"with another password: drop it there, or give its password in {password_variable(account)} "
            "(without the four variables: in .local/mysql/secrets.json)."
        ) from error


def password_variable(account: str) -> str:
    """Return the environment variable that gives an account's password.

    >>> password_variable("kpi_etl")
    'KPI_ETL_PASSWORD'
    """
    return f"{account.upper()}_PASSWORD"


def given_passwords(environment: Mapping[str, str]) -> dict[str, str] | None:
    """Return the accounts' passwords of the environment, None without any; ValueError for some of the four."""
    passwords = {name: environment.get(password_variable(name), "") for name in ACCOUNTS}
    missing = [password_variable(name) for name in ACCOUNTS if not passwords[name]]
    if len(missing) == len(ACCOUNTS):
        return None
    if missing:
        raise ValueError(f"Set {', '.join(missing)} in the environment too, or none of the four.")
    return passwords


def _identifier(name: str) -> str:
    if not re.fullmatch(r"[0-9A-Za-z_$]{1,64}", name):
        raise ValueError(f"{name!r} is no database name: use letters, digits and _.")
    return f"`{name}`"


def _in_quotes(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "''")


def main(databases: list[str]) -> None:
    """Create the accounts from the environment; an error is one sentence and exit code 1."""
    if len(databases) != 2:
        sys.exit(__doc__)
    try:
        passwords, root_uri = given_passwords(os.environ), os.environ.get("KPI_MYSQL_ROOT")
        if passwords is None or root_uri is None:
            names = ["KPI_MYSQL_ROOT", *map(password_variable, ACCOUNTS)]
            raise ValueError(f"Set {', '.join(names)} in the environment.")
        create_accounts(root_uri, *databases, passwords)
    except (DatabaseError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
