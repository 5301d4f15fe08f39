"""Tables and their rows, whatever they hold: whether one is there, which columns it has, how many rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from kpi.core.connections import Session
from kpi.core.statements import statement


@dataclass(frozen=True)
class Rows:
    """Rows of a table (macros/rows.sql): all, or those of a partition, of some days, of some periods.

    A partition's name is quoted where it needs to be; `first` and `last` are given together.
    """

    table: str
    partition: str | None = None
    first: date | None = None
    last: date | None = None
    periods: tuple[str, ...] | None = None

    @property
    def values(self) -> dict[str, date | None]:
        """The values bound to a statement about them."""
        return {"first": self.first, "last": self.last}


class Column(NamedTuple):
    """A column, as information_schema tells it."""

    name: str
    kind: str
    nullable: str
    generated: str


def there(opened: Session, table: str) -> bool:
    """Tell whether a table is there."""
    return bool(opened.value(statement("tables/there.sql"), {"name": table}))


def columns(opened: Session, table: str) -> list[Column]:
    """Return a table's columns in order."""
    rows = opened.rows(statement("tables/columns.sql"), {"table_name": table})
    return [Column(*row) for row in rows]


def count(opened: Session, rows: Rows) -> int:
    """Count rows."""
    return int(opened.value(statement("tables/count.sql", rows=rows), rows.values))
