"""The planner: a table's partitions and the months wanted go in, statements come out; pure.

Only real bounds count. A partition's name is kept, compared for being free, and believed in nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from kpi.core.statements import statement
from kpi.upkeep.partitions.monthly import from_days, next_month, to_days

CATCH_ALL = "p_max"
_PLAIN_NAME = re.compile(r"p(_max|[0-9]{6}(_to_[0-9]{6})?(_[0-9]+)?)")


@dataclass(frozen=True)
class Partition:
    """A partition of a table: rows whose TO_DAYS(date_id) is below `end` and not below the one before.

    `end` is None for the catch-all (MAXVALUE).
    """

    name: str
    end: int | None


@dataclass(frozen=True)
class Change:
    """A statement that changes a table's partitions."""

    table: str
    sql: str


def changes(table: str, layout: Sequence[Partition], wanted: Sequence[date]) -> list[Change]:
    """Return the statements that give each wanted month a partition of its own, in order.

    `layout` holds the table's partitions in the order of their bounds; `wanted` the first days of months, without a
    gap. Partitions that hold several wanted months are split, those that divide a month are joined; no statement
    drops one, and bounds outside the wanted months stay. What lies before the first bound of all stays with the
    first partition.
    """
    cuts = [to_days(month) for month in wanted]
    if not cuts:
        return []
    cuts.append(to_days(next_month(wanted[-1])))
    statements = []
    taken = {partition.name.lower() for partition in layout}
    start: int | None = None
    group: list[Partition] = []
    for partition in layout:
        group.append(partition)
        if _divides_a_month(partition.end, cuts):
            continue
        statements += _reorganised(table, taken, group, start, partition.end, cuts)
        start, group = partition.end, []
    if start is not None or group:  # there is no catch-all
        statements += _reorganised(table, taken, group, start, None, cuts)
    return statements


def _divides_a_month(end: int | None, cuts: Sequence[int]) -> bool:
    return end is not None and cuts[0] < end < cuts[-1] and end not in cuts


def _reorganised(
    table: str,
    taken: set[str],
    group: Sequence[Partition],
    start: int | None,
    end: int | None,
    cuts: Sequence[int],
) -> list[Change]:
    """Return the statement that makes a group of neighbours, from `start` to `end`, one piece per cut.

    `taken` are the names in use, which it brings up to date; MySQL compares them without case.
    """
    # Without a bound below it, the first month begins where time does.
    inner = [cut for cut in cuts if start is not None or cut != cuts[0]]
    ends = [cut for cut in inner if _between(start, cut, end)] + [end]
    if ends == [partition.end for partition in group]:
        return []
    kept = group[-1].name if group and group[-1].end is None else None
    taken -= {partition.name.lower() for partition in group if partition.name != kept}
    parts = []
    for lower, upper in zip([start, *ends[:-1]], ends, strict=True):
        name = kept if kept and upper is None else _free_name(lower, upper, taken)
        taken.add(name.lower())
        parts.append((quoted(name), _bound(upper)))
    names = [quoted(partition.name) for partition in group]
    sql = statement("partitions/reorganise.sql", table=table, names=names, parts=parts)
    return [Change(table, sql)]


def _between(start: int | None, cut: int, end: int | None) -> bool:
    return (start is None or cut > start) and (end is None or cut < end)


def _free_name(start: int | None, end: int | None, taken: Collection[str]) -> str:
    base = _name(start, end)
    name, number = base, 2
    while name in taken:
        name, number = f"{base}_{number}", number + 1
    return name


def _name(start: int | None, end: int | None) -> str:
    """Return a partition's usual name: that of its month, or of its first and last ones."""
    if end is None:
        return CATCH_ALL
    last, first = from_days(end - 1), None if start is None else from_days(start)
    if last is None:
        return f"p_{end}"
    if first is None or (first.year, first.month) == (last.year, last.month):
        return f"p{_digits(last)}"
    return f"p{_digits(first)}_to_{_digits(last)}"


def _digits(day: date) -> str:
    return f"{day.year:04d}{day.month:02d}"


def _bound(end: int | None) -> str:
    if end is None:
        return "MAXVALUE"
    day = from_days(end)
    return f"({end})" if day is None else f"(TO_DAYS('{day}'))"


def quoted(name: str) -> str:
    """Quote a name that the planner would not have given: it was read from the database."""
    return name if _PLAIN_NAME.fullmatch(name) else f"`{name.replace('`', '``')}`"
