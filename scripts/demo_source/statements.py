"""The SQL that writes rows: statements of many rows each, with literals, since binding that many values takes too long."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from itertools import islice
from typing import Any

from .lines import Row
from .schema import Table

ROWS_PER_STATEMENT = 2000

_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\0": "\\0"})


def _text(value: str) -> str:
    return f"'{value.translate(_ESCAPES)}'"


def _moment(value: datetime) -> str:
    return f"'{value}'"


def _double(value: float) -> str:
    # The exponent keeps the server from taking it for a decimal.
    text = repr(value)
    return text if "e" in text else f"{text}e0"


_LITERALS: dict[type, Callable[[Any], str]] = {
    int: str,
    float: _double,
    str: _text,
    datetime: _moment,
    date: _moment,
    type(None): lambda _: "NULL",
}


def literal(value: object) -> str:
    """The value as MySQL reads it, in a session without NO_BACKSLASH_ESCAPES. Raises KeyError for a type it does not know."""
    return _LITERALS[type(value)](value)


def values(row: Row) -> str:
    """The row's values, separated by commas."""
    return ",".join([_LITERALS[type(value)](value) for value in row])


def _chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while chunk := list(islice(iterator, ROWS_PER_STATEMENT)):
        yield chunk


def _names(table: Table) -> str:
    return ", ".join(f"`{column}`" for column in table.columns)


def inserts(table: Table, rows: Iterable[Row]) -> Iterator[str]:
    """Statements that insert the rows."""
    head = f"INSERT INTO `{table.name}` ({_names(table)}) VALUES\n"
    for chunk in _chunks(rows):
        yield head + ",\n".join([f"({values(row)})" for row in chunk])


def updates(table: Table, rows: Iterable[Row]) -> Iterator[str]:
    """Statements that give the rows with those ids their new values. A row that is not there any more is not made."""
    assignments = ", ".join(
        f"`{table.name}`.`{column}` = new.`{column}`" for column in table.columns[1:]
    )
    for chunk in _chunks(rows):
        listed = ",\n".join([f"ROW({values(row)})" for row in chunk])
        yield (
            f"UPDATE (VALUES\n{listed}) AS new ({_names(table)})\n"
            f"STRAIGHT_JOIN `{table.name}` ON `{table.name}`.id = new.id\nSET {assignments}"
        )


def deletes(table: Table, rows: Iterable[Row]) -> Iterator[str]:
    """Statements that delete the rows: by id, or in a pivot one row that has all these values."""
    if table.has_id:
        for chunk in _chunks(rows):
            yield f"DELETE FROM `{table.name}` WHERE id IN ({','.join([str(row[0]) for row in chunk])})"
        return
    for row in rows:
        same = " AND ".join(
            f"`{column}` <=> {literal(value)}"
            for column, value in zip(table.columns, row, strict=True)
        )
        yield f"DELETE FROM `{table.name}` WHERE {same} LIMIT 1"
