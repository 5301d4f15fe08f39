"""The demo school in a MySQL database: made at an instant, and moved on to later ones."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import mysql.connector
from mysql.connector.abstracts import MySQLConnectionAbstract

from . import statements
from .clock import stored, utc, zone
from .lines import Row
from .realisations import REALISATION_TABLES
from .schema import CLOCK_TABLE, create_statements, tables
from .school import School, TableChanges

ROWS_HELD = 10_000
BATCHES_AHEAD = 3


class DemoSourceError(Exception):
    """What was asked of the demo source cannot be done; the message says why and the way out."""


@dataclass(frozen=True)
class Moved:
    """What `advance` wrote: rows inserted, updated and deleted, by table."""

    inserted: dict[str, int]
    updated: dict[str, int]
    deleted: dict[str, int]

    def __str__(self) -> str:
        new, changed, gone = (
            sum(rows.values()) for rows in (self.inserted, self.updated, self.deleted)
        )
        return f"{new} rows inserted, {changed} updated, {gone} deleted"


@dataclass(frozen=True)
class _Clock:
    stands_at: datetime
    app_timezone: str
    parameters: dict[str, Any]


def connection_arguments(uri: str) -> dict[str, Any]:
    """Return host, port, user and password of `mysql://user:password@host:port/`.

    Raises DemoSourceError for anything else.
    """
    parts = urlsplit(uri)
    if parts.scheme != "mysql" or not parts.hostname:
        raise DemoSourceError(
            f"A server is given as mysql://user:password@host:port/, not as {uri[:8]}…."
        )
    return {
        "host": parts.hostname,
        "port": parts.port or 3306,
        "user": unquote(parts.username or "root"),
        "password": unquote(parts.password or ""),
    }


class DemoSource:
    """One demo database on a server.

    `server` is a `mysql://` URI or the arguments of `mysql.connector.connect`. `datetime` columns
    are stored in `app_timezone`. Raises DemoSourceError for a name or zone that cannot be used.
    """

    def __init__(
        self,
        server: str | Mapping[str, Any],
        database: str = "lms_demo",
        school: School | None = None,
        app_timezone: str = "UTC",
    ) -> None:
        if not (database.isascii() and database.isidentifier() and len(database) <= 64):
            raise DemoSourceError(
                f"{database!r} is no name for a demo database: use letters, digits and _ only."
            )
        try:
            zone(app_timezone)
        except ValueError as error:
            raise DemoSourceError(str(error)) from None
        self._server = connection_arguments(server) if isinstance(server, str) else dict(server)
        self.database, self.app_timezone = database, app_timezone
        self.school = school or School()

    @classmethod
    def open(cls, server: str | Mapping[str, Any], database: str = "lms_demo") -> DemoSource:
        """Return the demo source that is there, with the school and zone it was made with."""
        source = cls(server, database)
        with source._connect() as connection:
            clock = source._clock(connection)
        source.app_timezone = clock.app_timezone
        source.school = School.from_parameters(clock.parameters)
        return source

    def create(self, at: datetime) -> dict[str, int]:
        """Drop the database, make it as it stands at that instant (aware), return rows by table.

        Accounts keep their rights on the database. Refuses to drop one that is not a demo.
        """
        stands_at = utc(at)
        with self._connect(use=False) as connection:
            self._refuse_other_database(connection)
            cursor = connection.cursor()
            cursor.execute(f"DROP DATABASE IF EXISTS `{self.database}`")
            cursor.execute(
                f"CREATE DATABASE `{self.database}` "
                "CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"
            )
            cursor.execute(f"USE `{self.database}`")
            for statement in create_statements():
                cursor.execute(statement)
            # Rows come learner by learner, and children may come before their parents.
            cursor.execute("SET SESSION foreign_key_checks = 0, unique_checks = 0")
            counts = self._load(connection, at)
            cursor.execute(
                f"INSERT INTO {CLOCK_TABLE} (id, stands_at, app_timezone, parameters) "
                "VALUES (1, %s, %s, %s)",
                (stands_at, self.app_timezone, json.dumps(self.school.parameters())),
            )
            connection.commit()
            cursor.execute("ANALYZE TABLE " + ", ".join(REALISATION_TABLES))
            cursor.fetchall()
        return counts

    def advance(self, to: datetime) -> Moved:
        """Move the database on to a later instant (aware), in one transaction.

        Only what differs in the school between the two instants is written, so rows that somebody
        else changed or added stay until they change in the school as well.
        Raises DemoSourceError when the database stands later, or is of another school or zone.
        """
        target = utc(to)
        with self._connect() as connection:
            clock = self._clock(connection, lock=True)
            self._refuse_other_school(clock)
            if target < clock.stands_at:
                raise DemoSourceError(
                    f"{self.database} stands at {clock.stands_at.isoformat()}Z and can't go back "
                    f"to {target.isoformat()}Z: create it anew at that instant."
                )
            since = clock.stands_at.replace(tzinfo=UTC)
            changes = self.school.changes(since, to, self.app_timezone)
            self._write(connection, changes)
            connection.cursor().execute(f"UPDATE {CLOCK_TABLE} SET stands_at = %s", (target,))
            connection.commit()
        return Moved(
            {name: len(table.inserted) for name, table in changes.items() if table.inserted},
            {name: len(table.updated) for name, table in changes.items() if table.updated},
            {name: len(table.deleted) for name, table in changes.items() if table.deleted},
        )

    def stands_at(self) -> datetime:
        """Return the instant the database stands at, aware (UTC)."""
        with self._connect() as connection:
            return self._clock(connection).stands_at.replace(tzinfo=UTC)

    def change_share(self, share: float, at: datetime) -> int:
        """Change the progress of that share (0 to 1) of each realisation table's rows.

        Their `dernier_update` and `updated_at` become `at` (aware); another instant picks other
        rows. For benchmarks: it is no part of the school's life, and `demo_clock` stays.
        Returns how many rows changed.
        """
        if not 0 <= share <= 1:
            raise DemoSourceError(f"A share of rows lies between 0 and 1: {share} does not.")
        instant, changed = utc(at), 0
        wall = stored(instant, zone(self.app_timezone))
        with self._connect() as connection:
            self._clock(connection, lock=True)
            cursor = connection.cursor()
            for name in REALISATION_TABLES:
                cursor.execute(f"SELECT COUNT(*) FROM `{name}`")
                row: Any = cursor.fetchone()
                cursor.execute(
                    f"UPDATE `{name}` JOIN ("
                    f"SELECT id FROM `{name}` ORDER BY CRC32(CONCAT(%s, id)), id LIMIT %s"
                    ") AS picked USING (id) SET progression_cache = "
                    "IF(progression_cache >= 50, progression_cache - 7, progression_cache + 3), "
                    "dernier_update = %s, updated_at = %s",
                    (str(instant), round(share * row[0]), wall, instant),
                )
                changed += cursor.rowcount
            connection.commit()
        return changed

    @contextmanager
    def _connect(self, *, use: bool = True) -> Iterator[MySQLConnectionAbstract]:
        """Open a session in UTC; what is not committed at its end is rolled back."""
        target = {"database": self.database} if use else {}
        try:
            connection: Any = mysql.connector.connect(
                **{**self._server, **target, "charset": "utf8mb4", "autocommit": False}
            )
        except mysql.connector.Error as error:
            where = f"{self._server.get('host', '127.0.0.1')}:{self._server.get('port', 3306)}"
            raise DemoSourceError(f"Can't open {self.database} on {where}: {error.msg}.") from error
        try:
            connection.cursor().execute(
                "SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES'"
            )
            yield connection
        finally:
            connection.close()

    def _refuse_other_database(self, connection: MySQLConnectionAbstract) -> None:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT COUNT(*), COALESCE(SUM(table_name = %s), 0) FROM information_schema.tables "
            "WHERE table_schema = %s",
            (CLOCK_TABLE, self.database),
        )
        row: Any = cursor.fetchone()
        if row[0] and not row[1]:
            raise DemoSourceError(
                f"{self.database} holds {row[0]} tables and no {CLOCK_TABLE}, so it is no demo: "
                "choose another name, or drop it yourself."
            )

    def _refuse_other_school(self, clock: _Clock) -> None:
        given = (self.app_timezone, self.school.parameters())
        if (clock.app_timezone, clock.parameters) != given:
            raise DemoSourceError(
                f"{self.database} was made with app_timezone {clock.app_timezone} and "
                f"{json.dumps(clock.parameters)}: use DemoSource.open, or create it anew."
            )

    def _clock(self, connection: MySQLConnectionAbstract, *, lock: bool = False) -> _Clock:
        cursor = connection.cursor()
        query = f"SELECT stands_at, app_timezone, parameters FROM {CLOCK_TABLE}"
        try:
            cursor.execute(f"{query} FOR UPDATE" if lock else query)
        except mysql.connector.errors.ProgrammingError as error:
            raise DemoSourceError(f"{self.database} is no demo source: {error.msg}.") from error
        row: Any = cursor.fetchone()
        if row is None:
            raise DemoSourceError(f"{self.database} was not made to its end: create it anew.")
        return _Clock(row[0], row[1], json.loads(row[2]))

    def _load(self, connection: MySQLConnectionAbstract, at: datetime) -> dict[str, int]:
        """Insert all rows; the server works on some while the next ones are made."""
        held: dict[str, list[Row]] = {name: [] for name in tables()}
        counts = dict.fromkeys(tables(), 0)
        sent: deque[Future[None]] = deque()

        def flush(name: str) -> None:
            batch = list(statements.inserts(tables()[name], held[name]))
            counts[name] += len(held[name])
            held[name].clear()
            sent.append(sender.submit(_execute, connection, batch))
            if len(sent) > BATCHES_AHEAD:
                sent.popleft().result()

        with ThreadPoolExecutor(max_workers=1) as sender:
            for name, _, row in self.school.rows_at(at, self.app_timezone):
                held[name].append(row)
                if len(held[name]) >= ROWS_HELD:
                    flush(name)
            for name in held:
                flush(name)
            for future in sent:
                future.result()
        return counts

    def _write(self, connection: MySQLConnectionAbstract, changes: dict[str, TableChanges]) -> None:
        """Delete from the leaves up, insert from the roots down, then update.

        A pivot's rows never change, so all rows that do have an id. Nothing is left to cascades:
        MySQL 9.7.4 leaves rows in those of two levels, unless innodb_native_foreign_keys is on.
        """
        cursor = connection.cursor()
        changed = [(table, changes[name]) for name, table in tables().items() if name in changes]
        for table, change in reversed(changed):
            for statement in statements.deletes(table, change.deleted.values()):
                cursor.execute(statement)
        for table, change in changed:
            for statement in statements.inserts(table, change.inserted.values()):
                cursor.execute(statement)
        for table, change in changed:
            for statement in statements.updates(table, change.updated.values()):
                cursor.execute(statement)


def _execute(connection: MySQLConnectionAbstract, batch: list[str]) -> None:
    cursor = connection.cursor()
    for statement in batch:
        cursor.execute(statement)
    connection.commit()
