"""One way to connect, for tasks, dashboard and watcher: what the connection says, and in words what goes wrong."""

from __future__ import annotations

from typing import Any

import mysql.connector

from kpi.core.errors import ConnectionProblem, NoConnectionFree
from kpi.core.servers import SHARED_COLLATION, Server

DRIVER = "mysql-connector-python"
# What is taken of a connection's extra, besides `client`.
EXTRAS = frozenset(
    {
        "ssl_ca",
        "ssl_cert",
        "ssl_key",
        "ssl_cipher",
        "ssl_verify_cert",
        "ssl_verify_identity",
        "ssl_disabled",
        "tls_versions",
        "tls_ciphersuites",
        "unix_socket",
        "connection_timeout",
    }
)
_FILES = ("ssl_ca", "ssl_cert", "ssl_key")
# As an address (AIRFLOW_CONN_… = mysql://…) writes them.
_WORDS = {"true": True, "false": False}

_UNREACHABLE = frozenset({2002, 2003, 2005})
_LOGIN_REFUSED = frozenset({1045, 1698})
_NO_SCHEMA = frozenset({1044, 1049})
_NONE_FREE = frozenset({1040, 1203, 1226})
_LOCKED = frozenset({3118, 3955, 4151})  # the last is MariaDB's
_EXPIRED = frozenset({1820, 1862})
_HOST_REFUSED = frozenset({1129, 1130})
_NO_TLS = frozenset({2026, 2061, 3159})
_NO_NUMBER = -1


def connect(conn_id: str, settings: Any, *, is_source: bool) -> tuple[Any, Server]:
    """Open a connection to what an Airflow connection says, set up as servers.py lists; autocommit off.

    Raises ConnectionProblem when the connection is incomplete, the server cannot be reached, refuses, or is of
    another maker or version than needed.
    """
    arguments = connect_arguments(conn_id, settings)
    try:
        connection: Any = mysql.connector.connect(**arguments)
    except mysql.connector.Error as error:
        raise _in_words(conn_id, settings, error) or error from error
    except (AttributeError, OSError, TypeError, ValueError) as error:
        raise _wrong_extra(conn_id, str(error)) from error
    try:
        server = Server.from_banner(str(connection.server_info))
        server.require_fit(conn_id, is_source=is_source)
        with connection.cursor() as cursor:
            for statement in server.setup:
                cursor.execute(statement)
    except mysql.connector.Error as error:
        connection.close()
        raise _in_words(conn_id, settings, error) or error from error
    except ConnectionProblem:
        connection.close()
        raise
    return connection, server


def connect_arguments(conn_id: str, settings: Any) -> dict[str, Any]:
    """Return the driver's arguments for an Airflow connection; raises ConnectionProblem when it is not complete."""
    extra = settings.extra_dejson
    client = extra.get("client", "mysqlclient")
    if client != DRIVER:
        raise ConnectionProblem(
            f"The Airflow connection '{conn_id}' uses the driver '{client}'; "
            f'set its extra to {{"client": "{DRIVER}"}}.'
        )
    if not settings.schema:
        raise ConnectionProblem(
            f"The Airflow connection '{conn_id}' names no schema; put the database's name into it, "
            "that of the LMS for kpi_source, of the kpi_* tables for the others."
        )
    _require_known(conn_id, extra)
    return {
        "user": settings.login,
        "password": settings.password or "",
        "host": settings.host or "localhost",
        "port": int(settings.port or 3306),
        "database": settings.schema,
        "collation": SHARED_COLLATION,
        **{
            name: _WORDS.get(value, value) if isinstance(value, str) else value
            for name, value in extra.items()
            if name in EXTRAS
        },
    }


def _require_known(conn_id: str, extra: dict[str, Any]) -> None:
    """Refuse what looks like encryption and would be ignored, and files that are not there."""
    for name in extra:
        if name.startswith(("ssl", "tls")) and name not in EXTRAS:
            raise _wrong_extra(conn_id, f"there is no '{name}'")
    for name in _FILES:
        if name in extra:
            try:
                with open(str(extra[name]), "rb"):
                    pass
            except OSError as error:
                raise ConnectionProblem(
                    f"The file '{extra[name]}', {name} of the Airflow connection '{conn_id}', cannot be read "
                    f"({error.strerror}); correct its path, or make it readable for the account that Airflow runs as."
                ) from error


def _wrong_extra(conn_id: str, reason: str) -> ConnectionProblem:
    return ConnectionProblem(
        f"The extra of the Airflow connection '{conn_id}' is wrong ({reason.rstrip('.')}); besides client it may have "
        f"{', '.join(sorted(EXTRAS))}, with the values that MySQL Connector/Python takes."
    )


def _in_words(
    conn_id: str, settings: Any, error: mysql.connector.Error
) -> ConnectionProblem | None:
    where = f"{settings.host}:{settings.port or 3306}"
    number, login = error.errno, settings.login
    if number == _NO_NUMBER and isinstance(error, mysql.connector.InterfaceError):
        return _wrong_extra(conn_id, str(error.msg))  # found by the driver itself
    if number in _UNREACHABLE:
        return ConnectionProblem(
            f"The MySQL server {where} of connection {conn_id} does not answer ({error.msg}); "
            "start it, or correct the connection's host and port."
        )
    if number in _LOGIN_REFUSED:
        return ConnectionProblem(
            f"The MySQL server {where} refuses the account '{login}' of connection {conn_id}; "
            "correct its password, or create it as docs/accounts.sql says."
        )
    if number in _NO_SCHEMA:
        return ConnectionProblem(
            f"The schema '{settings.schema}' of connection {conn_id} does not exist on {where} or is closed to "
            f"'{login}'; create it, or grant what docs/accounts.sql lists."
        )
    if number in _NONE_FREE:
        return NoConnectionFree(
            f"The MySQL server {where} of connection {conn_id} has no connection free for '{login}' ({error.msg}); "
            "try again later, or raise its max_connections, or the account's own limit."
        )
    return _refused(conn_id, where, login, error)


def _refused(
    conn_id: str, where: str, login: str, error: mysql.connector.Error
) -> ConnectionProblem | None:
    """Say why an account, a machine or an encryption is refused; None for other errors."""
    if error.errno in _LOCKED:
        what, way_out = "is locked", f"unlock it with ALTER USER '{login}'@… ACCOUNT UNLOCK"
    elif error.errno in _EXPIRED:
        what = "has a password that expired"
        way_out = f"renew it with ALTER USER '{login}'@… IDENTIFIED BY …, and in the connection"
    elif error.errno in _HOST_REFUSED:
        what = f"may not log in from this machine ({error.msg})"
        way_out = "create it for this machine's address as docs/accounts.sql says, or FLUSH HOSTS after failed attempts"
    elif error.errno in _NO_TLS or "[SSL" in str(error.msg):
        what = f"cannot be logged in with this encryption ({error.msg})"
        way_out = "correct ssl_ca, ssl_cert, ssl_key and ssl_verify_* in the connection's extra"
    else:
        return None
    return ConnectionProblem(
        f"The account '{login}' of connection {conn_id} on {where} {what}; {way_out}."
    )
