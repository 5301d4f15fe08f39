"""Local days and time zones: the only module that knows when a local day begins (design, "Time")."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pendulum

from kpi.core.errors import InputError, KpiError

CANARY_ZONE = "Africa/Casablanca"
CANARY_DAY = date(2026, 11, 22)


class ZoneDataError(KpiError):
    """The time zone data in use are older than the rules in force."""


class LocalDay(NamedTuple):
    """A row of kpi_time: a local day and its two instants, naive UTC, [utc_start, utc_end)."""

    date_id: date
    y: int
    m: int
    d: int
    iso_week: int
    iso_year: int
    utc_start: datetime
    utc_end: datetime


class Transition(NamedTuple):
    """A change of a zone's offset: wall times before `wall` have the offset `before`, in seconds."""

    wall: datetime
    before: int


def require_current_zone_data() -> None:
    """Refuse to go on with zone data older than IANA 2026c, which put Morocco on UTC+00.

    Raises ZoneDataError with the way out.
    """
    noon = datetime(CANARY_DAY.year, CANARY_DAY.month, CANARY_DAY.day, 12)
    offset = pendulum.instance(noon, tz=CANARY_ZONE).offset or 0
    if offset:
        raise ZoneDataError(
            f"The time zone data are too old: {CANARY_ZONE} is {offset // 3600:+d} h on {CANARY_DAY} "
            'instead of 0 h; install tzdata>=2026.3 and set PYTHONTZPATH="" so that it is used.'
        )


def utc_start(day: date, zone: str) -> datetime:
    """Return the first instant of a local day, as naive UTC."""
    start = pendulum.datetime(day.year, day.month, day.day, tz=zone)
    return datetime.fromtimestamp(start.int_timestamp, UTC).replace(tzinfo=None)


def local_days(first: date, last: date, zone: str) -> Iterator[LocalDay]:
    """Yield the local days from `first` to `last`, both included."""
    start = utc_start(first, zone)
    day = first
    while day <= last:
        following = day + timedelta(days=1)
        end = utc_start(following, zone)
        iso = day.isocalendar()
        yield LocalDay(day, day.year, day.month, day.day, iso.week, iso.year, start, end)
        day, start = following, end


def local_date(instant: datetime, zone: str) -> date:
    """Return the local day that a naive UTC instant lies in."""
    # Not pendulum: it reads the zone's file each time, and every request of the dashboard asks for today.
    return instant.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).date()


def parse_day(text: str) -> date:
    """Parse a date written YYYY-MM-DD; raises InputError naming the text."""
    try:
        if len(text) != len("2026-02-15"):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"The date {text!r} is not a day; write it as YYYY-MM-DD, 2026-02-15 for instance."
        ) from None


def parse_instant(text: str) -> datetime:
    """Parse an ISO instant with its offset into naive UTC; raises InputError naming the text."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise InputError(
            f"The instant {text!r} is not an ISO 8601 instant with its offset; "
            "write it like 2026-02-16T01:30:00+00:00."
        )
    return instant.astimezone(UTC).replace(tzinfo=None)


@cache
def transitions(zone: str, first_year: int = 2015, last_year: int = 2040) -> tuple[Transition, ...]:
    """Return a zone's changes of offset, oldest first, as thresholds on its wall clock.

    A wall time that occurs twice is taken the first time it occurs, one that is skipped is read with
    the offset before the change (as Python's fold=0). The last item's `wall` is datetime.max: its
    `before` is the offset in force after the last change.
    """
    tz = ZoneInfo(zone)

    def offset(instant: datetime) -> int:
        shift = instant.replace(tzinfo=UTC).astimezone(tz).utcoffset()
        return int(shift.total_seconds()) if shift is not None else 0

    changes = []
    instant, end = datetime(first_year, 1, 1), datetime(last_year, 12, 31)
    before = offset(instant)
    while instant < end:
        following = instant + timedelta(days=1)
        after = offset(following)
        if after != before:
            low, high = instant, following
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
                low, high = (middle, high) if offset(middle) == before else (low, middle)
            changes.append(Transition(high + timedelta(seconds=max(before, after)), before))
        instant, before = following, after
    return (*changes, Transition(datetime.max, before))
