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
    decisions = []
    done = 0
    for part in sorted(months, key=lambda part: (part.month, part.table)):
        decision = _decided(part, limits, obstacles, days_obstacles)
        if decision is None:
            continue
        if decision.action in ("rewrite", "empty"):
            done += 1
            if done > most:
                decision = _kept(part, decision.periods, f"{most} in this run are enough")
        decisions.append(decision)
    return decisions + _unwanted(months, limits)


def _decided(
    part: MonthRows,
    limits: Limits,
    obstacles: Mapping[date, str],
    days_obstacles: Mapping[date, str],
) -> Decision | None:
    periods = tuple(period for period in limits.expired(part.month) if part.rows.get(period))
    if not periods:
        return None
    reason = _in_the_way(part) or obstacles.get(part.month, "")
    if not reason and "D" in periods:
        reason = days_obstacles.get(part.month, "")
    if reason:
        return _kept(part, periods, reason)
    removed = sum(part.rows[period] for period in periods)
    kept = sum(part.rows.values()) - removed
    action: Action = "rewrite" if kept else "empty"
    return Decision(action, part.table, part.month, part.partition, periods, removed, kept)


def _in_the_way(part: MonthRows) -> str:
    if part.last:
        return f"{part.partition} is the last partition; trigger kpi_partition_maintenance"
    if not part.alone:
        return f"{part.partition} holds more than the month; trigger kpi_partition_maintenance"
    return ""


def _kept(part: MonthRows, periods: tuple[str, ...], reason: str) -> Decision:
    kept = sum(part.rows.values())
    return Decision("keep", part.table, part.month, part.partition, periods, 0, kept, reason)


def _unwanted(months: Sequence[MonthRows], limits: Limits) -> list[Decision]:
    """Drop a table's first partition when it is empty and partition maintenance would not make it again."""
    return [
        Decision("drop partition", part.table, part.month, part.partition, (), 0, 0)
        for part in sorted(months, key=lambda part: (part.month, part.table))
        if part.first
        and not part.last
        and part.partition is not None
        and not sum(part.rows.values())
        and part.month < limits.partitions
    ]
