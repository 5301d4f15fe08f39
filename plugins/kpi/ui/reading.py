"""Queries of include/sql/display/dashboard through kpi_read, on sessions that are kept open.

To open a session takes about ten times as long as a query.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import cache
from typing import Any

import mysql.connector
from sqlalchemy.exc import TimeoutError as NoneFree
from sqlalchemy.pool import QueuePool

from kpi.core.connections import READ, Session, session, transient
from kpi.core.errors import KpiError
from kpi.core.settings import settings
from kpi.core.templates import renderer

SESSIONS = 2  # in each process of the api-server, and as many threads: see turns.py
SECONDS_FOR_A_FREE_ONE = 5
SECONDS_OPEN = 600
SECONDS_OF_A_QUERY = 10
_NO_SUCH_TABLE, _NO_SUCH_COLUMN = 1146, 1054
_TRUE_OR_FALSE = ("complete", "chosen")  # MySQL has numbers for these

Row = dict[str, Any]
log = logging.getLogger(__name__)


class DatabaseAway(KpiError):
    """MySQL, or the connection kpi_read, does not answer; the cause is in the log."""


class NotBootstrapped(KpiError):
    """The kpi_* tables are not there, or are older than this package."""


class _Link:
    """A session on kpi_read that stays open, as a connection for the pool."""

    def __init__(self) -> None:
        with ExitStack() as opened:
            self.session: Session = opened.enter_context(session(READ))
            self.session.connection.autocommit = True
            self.session.run(f"SET SESSION MAX_EXECUTION_TIME = {SECONDS_OF_A_QUERY * 1000:.0f}")
            # One for all queries: the connection asks the server for a sign of life before each new one.
            self._cursor = self.session.connection.cursor()
            self._opened = opened.pop_all()

    def rows(self, sql: str, parameters: Mapping[str, Any] | None) -> list[Row]:
        """Run a query and return its rows by column."""
        self._cursor.execute(sql, parameters)
        names = self._cursor.column_names
        rows: list[Row] = [dict(zip(names, row, strict=True)) for row in self._cursor.fetchall()]
        for name in _TRUE_OR_FALSE:
            if name in names:
                for row in rows:
                    row[name] = None if row[name] is None else bool(row[name])
        return rows

    def close(self) -> None:
        self._opened.close()


@cache
def _pool() -> QueuePool:
    return QueuePool(
        _Link,  # type: ignore[arg-type]  # the pool asks a connection for nothing but close()
        pool_size=SESSIONS,
        max_overflow=0,
        timeout=SECONDS_FOR_A_FREE_ONE,
        recycle=SECONDS_OPEN,
        reset_on_return=None,  # nothing to undo: each statement commits by itself
    )


def close() -> None:
    """Close the sessions kept open; the next query opens another."""
    _pool().dispose()
    _pool.cache_clear()


@cache
def _sql(name: str, shape: tuple[tuple[str, int], ...]) -> str:
    return renderer(settings(), **dict(shape))(f"display/dashboard/{name}.sql")


def rows(name: str, parameters: Mapping[str, Any] | None = None, **shape: int) -> list[Row]:
    """Run a query, named for its file, and return its rows by column; `shape` is for the template.

    Raises DatabaseAway or NotBootstrapped when the database is not as it should be. A session that was
    lost while it lay open is replaced once.
    """
    sql = _sql(name, tuple(sorted(shape.items())))
    try:
        try:
            return _run(sql, parameters)
        except mysql.connector.Error as error:
            if not transient(error):
                raise
            close()
            return _run(sql, parameters)
    except mysql.connector.Error as error:
        log.warning("Query %s of the dashboard failed: %s", name, error)
        if error.errno in (_NO_SUCH_TABLE, _NO_SUCH_COLUMN):
            raise NotBootstrapped(str(error)) from error
        raise DatabaseAway(str(error)) from error
    except (KpiError, NoneFree) as error:
        log.warning("Query %s of the dashboard could not be asked: %s", name, error)
        raise DatabaseAway(str(error)) from error


def captured_at() -> datetime | None:
    """Return the instant of the last capture, UTC; None before the first."""
    captures = rows("captured_at")
    return captures[0]["captured_at"] if captures else None


@contextmanager
def borrowed() -> Iterator[_Link]:
    """Lend one of the open sessions; one that fails is not used again."""
    link = _pool().connect()
    try:
        yield link  # type: ignore[misc]  # the pool hands on all that the link has
    except Exception:
        link.invalidate()
        raise
    finally:
        link.close()


def _run(sql: str, parameters: Mapping[str, Any] | None) -> list[Row]:
    with borrowed() as link:
        return link.rows(sql, parameters)
