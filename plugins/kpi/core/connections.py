"""Sessions on MySQL through Airflow's connections, and the errors they give in words.

How one is opened is in connecting.py, what it is set to in servers.py.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import mysql.connector
from airflow.providers.mysql.hooks.mysql import MySqlHook
from airflow.sdk.exceptions import AirflowNotFoundException
from mysql.connector.conversion import MySQLConverter
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from kpi.core.connecting import connect
from kpi.core.errors import ConnectionProblem

SOURCE, ETL, ADMIN, READ = "kpi_source", "kpi_etl", "kpi_admin", "kpi_read"

# A source's zero dates are read like any other value, to be set aside by the capture with their reason.
AS_THEY_ARE = "STRICT_TRANS_TABLES,ALLOW_INVALID_DATES,ERROR_FOR_DIVISION_BY_ZERO"

LOCK_WAIT, DEADLOCK, SERVER_GONE, SERVER_LOST = 1205, 1213, 2006, 2013
NOT_CONNECTED = 2055
# The connector's error when it finds, between two statements, that the connection was lost has none.
_NO_NUMBER = -1
TRANSIENT = frozenset({LOCK_WAIT, DEADLOCK, SERVER_GONE, SERVER_LOST, NOT_CONNECTED})
_NO_RIGHT = frozenset({1142, 1143, 1044, 1227, 1370})
_READ_ONLY = frozenset({1290, 1792, 1836})

T = TypeVar("T")
Row = tuple[Any, ...]
log = logging.getLogger(__name__)


class _DatesAsText(MySQLConverter):
    """Gives dates as the server writes them: the driver's own values know no zero date, and make it None."""

    @staticmethod
    def _date_to_python(value: bytes, dsc: Any = None) -> Any:
        return value.decode()

    _datetime_to_python = _timestamp_to_python = _date_to_python


class Session:
    """A connection to MySQL with the package's session settings, autocommit off."""

    def __init__(self, conn_id: str, settings: Any) -> None:
        """Open it as an Airflow connection says; raises ConnectionProblem."""
        self.conn_id = conn_id
        connection, self.server = connect(conn_id, settings, is_source=conn_id == SOURCE)
        self.connection = connection
        self.schema = str(settings.schema)
        self.account = settings.login or ""
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

    def record(self, sql: str, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Execute one query; return its first row by column, {} when there is none."""
        rows = self.rows(sql, parameters)
        return dict(zip(self._cursor.column_names, rows[0], strict=True)) if rows else {}

    def value(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """Execute one query; return the first column of its first row, None when there is none."""
        rows = self.rows(sql, parameters)
        return rows[0][0] if rows else None

    def columns(self, sql: str) -> list[tuple[str, int, int]]:
        """Execute one query; return the name, type (FieldType) and charset of its columns, in order."""
        with self._errors_in_words():
            self._cursor.execute(sql)
            self._cursor.fetchall()
            return [(name, kind, charset) for name, kind, *_, charset in self._cursor.description]

    def read_as_they_are(self) -> None:
        """From now on give dates as text, zero dates too; for a session that does nothing but read a source."""
        self.run(f"SET SESSION sql_mode = '{AS_THEY_ARE}'")
        self.connection.set_converter_class(_DatesAsText)

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

    def close(self) -> None:
        self.connection.close()

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

    Raises ConnectionProblem when the connection is missing or incomplete, or cannot be opened.
    """
    opened = Session(conn_id, connection_settings(conn_id))
    try:
        yield opened
    finally:
        opened.close()


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


def same_server(first: Session, other: Session) -> bool:
    """Tell whether two sessions talk to one MySQL server, whatever their addresses say."""
    if first is other or first.server != other.server:
        return first is other
    return bool(first.value("SELECT @@server_uuid") == other.value("SELECT @@server_uuid"))


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
