"""The fill of kpi_time: the one place where the time zone is resolved (design, "Time")."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from kpi.core.connections import ETL, SOURCE, Session, attempted, session
from kpi.core.errors import KpiError
from kpi.core.local_days import LocalDay, local_days
from kpi.core.settings import Settings
from kpi.core.statements import script

# Before the first day with source data, so that the windows of the first figures are whole: 30 days, a month.
DAYS_BEFORE = 31

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fill:
    """What a fill has to write."""

    new: list[LocalDay]
    repaired: list[LocalDay]
    moved: list[LocalDay]
    unchanged: int


def planned(days: list[LocalDay], stored: Mapping[date, LocalDay]) -> Fill:
    """Compare the days as they should be with the stored ones; pure.

    Moved are the days whose instants differ (the zone data changed), repaired those of which something else does.
    """
    new, repaired, moved, unchanged = [], [], [], 0
    for day in days:
        row = stored.get(day.date_id)
        if row is None:
            new.append(day)
        elif (row.utc_start, row.utc_end) != (day.utc_start, day.utc_end):
            moved.append(day)
        elif row != day:
            repaired.append(day)
        else:
            unchanged += 1
    return Fill(new, repaired, moved, unchanged)


def fill(upsert: str, first_source_day: str, today: date, force: bool, settings: Settings) -> Fill:
    """Bring kpi_time up to date, from a month before the first day with source data to 400 days ahead (settings).

    `upsert` writes one day, `first_source_day` is a query on the source. Raises KpiError, before any write,
    when days that have facts would move and `force` is not asked for.
    """
    first = settings.calendar_start
    if first is None:
        with session(SOURCE) as source:
            first_day = source.value(first_source_day)
        earliest = first_day or today - timedelta(days=settings.calendar_days_ahead)
        first = earliest - timedelta(days=DAYS_BEFORE)

    def once() -> Fill:
        with session(ETL) as etl:
            stored = _stored(etl)
            start = min([first, *stored])
            end = max([today + timedelta(days=settings.calendar_days_ahead), *stored])
            plan = planned(list(local_days(start, end, settings.timezone)), stored)
            if plan.moved and not force:
                _refuse_moving_facts(etl, plan.moved)
            with etl.transaction():
                rows = plan.new + plan.repaired + plan.moved
                if rows:
                    etl.load(upsert, [day._asdict() for day in rows])
            return plan

    return attempted(once, settings.write_attempts)


def _stored(etl: Session) -> dict[date, LocalDay]:
    return {row[0]: LocalDay(*row) for row in etl.rows(_days()["all"])}


def _days() -> dict[str, str]:
    return script("dimensions/days.sql")


def _refuse_moving_facts(etl: Session, moved: list[LocalDay]) -> None:
    days_with_facts = etl.rows(
        _days()["with facts"], {"first": moved[0].date_id, "last": moved[-1].date_id}
    )
    kept = sorted({day.date_id for day in moved} & {day for (day,) in days_with_facts})
    if kept:
        raise KpiError(
            f"The zone data moved {len(moved)} days ({moved[0].date_id} to {moved[-1].date_id}), of which {len(kept)} "
            f"have facts already ({kept[0]} to {kept[-1]}); trigger kpi_time_dimension with "
            '{"force": true}, then kpi_daily for each of those days.'
        )
