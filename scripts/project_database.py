"""The database server of this checkout: its private one, or the one named by KPI_MYSQL_ROOT.

    python scripts/project_database.py install           find or unpack MySQL, start nothing
    python scripts/project_database.py start             server, databases, accounts
    python scripts/project_database.py stop
    python scripts/project_database.py sql [STATEMENT]   on the KPI database, as kpi_read

`start` writes `.local/mysql/connections.json`, from which scripts/environment.py takes the
connections.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from mysql_accounts import (
    ACCOUNTS_SQL,
    DatabaseError,
    connect_as,
    create_accounts,
    given_passwords,
)
from mysql_packages import MYSQL_HOME, MySQLNotFoundError, find_mysqld
from mysql_server import PrivateServer, ServerError, write_private

CONNECTIONS = MYSQL_HOME / "connections.json"
KPI_DB = "kpi"
LMS_DB = "lms_demo"


def private_server() -> PrivateServer:
    """Return the server of this checkout, running or not."""
    options = {}
    if os.environ.get("KPI_MYSQL_BUFFER_POOL"):
        options["innodb-buffer-pool-size"] = os.environ["KPI_MYSQL_BUFFER_POOL"]
    return PrivateServer(MYSQL_HOME, options=options)


def given_server(environment: Mapping[str, str]) -> str | None:
    """Return the server named in KPI_MYSQL_ROOT, None when that is our own, set by `make env`."""
    named = environment.get("KPI_MYSQL_ROOT")
    return None if not named or named == environment.get("KPI_MYSQL_PRIVATE_ROOT") else named


def start() -> dict[str, Any]:
    """Bring up server, databases and accounts, and return what CONNECTIONS holds. May be repeated.

    On a given server the accounts have the passwords of the environment, where these are set.
    Keys: `root` (URI), `private` (bool: ours to stop), `connections` ({id: Airflow connection}).
    """
    server = private_server()
    given = given_server(os.environ)
    if given is None:
        server.start()
    root = given or server.root_uri
    made_from = _fingerprint(root, server)
    known = read_connections()
    if known and given is None and known["made_from"] == made_from:
        return known
    passwords = (given_passwords(os.environ) if given else None) or server.passwords
    made = {
        "root": root,
        "private": given is None,
        "connections": create_accounts(root, KPI_DB, LMS_DB, passwords),
        "made_from": made_from,
    }
    write_private(CONNECTIONS, json.dumps(made, indent=1) + "\n")
    return made


def _fingerprint(root: str, server: PrivateServer) -> str:
    """Return what the accounts depend on: the server's address, the id of its data, the GRANTs."""
    identity = server.data / "auto.cnf"
    parts = [
        root.encode(),
        ACCOUNTS_SQL.read_bytes(),
        identity.read_bytes() if identity.exists() else b"",
    ]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def read_connections() -> dict[str, Any] | None:
    """Return what the last `start` wrote, None before the first."""
    return json.loads(CONNECTIONS.read_text()) if CONNECTIONS.exists() else None


def sql(statement: str | None) -> None:
    """Print a statement's rows tab-separated under a header; without a statement, open a client."""
    connection = start()["connections"]["kpi_read"]
    if statement is None:
        _open_client(connection)
    with connect_as(connection) as session, session.cursor() as cursor:
        cursor.execute(statement)
        if cursor.description is None:
            return
        print("\t".join(column[0] for column in cursor.description))
        for row in cursor:
            print("\t".join(_cell(value) for value in row))


def _cell(value: object) -> str:
    """Return a value as the `mysql` client prints it in batch mode, one line and no tab inside."""
    if value is None:
        return "NULL"
    text = value.decode(errors="replace") if isinstance(value, (bytes, bytearray)) else str(value)
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


def _open_client(connection: Mapping[str, Any]) -> None:
    client = find_mysqld().client
    if client is None:
        sys.exit("No `mysql` client beside this server: give a statement, make sql Q='SELECT …'.")
    os.environ["MYSQL_PWD"] = connection[
        "password"
    ]  # not on the command line, where others could read it
    # An unpacked client knows no terminal: the system's descriptions lie in one of these.
    os.environ.setdefault("TERMINFO_DIRS", "/etc/terminfo:/lib/terminfo:/usr/share/terminfo")
    where = [
        f"--host={connection['host']}",
        f"--port={connection['port']}",
        f"--user={connection['login']}",
    ]
    os.execvp(client[0], [*client, *where, connection["schema"]])


def main(arguments: list[str]) -> None:
    """Run one command; errors are one sentence on stderr and exit code 1."""
    command, *rest = arguments or [""]
    try:
        if command == "install" and not rest:
            if given_server(os.environ) is None:
                print(f"MySQL {find_mysqld().version} is ready.")
        elif command == "start" and not rest:
            start()
        elif command == "stop" and not rest:
            private_server().stop()
        elif command == "sql" and len(rest) <= 1:
            sql(rest[0] if rest and rest[0].strip() else None)
        else:
            sys.exit(__doc__)
    except (DatabaseError, MySQLNotFoundError, ServerError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
