"""Filling the tables beside the present ones, a day at a time, and comparing both by day."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import mysql.connector

from kpi.core.connections import Session
from kpi.core.errors import KpiError
from kpi.core.statements import script
from kpi.core.tables import Column, Rows, count
from kpi.upkeep.partitions.maintenance import no_room
from kpi.upkeep.partitions.monthly import from_days
from kpi.upkeep.storage.tables import new

log = logging.getLogger(__name__)

_DUPLICATE, _NO_PARENT = 1062, 1452


class ConversionError(KpiError):
    """The fact tables cannot be converted, or not now; the present ones are as they were."""


class Digest(NamedTuple):
    """What tells the rows of a day from others."""

    rows: int
    xor: int
    total: int


def require_same_columns(table: str, present: Sequence[Column], made: Sequence[Column]) -> None:
    """Refuse to copy between tables whose columns differ; raises ConversionError naming one."""
    for column in dict.fromkeys([*present, *made]):
        if column not in present or column not in made:
            raise ConversionError(
                f"The column {column.name} {column.kind} of {table} is not alike in both storage modes; write the "
                "migration that made it as CREATE TABLE, ALTER TABLE or CREATE INDEX, or drop the column if it was "
                "added by hand."
            )
    if [column.name for column in present] != [column.name for column in made]:
        raise ConversionError(
            f"The columns of {table} are not in the order of the migrations; put them into it by ALTER TABLE."
        )


def differing(present: Mapping[int, object], copied: Mapping[int, object]) -> list[int]:
    """Return the days, as TO_DAYS numbers them, on which two tables differ; pure."""
    return sorted(
        day for day in present.keys() | copied.keys() if present.get(day) != copied.get(day)
    )


class Copy:
    """A fact table and its copy beside it, of the same columns."""

    def __init__(self, admin: Session, table: str, columns: Sequence[Column]) -> None:
        self.admin = admin
        self.table = table
        self.copy = new(table)
        self.statements = script("storage/copies.sql", table=table, copy=self.copy, columns=columns)

    def differing_in_number(self) -> list[int]:
        """Return the days with other numbers of rows, which an index tells."""
        number: dict[str, dict[int, int]] = {
            name: dict(self.admin.rows(self.statements[f"rows by day of {name}"]))
            for name in (self.table, self.copy)
        }
        return differing(number[self.table], number[self.copy])

    def differing(self) -> list[int]:
        """Return the days whose rows differ in any column; reads both tables whole, about 3 µs a row."""
        present, copied = (
            {
                day: Digest(rows, xor, int(total))
                for day, rows, xor, total in self.admin.rows(
                    self.statements[f"checksums by day of {name}"]
                )
            }
            for name in (self.table, self.copy)
        )
        return differing(present, copied)

    def alike(self) -> bool:
        """Tell whether both have the same rows, whatever their order; five times faster than by day."""
        if count(self.admin, Rows(self.table)) != count(self.admin, Rows(self.copy)):
            return False
        present, copied = (row[1] for row in self.admin.rows(self.statements["checksums of both"]))
        return present is not None and bool(present == copied)


def copy_days(admin: Session, both: Copy, days: Sequence[int]) -> None:
    """Replace the days' rows in the new table by the present ones, ids included; a transaction a day."""
    table, statements = both.table, both.statements
    for number, day in enumerate(days, start=1):
        value = {"day": from_days(day)}
        try:
            admin.run(statements["empty a day of the copy"], value)
            admin.run(statements["copy a day"], value)
        except mysql.connector.Error as error:
            raise _refused(table, value["day"], error) or error from error
        admin.commit()
        if number % 30 == 0 or number == len(days):
            log.info("%s: %s of %s days copied, last %s", table, number, len(days), value["day"])


def catch_up(admin: Session, both: Copy) -> None:
    """Copy the days that differ until none does or a writer keeps changing them; nobody waits for it."""
    copy_days(admin, both, both.differing_in_number())
    for _ in range(3):
        days = both.differing()
        if not days:
            return
        log.info("%s: %s days differ and are copied again", both.table, len(days))
        copy_days(admin, both, days)


def settle(admin: Session, both: Copy) -> int:
    """Copy what writers changed since, while none can write, and compare all; return the number of rows.

    Raises ConversionError when the tables still differ.
    """
    table = both.table
    if not both.alike():
        copy_days(admin, both, both.differing())
        if both.differing():
            raise ConversionError(
                f"{table} and its copy {both.copy} differ though nobody writes, so nothing was swapped; look at "
                f"CHECK TABLE {table}, trigger with drop_old to drop the copy, then begin again."
            )
    return count(admin, Rows(table))


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
