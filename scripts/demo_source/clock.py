"""Instants, local wall-clock times and the days on which the school works.

Inside this package an instant is a naive `datetime` in UTC, of whole seconds. Aware instants come in, and zones matter,
only at the edges: what people do happens at local times of Africa/Casablanca, and the `datetime` columns are stored in
the application's zone.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib import resources
from random import Random
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

SCHOOL_ZONE = "Africa/Casablanca"
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@cache
def zone(name: str) -> ZoneInfo:
    """The zone from the `tzdata` wheel: the operating system's files can be older than Morocco's latest rules.

    Raises ValueError for a name that is no zone.
    """
    try:
        if not name or name.startswith("/") or ".." in name:
            raise ZoneInfoNotFoundError(name)
        with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
            return ZoneInfo.from_file(data, key=name)
    except (OSError, ValueError, ZoneInfoNotFoundError):
        raise ValueError(
            f"{name!r} is not a time zone: give an IANA name such as 'Africa/Casablanca' or 'UTC'."
        ) from None


def utc(instant: datetime) -> datetime:
    """An aware instant as this package holds it. Raises ValueError for a naive one, which could mean any zone."""
    if instant.tzinfo is None:
        raise ValueError(
            f"{instant.isoformat()} has no time zone: write it as {instant.isoformat()}Z or with an offset."
        )
    return instant.astimezone(UTC).replace(tzinfo=None)


def stored(instant: datetime, app_zone: ZoneInfo) -> datetime:
    """The wall-clock time a `datetime` column holds for an instant. In the hour that comes twice it is ambiguous."""
    return instant.replace(tzinfo=UTC).astimezone(app_zone).replace(tzinfo=None)


def local(
    day: date, hour: int, minute: int = 0, second: int = 0, *, again: bool = False
) -> datetime:
    """The instant of a local time at the school; `again` is the second time, when the clock shows it twice."""
    wall = datetime.combine(day, time(hour, minute, second), zone(SCHOOL_ZONE)).replace(
        fold=int(again)
    )
    return wall.astimezone(UTC).replace(tzinfo=None)


@cache
def _clock_zero(day: date) -> datetime:
    """12 hours before local noon: adding seconds to it is cheap, and right except before a clock change that day."""
    return local(day, 12) - timedelta(hours=12)


@cache
def _offset(day: date, hour: int) -> timedelta:
    """The school's offset in that hour of UTC: clocks change on the hour."""
    return stored(datetime.combine(day, time(hour)), zone(SCHOOL_ZONE)) - datetime.combine(
        day, time(hour)
    )


def local_day(instant: datetime) -> date:
    """The school's local day of an instant."""
    return (instant + _offset(instant.date(), instant.hour)).date()


class Calendar:
    """The school year: its days off, its clock changes, and when on a day something happens."""

    def __init__(self, school_year: int) -> None:
        self.school_year = school_year
        self.begins = date(school_year, 8, 25)
        self.ends = date(school_year + 1, 7, 1)
        self.days_off = frozenset(self._days_off())
        self._chances: dict[date, float] = {}

    def on(self, month: int, day: int) -> date:
        """That day in this school year, which runs from August to July."""
        return date(self.school_year + (month < 8), month, day)

    def _days_off(self) -> list[date]:
        fixed = [(11, 6), (11, 18), (1, 11), (1, 14), (5, 1)]
        spans = [((12, 22), 14), ((3, 20), 3), ((5, 27), 3)]
        days = [self.on(month, day) for month, day in fixed]
        for (month, first), length in spans:
            days += [self.on(month, first) + n * DAY for n in range(length)]
        return days

    def clock_changes(self) -> list[date]:
        """The local days of the school year that do not last 24 hours."""
        days = (self.begins + n * DAY for n in range((self.ends - self.begins).days))
        return [day for day in days if local(day + DAY, 0) - local(day, 0) != DAY]

    def is_off(self, day: date) -> bool:
        """Whether nobody works that day: Sundays and holidays."""
        return day.weekday() == 6 or day in self.days_off

    def working_day(self, day: date, rng: Random) -> date:
        """That day, or the next on which somebody works: seldom a Sunday, not often a Saturday."""
        while (chance := self._chance(day)) < 1 and rng.random() >= chance:
            day += DAY
        return day

    def _chance(self, day: date) -> float:
        """How likely it is that what falls on a day is done on it."""
        known = self._chances.get(day)
        if known is None:
            known = 0.015 if self.is_off(day) else 0.25 if day.weekday() == 5 else 1.0
            self._chances[day] = known
        return known

    def moment(self, day: date, rng: Random) -> datetime:
        """When a learner works on that day or the next working one.

        Mostly from 08:30 to 17:30, some evenings, and now and then at the edges of a day: 23:59:59, 00:00:00, the small hours.
        """
        day = self.working_day(day, rng)
        kind = rng.random()
        if kind < 0.82:
            return _clock_zero(day) + timedelta(seconds=int(30600 + 32400 * rng.random()))
        if kind < 0.965:
            return _clock_zero(day) + timedelta(seconds=int(64800 + 20400 * rng.random()))
        if kind < 0.985:
            return local(day, 0, 30 + int(30 * rng.random()), int(60 * rng.random()))
        if kind < 0.993:
            return local(day, 23, 59, 59)
        return local(day, 0)

    def office_hour(self, day: date, rng: Random) -> datetime:
        """When a trainer answers on that day or the next working one: from 08:30 to 18:30."""
        day = self.working_day(day, rng)
        return _clock_zero(day) + timedelta(seconds=int(30600 + 36000 * rng.random()))
