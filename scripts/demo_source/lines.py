"""Life lines: the versions of one row over the year, from which it is read at any instant."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from .schema import tables

Key = int | tuple[int, ...]
Row = tuple[Any, ...]
TableRow = tuple[str, Key, Row]


class Line:
    """One row from its insertion to its deletion, with every version between.

    `key` is the row's id, or for a pivot whatever tells it apart. Versions are added in the order
    of time. Values go to columns by name; every table ends with `created_at`, `updated_at`, which
    stay NULL unless `stamped`.
    """

    __slots__ = ("_times", "_versions", "key", "table")

    def __init__(
        self, table: str, key: Key, created: datetime, *, stamped: bool = True, **values: object
    ) -> None:
        self.table = table
        self.key = key
        place = tables()[table].place
        row: list[Any] = [None] * len(place)
        for column, value in values.items():
            row[place[column]] = value
        if "id" in place:
            row[0] = key
        if stamped:
            row[-2] = row[-1] = created
        self._times = [created]
        self._versions: list[Row | None] = [tuple(row)]

    def change(self, at: datetime, **values: object) -> Line:
        """Give the row new values from `at` on, its `updated_at` among them."""
        last = self._versions[-1]
        if last is None or at < self._times[-1]:
            raise ValueError(
                f"{self.table} {self.key} can't change at {at}: "
                f"its last version is of {self._times[-1]}."
            )
        place = tables()[self.table].place
        row = list(last)
        for column, value in values.items():
            row[place[column]] = value
        row[-1] = at
        return self._add(at, tuple(row))

    def end(self, at: datetime) -> Line:
        """Delete the row at that instant, unless it is gone before."""
        if self._versions[-1] is None:
            return self
        while len(self._times) > 1 and self._times[-1] >= at:
            self._times.pop()
            self._versions.pop()
        return self._add(max(at, self._times[-1]), None)

    def _add(self, at: datetime, version: Row | None) -> Line:
        self._times.append(at)
        self._versions.append(version)
        return self

    @property
    def created(self) -> datetime:
        """When the row is inserted."""
        return self._times[0]

    def instants(self) -> list[datetime]:
        """Return when the row changes, its insertion and deletion among them."""
        return self._times

    def at(self, instant: datetime) -> Row | None:
        """Return the row at that instant; None before its insertion and from its deletion on."""
        times = self._times
        if instant < times[0]:
            return None
        if len(times) == 1:
            return self._versions[0]
        return self._versions[bisect_right(times, instant) - 1]


def rows_of(lines: Iterable[Line], instant: datetime) -> Iterator[TableRow]:
    """Yield (table, key, row) of every line that has a row at that instant."""
    for line in lines:
        row = line.at(instant)
        if row is not None:
            yield line.table, line.key, row
