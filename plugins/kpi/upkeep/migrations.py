"""Schema migrations: numbered plain .sql files under include/sql/schema, applied in order under a lock.

MySQL commits each DDL statement by itself, so a migration can stop half-way: every statement can be run again, the
table kpi_migration says how far it came, and nothing goes on until somebody asks to resume.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import sqlparse

from kpi.core.connections import Session
from kpi.core.errors import KpiError
from kpi.core.locks import lock, lock_name
from kpi.core.statements import script
from kpi.core.tables import there
from kpi.upkeep import collation

log = logging.getLogger(__name__)

_NAME = re.compile(r"^(?P<version>\d{4})_\w+(\.(?P<storage>partitioned|foreign_keys))?\.sql$")
STATEMENTS = "migrations/table.sql"


class MigrationError(KpiError):
    """The database's schema and the package's migrations do not fit together."""


@dataclass(frozen=True)
class Migration:
    """A numbered file and the SHA-256 of its text."""

    version: int
    name: str
    checksum: str
    text: str

    @property
    def statements(self) -> tuple[str, ...]:
        """The file's statements, in order, without comments."""
        return _split(self.text)


@dataclass(frozen=True)
class Applied:
    """A row of kpi_migration."""

    version: int
    name: str
    checksum: str
    statements: int
    statements_done: int
    finished: bool


def available(sql_dir: Path, storage: str) -> list[Migration]:
    """Read the migrations of a storage mode, in order.

    Raises MigrationError when a file's name is not NNNN_what.sql or two files share a number.
    """
    by_version: dict[int, Migration] = {}
    for path in sorted((sql_dir / "schema").glob("*.sql")):
        match = _NAME.match(path.name)
        if match is None:
            raise MigrationError(
                f"{path} is not named like a migration; call it 0005_what_it_does.sql."
            )
        if match["storage"] not in (None, storage):
            continue
        text = path.read_text("utf-8")
        version = int(match["version"])
        if version in by_version:
            raise MigrationError(
                f"{path} has the number of {by_version[version].name}; give it the next free one."
            )
        checksum = hashlib.sha256(text.encode()).hexdigest()
        by_version[version] = Migration(version, path.name, checksum, text)
    return [by_version[version] for version in sorted(by_version)]


def pending(
    migrations: Sequence[Migration], applied: Sequence[Applied], resume: bool = False
) -> list[Migration]:
    """Return the migrations still to run, in order; pure.

    Raises MigrationError when an applied file was changed or is gone, or when one stopped half-way and
    `resume` is not asked for.
    """
    known = {migration.version: migration for migration in migrations}
    done = set()
    for row in applied:
        migration = known.get(row.version)
        if migration is None:
            raise MigrationError(
                f"The database has migration {row.name}, which this package lacks; "
                "install the version of the package that made it, or a newer one."
            )
        if row.name != migration.name:
            raise MigrationError(
                f"The database was made with {row.name}, not {migration.name}; "
                "set KPI_STORAGE to the mode it was made with."
            )
        if row.finished and row.checksum != migration.checksum:
            raise MigrationError(
                f"The migration {row.name} was changed after it was applied; "
                "restore the file and put the change into a new migration."
            )
        if not row.finished and not resume:
            raise MigrationError(
                f"The migration {row.name} stopped after {row.statements_done} of {row.statements} statements; "
                'mend what stopped it (see the task\'s log), then trigger kpi_bootstrap with {"resume": true}: '
                "every statement can be run again."
            )
        if row.finished:
            done.add(row.version)
    return [migration for migration in migrations if migration.version not in done]


def applied(admin: Session) -> list[Applied]:
    """Read kpi_migration; empty when the table is not there yet."""
    if not there(admin, "kpi_migration"):
        return []
    rows = admin.rows(script(STATEMENTS)["applied"])
    return [
        Applied(version, name, checksum, statements, done, bool(finished))
        for version, name, checksum, statements, done, finished in rows
    ]


def migrate(
    admin: Session, migrations: Sequence[Migration], resume: bool, lock_wait_seconds: int
) -> list[str]:
    """Apply what is pending, under a lock, and see to the tables' collation; return the names applied."""
    with exclusively(admin, lock_wait_seconds):
        todo = pending(migrations, applied(admin), resume)
        if todo:
            admin.run(script(STATEMENTS)["make"])
        for migration in todo:
            _apply(admin, migration)
        collation.unify(admin)
        return [migration.name for migration in todo]


def exclusively(admin: Session, wait_seconds: int) -> AbstractContextManager[None]:
    """Hold the lock of all that changes the schema: migrations and partitions."""
    return lock(admin, lock_name(admin.schema, "migrations"), wait_seconds)


def _apply(admin: Session, migration: Migration) -> None:
    log.info("%s: %s statements", migration.name, len(migration.statements))
    statements = script(STATEMENTS)
    admin.run(
        statements["begin"],
        {
            "version": migration.version,
            "name": migration.name,
            "checksum": migration.checksum,
            "statements": len(migration.statements),
            "now": _now(),
        },
    )
    admin.commit()
    for number, statement in enumerate(migration.statements, start=1):
        log.info("%s: statement %s of %s", migration.name, number, len(migration.statements))
        admin.run(statement)
        admin.run(statements["a statement is done"], {"done": number, "version": migration.version})
        admin.commit()
    admin.run(statements["end"], {"now": _now(), "version": migration.version})
    admin.commit()


@cache
def _split(text: str) -> tuple[str, ...]:
    """Split a script into statements: slow (0.1 s for a file), so only where they are to be run."""
    code = sqlparse.format(text, strip_comments=True)
    return tuple(filter(None, sqlparse.split(code, strip_semicolon=True)))


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
