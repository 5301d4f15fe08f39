"""Filling the tables beside the present ones, a day at a time, and comparing both by day."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import mysql.connector

from kpi.connections import Session
from kpi.errors import KpiError
from kpi.partitions.maintenance import count, no_room
from kpi.partitions.monthly import from_days
from kpi.storage.tables import new

log = logging.getLogger(__name__)

_DUPLICATE, _NO_PARENT = 1062, 1452


class ConversionError(KpiError):
    """The fact tables cannot be converted, or not now; the present ones are as they were."""


class Column(NamedTuple):
    """A column, as information_schema tells it."""

    name: str
    kind: str
    nullable: str
    generated: str


class Digest(NamedTuple):
    """What tells the rows of a day from others."""

    rows: int
    xor: int
    total: int


def columns(admin: Session, table: str) -> list[Column]:
    """Return a table's columns in order."""
    rows = admin.rows(
        "SELECT column_name, column_type, is_nullable, generation_expression FROM information_schema.columns "
        "WHERE table_schema = DATABASE() AND table_name = %(table)s ORDER BY ordinal_position",
        {"table": table},
    )
    return [Column(*row) for row in rows]


def require_same_columns(table: str, present: Sequence[Column], made: Sequence[Column]) -> None:
    """Refuse to copy between tables whose columns differ; raises ConversionError naming one."""
    for one in dict.fromkeys([*present, *made]):
        if one not in present or one not in made:
            raise ConversionError(
                f"The column {one.name} {one.kind} of {table} is not alike in both storage modes; write the migration "
                "that made it as CREATE TABLE, ALTER TABLE or CREATE INDEX, or drop the column if it was added by hand."
            )
    if [one.name for one in present] != [one.name for one in made]:
        raise ConversionError(
            f"The columns of {table} are not in the order of the migrations; put them into it by ALTER TABLE."
        )


def differing(present: Mapping[int, object], copied: Mapping[int, object]) -> list[int]:
    """Return the days, as TO_DAYS numbers them, on which two tables differ; pure."""
    return sorted(
        day for day in present.keys() | copied.keys() if present.get(day) != copied.get(day)
    )


def counts(admin: Session, table: str) -> dict[int, int]:
    """Return the number of rows of each day, which an index tells."""
    return dict(
        admin.rows(f"SELECT TO_DAYS(date_id), COUNT(*) FROM {table} GROUP BY TO_DAYS(date_id)")
    )


def digests(admin: Session, table: str, parts: Sequence[Column]) -> dict[int, Digest]:
    """Return a digest over all columns for each day; reads the whole table, about 3 µs a row.

    QUOTE tells NULL from the text 'NULL', and where one value ends.
    """
    row = f"CRC32(CONCAT_WS(',', {', '.join(f'QUOTE(`{part.name}`)' for part in parts)}))"
    # Grouped by an expression, MySQL reads the rows in the order they lie and not in that of a key.
    found = admin.rows(
        f"SELECT TO_DAYS(date_id), COUNT(*), BIT_XOR({row}), SUM({row}) FROM {table} GROUP BY TO_DAYS(date_id)"
    )
    return {day: Digest(rows, xor, int(total)) for day, rows, xor, total in found}


def copy_days(admin: Session, table: str, days: Sequence[int], parts: Sequence[Column]) -> None:
    """Replace the days' rows in the new table by the present ones, ids included; a transaction a day."""
    names = ", ".join(f"`{part.name}`" for part in parts if not part.generated)
    for number, day in enumerate(days, start=1):
        value = {"day": from_days(day)}
        try:
            admin.run(f"DELETE FROM {new(table)} WHERE date_id = %(day)s", value)
            admin.run(
                f"INSERT INTO {new(table)} ({names}) SELECT {names} FROM {table} WHERE date_id = %(day)s",
                value,
            )
        except mysql.connector.Error as error:
            raise _refused(table, value["day"], error) or error from error
        admin.commit()
        if number % 30 == 0 or number == len(days):
            log.info("%s: %s of %s days copied, last %s", table, number, len(days), value["day"])


def catch_up(admin: Session, table: str, parts: Sequence[Column]) -> None:
    """Copy the days that differ until none does or a writer keeps changing them; nobody waits for it."""
    copy_days(admin, table, differing(counts(admin, table), counts(admin, new(table))), parts)
    for _ in range(3):
        days = differing(digests(admin, table, parts), digests(admin, new(table), parts))
        if not days:
            return
        log.info("%s: %s days differ and are copied again", table, len(days))
        copy_days(admin, table, days, parts)


def settle(admin: Session, table: str, parts: Sequence[Column]) -> int:
    """Copy what writers changed since, while none can write, and compare all; return the number of rows.

    Raises ConversionError when the tables still differ.
    """
    if not _alike(admin, table):
        days = differing(digests(admin, table, parts), digests(admin, new(table), parts))
        copy_days(admin, table, days, parts)
        if differing(digests(admin, table, parts), digests(admin, new(table), parts)):
            raise ConversionError(
                f"{table} and its copy {new(table)} differ though nobody writes, so nothing was swapped; look at "
                f"CHECK TABLE {table}, trigger with drop_old to drop the copy, then begin again."
            )
    return count(admin, table)


def _alike(admin: Session, table: str) -> bool:
    if count(admin, table) != count(admin, new(table)):
        return False
    # The sum of its rows' checksums, so the order does not matter; five times faster than the digests.
    checksums = [row[1] for row in admin.rows(f"CHECKSUM TABLE {table}, {new(table)}")]
    return checksums[0] is not None and checksums[0] == checksums[1]


def _refused(table: str, day: object, error: mysql.connector.Error) -> KpiError | None:
    if error.errno == _DUPLICATE:
        return ConversionError(
            f"Two rows of {table} have one key, at {day} ({error.msg}), which the other storage mode refuses; delete "
            "one of them, then trigger again."
        )
    if error.errno == _NO_PARENT:
        return ConversionError(
            f"A row of {table} at {day} names a parent that is not there ({error.msg}); delete the row, then trigger "
            "again."
        )
    return no_room(new(table), error)
