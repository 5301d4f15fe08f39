"""Sessions on MySQL through Airflow's connections, and the errors they give in words.

Every session runs at time_zone '+00:00' (design, "Time") and READ COMMITTED, so that INSERT … SELECT neither
locks what it reads in the source nor waits for it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import mysql.connector
from airflow.providers.mysql.hooks.mysql import MySqlHook
from airflow.sdk.exceptions import AirflowNotFoundException
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from kpi.errors import ConnectionProblem

SOURCE, ETL, ADMIN, READ = "kpi_source", "kpi_etl", "kpi_admin", "kpi_read"

SESSION_SETUP = (
    "SET SESSION time_zone = '+00:00', transaction_isolation = 'READ-COMMITTED', "
    # Or each COUNT(*) without a condition, of an empty table too, starts threads for 9 ms.
    "innodb_parallel_read_threads = 1, "
    "group_concat_max_len = 1048576, join_buffer_size = 67108864, tmp_table_size = 536870912, "
    "sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO'"
)
DRIVER = "mysql-connector-python"

LOCK_WAIT, DEADLOCK, SERVER_GONE, SERVER_LOST = 1205, 1213, 2006, 2013
NOT_CONNECTED = 2055
# The connector's error when it finds, between two statements, that the connection was lost has none.
_NO_NUMBER = -1
TRANSIENT = frozenset({LOCK_WAIT, DEADLOCK, SERVER_GONE, SERVER_LOST, NOT_CONNECTED})
_UNREACHABLE = frozenset({2002, 2003, 2005})
_LOGIN_REFUSED = frozenset({1045, 1698})
_NO_SCHEMA = frozenset({1044, 1049})
_NO_RIGHT = frozenset({1142, 1143, 1044, 1227, 1370})
_READ_ONLY = frozenset({1290, 1792, 1836})

T = TypeVar("T")
Row = tuple[Any, ...]
log = logging.getLogger(__name__)


class Session:
    """A connection to MySQL with the package's session settings, autocommit off."""

    def __init__(self, conn_id: str, connection: Any, schema: str, account: str) -> None:
        self.conn_id = conn_id
        self.connection = connection
        self.schema = schema
        self.account = account
        # One for all statements: before each new one the driver asks the server for a sign of life.
        self._cursor = connection.cursor()
        # The driver needs it to bind values: if it asked later and found the link lost, it would blame the values.
        self.sql_mode = str(connection.sql_mode)

    def run(self, sql: str, parameters: Mapping[str, Any] | Sequence[Any] | None = None) -> int:
        """Execute one statement; return the number of rows MySQL says it affected."""
        with self._errors_in_words():
            self._cursor.execute(sql, parameters)
            if self._cursor.with_rows:
                self._cursor.fetchall()
            return int(self._cursor.rowcount)

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Execute one query; return all its rows."""
        with self._errors_in_words():
            self._cursor.execute(sql, parameters)
            return list(self._cursor.fetchall())

    def value(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """Execute one query; return the first column of its first row, None when there is none."""
        found = self.rows(sql, parameters)
        return found[0][0] if found else None

    def batches(
        self, sql: str, size: int, parameters: Mapping[str, Any] | None = None
    ) -> Iterator[list[Row]]:
        """Execute one query and yield its rows in lists of `size`, never holding more than one."""
        with self._errors_in_words():
            self._cursor.execute(sql, parameters)
            while batch := self._cursor.fetchmany(size):
                yield batch

    def load(self, sql: str, rows: Sequence[Sequence[Any] | Mapping[str, Any]]) -> int:
        """Execute an INSERT … VALUES for many rows at once; return the rows affected."""
        with self._errors_in_words():
            self._cursor.executemany(sql, rows)
            return int(self._cursor.rowcount)

    def commit(self) -> None:
        self.connection.commit()

    def rollback(self) -> None:
        self.connection.rollback()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit when the block ends, roll back when it raises."""
        try:
            yield
            self.commit()
        except BaseException:
            if self.connection.is_connected():
                self.rollback()
            raise

    @contextmanager
    def _errors_in_words(self) -> Iterator[None]:
        try:
            yield
        except mysql.connector.Error as error:
            raise self._in_words(error) or error from error

    def _in_words(self, error: mysql.connector.Error) -> ConnectionProblem | None:
        if error.errno in _NO_RIGHT:
            return ConnectionProblem(
                f"The account '{self.account}' of connection {self.conn_id} lacks a right "
                f"({error.msg}); grant what docs/accounts.sql lists for it."
            )
        if error.errno in _READ_ONLY:
            return ConnectionProblem(
                f"The server of connection {self.conn_id} is read-only ({error.msg}); "
                "point the connection at the primary server, or end its read-only mode."
            )
        return None


def connection_settings(conn_id: str) -> Any:
    """Return an Airflow connection; raises ConnectionProblem when there is none of that name."""
    try:
        return MySqlHook.get_connection(conn_id)
    except AirflowNotFoundException:
        raise ConnectionProblem(
            f"The Airflow connection '{conn_id}' is missing; create it in the UI (Admin, Connections) or as "
            f"AIRFLOW_CONN_{conn_id.upper()}, with the account that docs/accounts.sql gives it."
        ) from None


@contextmanager
def session(conn_id: str) -> Iterator[Session]:
    """Open a session through an Airflow connection and close it at the end.

    Raises ConnectionProblem when the connection is missing, uses another driver, or cannot be opened.
    """
    settings = connection_settings(conn_id)
    client = settings.extra_dejson.get("client", "mysqlclient")
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
    try:
        connection: Any = MySqlHook(mysql_conn_id=conn_id, init_command=SESSION_SETUP).get_conn()
    except mysql.connector.Error as error:
        raise _cannot_open(conn_id, settings, error) from error
    try:
        yield Session(conn_id, connection, settings.schema or "", settings.login or "")
    finally:
        connection.close()


@contextmanager
def source_session(etl: Session) -> Iterator[Session]:
    """Open a session on the source, or give `etl` itself where its connection names the same server.

    Then the source is read by INSERT … SELECT of `etl` alone, and opening another session takes tens of milliseconds.
    """
    if _address(SOURCE) == _address(etl.conn_id):
        yield etl
    else:
        with session(SOURCE) as source:
            yield source


def _address(conn_id: str) -> tuple[str | None, int, str | None]:
    settings = connection_settings(conn_id)
    return settings.host, settings.port or 3306, settings.extra_dejson.get("unix_socket")


def same_server(one: Session, other: Session) -> bool:
    """Tell whether two sessions talk to one MySQL server, whatever their addresses say."""
    return one is other or bool(
        one.value("SELECT @@server_uuid") == other.value("SELECT @@server_uuid")
    )


def transient(error: BaseException) -> bool:
    """Tell whether a whole transaction may simply be tried again after this error."""
    if isinstance(error, mysql.connector.OperationalError) and error.errno == _NO_NUMBER:
        return True
    return isinstance(error, mysql.connector.Error) and error.errno in TRANSIENT


def attempted(work: Callable[[], T], attempts: int) -> T:
    """Run `work`, a whole transaction on a connection of its own, again after transient errors.

    Waits between attempts grow from about 0.2 s to 10 s, with chance in them so that two writers part.
    """
    retrying = Retrying(
        retry=retry_if_exception(transient),
        stop=stop_after_attempt(attempts),
        wait=wait_random_exponential(multiplier=0.2, max=10),
        before_sleep=lambda state: log.warning(
            "Attempt %s of %s failed, trying again: %s",
            state.attempt_number,
            attempts,
            state.outcome.exception() if state.outcome else "",
        ),
        reraise=True,
    )
    return retrying(work)


def _cannot_open(conn_id: str, settings: Any, error: mysql.connector.Error) -> BaseException:
    where = f"{settings.host}:{settings.port or 3306}"
    if error.errno in _UNREACHABLE:
        return ConnectionProblem(
            f"The MySQL server {where} of connection {conn_id} does not answer ({error.msg}); "
            "start it, or correct the connection's host and port."
        )
    if error.errno in _LOGIN_REFUSED:
        return ConnectionProblem(
            f"The MySQL server {where} refuses the account '{settings.login}' of connection {conn_id}; "
            "correct its password, or create it as docs/accounts.sql says."
        )
    if error.errno in _NO_SCHEMA:
        return ConnectionProblem(
            f"The schema '{settings.schema}' of connection {conn_id} does not exist on {where} or is closed to "
            f"'{settings.login}'; create it, or grant what docs/accounts.sql lists."
        )
    return error
