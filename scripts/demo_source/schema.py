"""The tables of the demo source, as `schema.sql` declares them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

SCHEMA_FILE = Path(__file__).with_name("schema.sql")
CLOCK_TABLE = "demo_clock"

_TABLE = re.compile(r"^CREATE TABLE (\w+) \((.*?)^\);", re.M | re.S)
_TYPES = "bigint|int|tinyint|varchar|longtext|double|datetime|timestamp|date"
_COLUMN = re.compile(rf"^  (\w+) ({_TYPES})\b", re.M)


@dataclass(frozen=True)
class Table:
    """A table's columns in the order of its rows.

    `local` are the positions of the `datetime` columns: wall-clock times in the application's zone.
    """

    name: str
    columns: tuple[str, ...]
    local: tuple[int, ...]

    @cached_property
    def place(self) -> dict[str, int]:
        """The position of each column."""
        return {column: place for place, column in enumerate(self.columns)}

    @property
    def has_id(self) -> bool:
        """Whether rows are found by `id`; a pivot's rows are found by all their columns."""
        return self.columns[0] == "id"


@cache
def create_statements() -> tuple[str, ...]:
    """Return the `CREATE TABLE` statements, parents before children."""
    text = re.sub(r"^--.*\n", "", SCHEMA_FILE.read_text(encoding="utf-8"), flags=re.M)
    return tuple(part.strip() for part in text.split(";\n") if part.strip())


@cache
def tables() -> dict[str, Table]:
    """Return the source's tables by name, parents before children; without `demo_clock`."""
    by_name: dict[str, Table] = {}
    for name, body in _TABLE.findall(SCHEMA_FILE.read_text(encoding="utf-8")):
        columns = _COLUMN.findall(body)
        local = tuple(place for place, (_, kind) in enumerate(columns) if kind == "datetime")
        by_name[name] = Table(name, tuple(column for column, _ in columns), local)
    del by_name[CLOCK_TABLE]
    return by_name
