"""The SQL that writes rows: many rows a statement, as literals.

Binding that many values one by one takes longer than the server needs for the rows.
"""

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


def _time(value: date) -> str:
    return f"'{value}'"


def _double(value: float) -> str:
    # The exponent keeps the server from taking it for a decimal.
    text = repr(value)
    return text if "e" in text else f"{text}e0"


_LITERALS: dict[type, Callable[[Any], str]] = {
    int: str,
    float: _double,
    str: _text,
    datetime: _time,
    date: _time,
    type(None): lambda _: "NULL",
}


def literal(value: object) -> str:
    """Return a value as MySQL reads it (backslashes escape); KeyError for an unknown type."""
    return _LITERALS[type(value)](value)


def _literals(row: Row) -> str:
    return ",".join([_LITERALS[type(value)](value) for value in row])


def _chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while chunk := list(islice(iterator, ROWS_PER_STATEMENT)):
        yield chunk


def _names(table: Table) -> str:
    return ", ".join(f"`{column}`" for column in table.columns)


def inserts(table: Table, rows: Iterable[Row]) -> Iterator[str]:
    """Yield statements that insert the rows."""
    head = f"INSERT INTO `{table.name}` ({_names(table)}) VALUES\n"
    for chunk in _chunks(rows):
        yield head + ",\n".join([f"({_literals(row)})" for row in chunk])


def updates(table: Table, rows: Iterable[Row]) -> Iterator[str]:
    """Yield statements that give the rows with those ids their new values.

    A row that is not there any more is not made.
    """
    name = table.name
    changes = ", ".join(f"`{name}`.`{column}` = new.`{column}`" for column in table.columns[1:])
    for chunk in _chunks(rows):
        listed = ",\n".join([f"ROW({_literals(row)})" for row in chunk])
        yield (
            f"UPDATE (VALUES\n{listed}) AS new ({_names(table)})\n"
            f"STRAIGHT_JOIN `{name}` ON `{name}`.id = new.id\nSET {changes}"
        )


def deletes(table: Table, rows: Iterable[Row]) -> Iterator[str]:
    """Yield statements that delete the rows: by id, or from a pivot one row with all its values."""
    if table.has_id:
        for chunk in _chunks(rows):
            ids = ",".join([str(row[0]) for row in chunk])
            yield f"DELETE FROM `{table.name}` WHERE id IN ({ids})"
        return
    for row in rows:
        pairs = zip(table.columns, row, strict=True)
        same = " AND ".join(f"`{column}` <=> {literal(value)}" for column, value in pairs)
        yield f"DELETE FROM `{table.name}` WHERE {same} LIMIT 1"
