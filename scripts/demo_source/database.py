"""The demo school in a MySQL database: made at an instant, and moved on to a later one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import mysql.connector
from mysql.connector.abstracts import MySQLConnectionAbstract

from . import statements
from .clock import utc, zone
from .lines import Row
from .realisations import REALISATION_TABLES
from .schema import CLOCK_TABLE, tables
from .schema import statements as schema_statements
from .school import School, TableChanges

ROWS_HELD = 20_000


class DemoSourceError(Exception):
    """What was asked of the demo source cannot be done; the message says why and the way out."""


@dataclass(frozen=True)
class Moved:
    """What `advance` wrote: rows inserted, updated and deleted, by table."""

    inserted: dict[str, int]
    updated: dict[str, int]
    deleted: dict[str, int]

    def __str__(self) -> str:
        totals = (
            sum(self.inserted.values()),
            sum(self.updated.values()),
            sum(self.deleted.values()),
        )
        return "{} rows inserted, {} updated, {} deleted".format(*totals)


def connection_arguments(uri: str) -> dict[str, Any]:
    """host, port, user and password of `mysql://user:password@host:port/`. Raises DemoSourceError for anything else."""
    parts = urlsplit(uri)
    if parts.scheme != "mysql" or not parts.hostname:
        raise DemoSourceError(
            f"A server is given as mysql://user:password@host:port/, not as one that begins with {uri[:8]!r}."
        )
    return {
        "host": parts.hostname,
        "port": parts.port or 3306,
        "user": unquote(parts.username or "root"),
        "password": unquote(parts.password or ""),
    }


class DemoSource:
    """One demo database on a server.

    `server` is a `mysql://` URI or the arguments of `mysql.connector.connect`. `datetime` columns are stored in
    `app_timezone`. Without a school, the one that the database was made with is read from it.
    """

    def __init__(
        self,
        server: str | Mapping[str, Any],
        database: str = "lms_demo",
        school: School | None = None,
        app_timezone: str = "UTC",
    ) -> None:
        if not database.isidentifier() or len(database) > 64:
            raise DemoSourceError(
                f"{database!r} is no name for a demo database: use letters, digits and _, at most 64."
            )
        try:
            zone(app_timezone)
        except ValueError as error:
            raise DemoSourceError(str(error)) from None
        self._server = connection_arguments(server) if isinstance(server, str) else dict(server)
        self.database, self.app_timezone = database, app_timezone
        self._school = school

    @classmethod
    def open(cls, server: str | Mapping[str, Any], database: str = "lms_demo") -> DemoSource:
        """The demo source that is there, with the school and the zone it was made with."""
        found = cls(server, database)
        with found._connect() as connection:
            _, found.app_timezone, parameters = found._clock(connection)
        found._school = School.from_parameters(parameters)
        return found

    @property
    def school(self) -> School:
        """The school; the default one when none was given."""
        if self._school is None:
            self._school = School()
        return self._school

    def create(self, at: datetime) -> dict[str, int]:
        """Drops the database, makes it again as it stands at that instant (aware) and returns the rows of each table.

        Accounts keep their rights on the database. Refuses to drop one that holds tables but no `demo_clock`.
        """
        stands_at = utc(at)
        with self._connect(use=False) as connection:
            self._refuse_other_database(connection)
            cursor = connection.cursor()
            cursor.execute(f"DROP DATABASE IF EXISTS `{self.database}`")
            cursor.execute(
                f"CREATE DATABASE `{self.database}` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"
            )
            cursor.execute(f"USE `{self.database}`")
            for statement in schema_statements():
                cursor.execute(statement)
            # Rows come learner by learner, and children may come before their parents.
            cursor.execute("SET SESSION foreign_key_checks = 0, unique_checks = 0")
            counts = self._load(connection, at)
            cursor.execute(
                f"INSERT INTO {CLOCK_TABLE} (id, stands_at, app_timezone, parameters) VALUES (1, %s, %s, %s)",
                (stands_at, self.app_timezone, json.dumps(self.school.parameters())),
            )
            connection.commit()
            cursor.execute("ANALYZE TABLE " + ", ".join(f"`{name}`" for name in REALISATION_TABLES))
            cursor.fetchall()
        return counts

    def advance(self, to: datetime) -> Moved:
        """Moves the database on to a later instant (aware) in one transaction: what changed between is inserted, updated or deleted.

        Rows that somebody else changed or added are left alone unless they change in the school as well.
        Raises DemoSourceError when the database stands later, or was made with another school or zone.
        """
        target = utc(to)
        with self._connect() as connection:
            stands_at, app_timezone, parameters = self._clock(connection, lock=True)
            if target < stands_at:
                raise DemoSourceError(
                    f"{self.database} stands at {stands_at.isoformat()}Z and can't go back to {target.isoformat()}Z: "
                    "create it anew at the earlier instant."
                )
            if app_timezone != self.app_timezone or parameters != self.school.parameters():
                raise DemoSourceError(
                    f"{self.database} was made with app_timezone {app_timezone} and {json.dumps(parameters)}, not with "
                    "what was given now: open it with DemoSource.open, or create it anew."
                )
            changes = self.school.changes(stands_at.replace(tzinfo=UTC), to, self.app_timezone)
            self._write(connection, changes)
            connection.cursor().execute(f"UPDATE {CLOCK_TABLE} SET stands_at = %s", (target,))
            connection.commit()
        return Moved(
            {name: len(change.inserted) for name, change in changes.items() if change.inserted},
            {name: len(change.updated) for name, change in changes.items() if change.updated},
            {name: len(change.deleted) for name, change in changes.items() if change.deleted},
        )

    def stands_at(self) -> datetime:
        """The instant the database stands at, aware (UTC)."""
        with self._connect() as connection:
            return self._clock(connection)[0].replace(tzinfo=UTC)

    def change_share(self, share: float, at: datetime) -> int:
        """Changes the progress of that share of the rows of each realisation table, with `dernier_update` and `updated_at` at `at`.

        For benchmarks: no part of the school's life, so `demo_clock` does not move. Another instant picks other rows.
        Returns how many rows changed.
        """
        if not 0 <= share <= 1:
            raise DemoSourceError(f"A share lies between 0 and 1, not at {share}.")
        instant, changed = utc(at), 0
        with self._connect() as connection:
            self._clock(connection, lock=True)
            cursor = connection.cursor()
            wall = (
                instant.replace(tzinfo=UTC).astimezone(zone(self.app_timezone)).replace(tzinfo=None)
            )
            for name in REALISATION_TABLES:
                cursor.execute(f"SELECT COUNT(*) FROM `{name}`")
                (total,) = cursor.fetchone()  # type: ignore[misc]
                cursor.execute(
                    f"UPDATE `{name}` JOIN (SELECT id FROM `{name}` ORDER BY CRC32(CONCAT(%s, id)), id LIMIT %s) AS picked USING (id) "
                    "SET progression_cache = IF(progression_cache >= 50, progression_cache - 7, progression_cache + 3), "
                    "dernier_update = %s, updated_at = %s",
                    (str(instant), round(share * int(total)), wall, instant),
                )
                changed += cursor.rowcount
            connection.commit()
        return changed

    @contextmanager
    def _connect(self, *, use: bool = True) -> Iterator[MySQLConnectionAbstract]:
        target = {"database": self.database} if use else {}
        try:
            connection = mysql.connector.connect(
                **self._server, **target, charset="utf8mb4", autocommit=False
            )
        except mysql.connector.Error as error:
            where = f"{self._server.get('host', 'localhost')}:{self._server.get('port', 3306)}"
            raise DemoSourceError(f"Can't open {self.database} on {where}: {error.msg}.") from error
        try:
            connection.cursor().execute(
                "SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES'"
            )
            yield connection  # type: ignore[misc]
        finally:
            connection.close()

    def _refuse_other_database(self, connection: MySQLConnectionAbstract) -> None:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT COUNT(*), COALESCE(SUM(table_name = %s), 0) FROM information_schema.tables WHERE table_schema = %s",
            (CLOCK_TABLE, self.database),
        )
        total, clocks = cursor.fetchone()  # type: ignore[misc]
        if total and not clocks:
            raise DemoSourceError(
                f"{self.database} holds {total} tables and no {CLOCK_TABLE}, so it is no demo: choose another name, or drop it yourself."
            )

    def _clock(
        self, connection: MySQLConnectionAbstract, *, lock: bool = False
    ) -> tuple[datetime, str, dict[str, Any]]:
        cursor = connection.cursor()
        try:
            cursor.execute(
                f"SELECT stands_at, app_timezone, parameters FROM {CLOCK_TABLE}"
                + (" FOR UPDATE" if lock else "")
            )
            row: Any = cursor.fetchone()
        except mysql.connector.Error as error:
            raise DemoSourceError(
                f"{self.database} has no {CLOCK_TABLE}: create it first."
            ) from error
        if row is None:
            raise DemoSourceError(f"{self.database} was not made to its end: create it anew.")
        stands_at, app_timezone, parameters = row
        return stands_at, app_timezone, json.loads(parameters)

    def _load(self, connection: MySQLConnectionAbstract, at: datetime) -> dict[str, int]:
        held: dict[str, list[Row]] = {name: [] for name in tables()}
        counts = dict.fromkeys(tables(), 0)
        cursor = connection.cursor()

        def flush(name: str) -> None:
            for statement in statements.inserts(tables()[name], held[name]):
                cursor.execute(statement)
            counts[name] += len(held[name])
            held[name].clear()

        for name, _, row in self.school.rows_at(at, self.app_timezone):
            held[name].append(row)
            if len(held[name]) >= ROWS_HELD:
                flush(name)
                connection.commit()
        for name in held:
            flush(name)
        return counts

    def _write(self, connection: MySQLConnectionAbstract, changes: dict[str, TableChanges]) -> None:
        """Deletes from the leaves up, then inserts from the roots down, then updates. A pivot's rows are never updated."""
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
