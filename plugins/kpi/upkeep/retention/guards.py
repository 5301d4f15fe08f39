"""What keeps expired days in the tables: a reader's hold, and weeks or months that are not complete; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple

from kpi.core import periods
from kpi.core.periods import Period, month_of
from kpi.vocabulary import PERIOD_WORDS


class Hold(NamedTuple):
    """A range of local days that somebody reads."""

    held_by: str
    first: date
    last: date
    until: datetime


@dataclass(frozen=True)
class RolledUp:
    """What the ledger says of a table's week or month: when it was computed last for all scopes, and its rows since."""

    started_at: datetime
    rows: int


@dataclass(frozen=True)
class Evidence:
    """What ledger and tables say of some days and the weeks and months that hold them; instants are naive UTC.

    `done` are the days whose facts are all written, `dropped` those that retention removed; `changed_at` says when a
    day's D rows were last changed in any table. `rolled_up` and `stored` (rows) are by (table, period, date_id);
    `removed` are the weeks and months that retention removed, as (table, period, first day of the month).
    """

    done: frozenset[date] = frozenset()
    dropped: frozenset[date] = frozenset()
    with_rows: frozenset[date] = frozenset()
    changed_at: Mapping[date, datetime] = field(default_factory=dict)
    rolled_up: Mapping[tuple[str, str, date], RolledUp] = field(default_factory=dict)
    stored: Mapping[tuple[str, str, date], int] = field(default_factory=dict)
    removed: frozenset[tuple[str, str, date]] = frozenset()


def around(month: date) -> tuple[date, date]:
    """Return the first and the last day of the weeks and the month that hold a day of a month."""
    whole = month_of(month)
    return periods.week_of(whole.first).first, periods.week_of(whole.last).last


def held(month: date, holds: Iterable[Hold]) -> str:
    """Return who holds a day of a month, '' when nobody does."""
    whole = month_of(month)
    for hold in holds:
        if hold.first <= whole.last and hold.last >= whole.first:
            return f"{hold.held_by} holds {hold.first} to {hold.last} until {hold.until} UTC (kpi_hold)"
    return ""


def not_rolled_up(month: date, tables: Iterable[str], evidence: Evidence) -> str:
    """Return what is missing for the days of a month to go, '' when its weeks and its month are complete in all tables.

    Complete: computed for all scopes, as of its last day, after its days last changed, and with as many rows in the
    table as the ledger says. Once a day is gone, no week or month with it is computed again, in no table.
    """
    whole = month_of(month)
    for part in periods.touched(whole.first, whole.last):
        days = set(periods.days(part.first, part.last))
        # With some of its days gone it was complete then, and is not computed again.
        if not days & (evidence.with_rows | evidence.done) or days & evidence.dropped:
            continue
        if part.last not in evidence.done:
            return (
                f"{_name(part)} is not complete: {part.last} was not computed for all scopes; trigger kpi_backfill "
                f"from {part.first} to {part.last}"
            )
        for table in tables:
            reason = _incomplete(table, part, days, evidence)
            if reason:
                return f"{_name(part)} {reason}; trigger kpi_rollup for {part.last}"
    return ""


def _incomplete(table: str, part: Period, days: set[date], evidence: Evidence) -> str:
    if (table, part.period, part.last.replace(day=1)) in evidence.removed:
        return ""  # it was complete, and has expired itself
    key = (table, part.period, part.last)
    rollup = evidence.rolled_up.get(key)
    if rollup is None:
        return f"is not in {table}"
    changed = max(
        (evidence.changed_at[day] for day in days if day in evidence.changed_at), default=None
    )
    if changed is not None and rollup.started_at < changed:
        return f"of {table} is older than its days"
    there = evidence.stored.get(key, 0)
    if there != rollup.rows:
        return f"has {there} rows in {table}, not the {rollup.rows} that were written"
    return ""


def _name(part: Period) -> str:
    return f"the {PERIOD_WORDS[part.period].name} {part.first} to {part.last}"


def history_bound(wanted: date, oldest_day: date | None) -> date:
    """Return before which day the history may be cut: not before the month of the oldest day still in the tables."""
    return wanted if oldest_day is None else min(wanted, oldest_day.replace(day=1))


def ledger_bound(wanted: date, oldest_day: date | None) -> date:
    """Return before which day the ledger may be cut: the oldest days' weeks and windows stay told of."""
    if oldest_day is None:
        return wanted
    return min(wanted, oldest_day.replace(day=1) - timedelta(days=periods.LONGEST))
