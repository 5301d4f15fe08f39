"""The planner: what lies where, what has expired and what stands in the way go in, decisions come out; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from kpi.upkeep.retention.limits import Limits

Action = Literal["keep", "rewrite", "empty", "drop partition"]


@dataclass(frozen=True)
class MonthRows:
    """The rows of a table's month, by period.

    `partition` holds them, None in storage mode foreign_keys. It is `alone` when it holds just that month, `first`
    or `last` among the table's partitions.
    """

    table: str
    month: date
    rows: Mapping[str, int]
    partition: str | None = None
    alone: bool = True
    first: bool = False
    last: bool = False


@dataclass(frozen=True)
class Decision:
    """What is done with a table's month.

    `rewrite` and `empty` remove the rows of `periods`, of which there are `removed`, and leave `kept`; `keep` removes
    nothing, for the `reason`; `drop partition` drops an empty one.
    """

    action: Action
    table: str
    month: date
    partition: str | None
    periods: tuple[str, ...]
    removed: int
    kept: int
    reason: str = ""


def planned(
    months: Sequence[MonthRows],
    limits: Limits,
    obstacles: Mapping[date, str],
    days_obstacles: Mapping[date, str],
    most: int,
) -> list[Decision]:
    """Decide on every month that has expired rows, and on empty partitions too old to be wanted; oldest first.

    `obstacles` say, by the first day of a month, why nothing of it may go, `days_obstacles` why nothing may go with
    it whose days (D) are to go. At most `most` months of one table are rewritten or emptied; the rest is kept for the
    next run. The last partition is never touched, and one that holds more than a month is left alone.
    """
    found = []
    done = 0
    for one in sorted(months, key=lambda one: (one.month, one.table)):
        decision = _decided(one, limits, obstacles, days_obstacles)
        if decision is None:
            continue
        if decision.action in ("rewrite", "empty"):
            done += 1
            if done > most:
                decision = _kept(one, decision.periods, f"{most} in this run are enough")
        found.append(decision)
    return found + _unwanted(months, limits)


def _decided(
    one: MonthRows,
    limits: Limits,
    obstacles: Mapping[date, str],
    days_obstacles: Mapping[date, str],
) -> Decision | None:
    periods = tuple(period for period in limits.expired(one.month) if one.rows.get(period))
    if not periods:
        return None
    reason = _in_the_way(one) or obstacles.get(one.month, "")
    if not reason and "D" in periods:
        reason = days_obstacles.get(one.month, "")
    if reason:
        return _kept(one, periods, reason)
    removed = sum(one.rows[period] for period in periods)
    kept = sum(one.rows.values()) - removed
    action: Action = "rewrite" if kept else "empty"
    return Decision(action, one.table, one.month, one.partition, periods, removed, kept)


def _in_the_way(one: MonthRows) -> str:
    if one.last:
        return f"{one.partition} is the last partition; trigger kpi_partition_maintenance"
    if not one.alone:
        return f"{one.partition} holds more than the month; trigger kpi_partition_maintenance"
    return ""


def _kept(one: MonthRows, periods: tuple[str, ...], reason: str) -> Decision:
    kept = sum(one.rows.values())
    return Decision("keep", one.table, one.month, one.partition, periods, 0, kept, reason)


def _unwanted(months: Sequence[MonthRows], limits: Limits) -> list[Decision]:
    """Drop a table's first partition when it is empty and partition maintenance would not make it again."""
    return [
        Decision("drop partition", one.table, one.month, one.partition, (), 0, 0)
        for one in sorted(months, key=lambda one: (one.month, one.table))
        if one.first
        and not one.last
        and one.partition is not None
        and not sum(one.rows.values())
        and one.month < limits.partitions
    ]
