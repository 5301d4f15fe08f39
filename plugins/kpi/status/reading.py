"""What the status rests on, read through kpi_read; the SQL is include/sql/status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from kpi.alerts.nights import due_day
from kpi.core import local_days
from kpi.core.connections import Session
from kpi.core.errors import KpiError
from kpi.core.settings import Settings
from kpi.core.statements import script
from kpi.core.templates import renderer
from kpi.upkeep import migrations
from kpi.upkeep.partitions.monthly import from_days
from kpi.upkeep.preflight import require_schema
from kpi.vocabulary import DAILY_TABLES, FACT_TABLES

# Days looked at for gaps: those before may have been removed.
LOOK_BACK = timedelta(days=92)


class Day(NamedTuple):
    """A local day: the tables of facts that lack it, and whether retention removed it."""

    day: date
    missing: tuple[str, ...]
    dropped: bool


@dataclass(frozen=True)
class Layout:
    """A fact table's partitions: the first day that only the catch-all holds, and the rows in that."""

    catch_all_from: date
    catch_all_rows: int


@dataclass(frozen=True)
class State:
    """What was found at an instant (naive UTC); `today` is its local day, `due` the latest day that is to be there.

    `days` are those looked at for gaps, `last_good` is the latest complete day before today, however old. `oldest` are
    dates by (table, period), `layouts` by table: none in storage mode foreign_keys. `retention` says whether
    kpi_retention ever removed anything. `failures` are DAGs and days.
    """

    instant: datetime
    today: date
    due: date
    days: tuple[Day, ...] = ()
    last_good: date | None = None
    waiting: int = 0
    oldest_change: datetime | None = None
    layouts: Mapping[str, Layout] = field(default_factory=dict)
    oldest: Mapping[tuple[str, str], date] = field(default_factory=dict)
    retention: bool = False
    failures: tuple[tuple[str, date], ...] = ()


def schema_problem(read: Session, settings: Settings) -> tuple[str, str]:
    """Return the last migration applied ('' without any), and what is wrong with the schema ('' when nothing is)."""
    names = [row.name for row in migrations.applied(read)]
    last = names[-1] if names else ""
    try:
        require_schema(read, settings)
    except KpiError as error:
        return last, str(error)
    return last, ""


def state(read: Session, settings: Settings, instant: datetime) -> State:
    """Read everything that an up-to-date schema can tell."""
    render = renderer(settings)
    today = local_days.local_date(instant, settings.timezone)
    span = {"first": today - LOOK_BACK, "last": today - timedelta(days=1)}
    ((waiting, oldest_change),) = read.rows(render("status/backlog.sql"))
    return State(
        instant,
        today,
        due_day(instant, settings.timezone, settings.night_due_at),
        tuple(_day(*row) for row in read.rows(render("status/days.sql"), span)),
        read.value(render("alerts/last_done_day.sql"), {"last": span["last"]}),
        int(waiting),
        oldest_change,
        _layouts(read, settings),
        {
            (table, period): oldest
            for table in FACT_TABLES
            for period, oldest in read.rows(renderer(settings, table=table)("status/oldest.sql"))
        },
        bool(read.value(script("retention/undo.sql")["any"])),
        tuple((code, day) for code, day in read.rows(render("status/failures.sql"))),
    )


def _day(day: date, done: str | None, dropped: Any) -> Day:
    there = (done or "").split(",")
    return Day(day, tuple(table for table in DAILY_TABLES if table not in there), bool(dropped))


def _layouts(read: Session, settings: Settings) -> dict[str, Layout]:
    bounds: dict[str, int] = {}
    for table, bound in read.rows(renderer(settings)("status/partitions.sql")):
        # In the order of the bounds: the last that is a number is where the catch-all begins.
        bounds.setdefault(table, 0)
        if str(bound) != "MAXVALUE":
            bounds[table] = int(bound)
    layouts = {}
    for table, bound in bounds.items():
        first = from_days(bound) or date.min
        count = renderer(settings, table=table)("status/rows_since.sql")
        layouts[table] = Layout(first, int(read.value(count, {"first": first})))
    return layouts
