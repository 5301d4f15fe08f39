"""Instants, local wall-clock times and the days on which the school works.

Inside this package an instant is a naive `datetime` in UTC, of whole seconds. Zones matter at the
edges only: aware instants come in, people act at local times of Africa/Casablanca, and `datetime`
columns are stored in the application's zone.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib import resources
from random import Random
from zoneinfo import ZoneInfo

SCHOOL_ZONE = "Africa/Casablanca"
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
SATURDAY, SUNDAY = 5, 6


@cache
def zone(name: str) -> ZoneInfo:
    """Return the zone of the `tzdata` wheel; the system's files can miss Morocco's latest rules.

    Raises ValueError for a name that is no zone.
    """
    folders = name.split("/")
    try:
        if "" in folders or ".." in folders:
            raise ValueError(name)
        with resources.files("tzdata").joinpath("zoneinfo", *folders).open("rb") as data:
            return ZoneInfo.from_file(data, key=name)
    except (OSError, ValueError):
        raise ValueError(
            f"{name!r} is no time zone: give an IANA name such as Africa/Casablanca or UTC."
        ) from None


def utc(instant: datetime) -> datetime:
    """Return an aware instant as this package holds it; ValueError for a naive one."""
    if instant.tzinfo is None:
        text = instant.isoformat()
        raise ValueError(f"{text} has no time zone: write {text}Z, or with an offset.")
    return instant.astimezone(UTC).replace(tzinfo=None)


def stored(instant: datetime, app_zone: ZoneInfo) -> datetime:
    """Return the wall-clock time of an instant; in the hour that comes twice it is ambiguous."""
    return instant.replace(tzinfo=UTC).astimezone(app_zone).replace(tzinfo=None)


def local(
    day: date, hour: int, minute: int = 0, second: int = 0, *, again: bool = False
) -> datetime:
    """Return the instant of a local time at the school.

    `again` is the second time, when the clock shows it twice.
    """
    wall = datetime.combine(day, time(hour, minute, second, fold=int(again)))
    return wall.replace(tzinfo=zone(SCHOOL_ZONE)).astimezone(UTC).replace(tzinfo=None)


@cache
def _clock_zero(day: date) -> datetime:
    """12 hours before local noon: seconds added to it give working hours on any day, cheaply."""
    return local(day, 12) - timedelta(hours=12)


@cache
def _offset(day: date, hour: int) -> timedelta:
    """Return the school's offset in that hour of UTC; clocks change on the hour."""
    instant = datetime.combine(day, time(hour))
    return stored(instant, zone(SCHOOL_ZONE)) - instant


def local_day(instant: datetime) -> date:
    """Return the school's local day of an instant."""
    return (instant + _offset(instant.date(), instant.hour)).date()


class Calendar:
    """The school year: its days off, its clock changes, and when on a day something happens."""

    def __init__(self, school_year: int) -> None:
        self.school_year = school_year
        self.begins = date(school_year, 8, 25)
        self.ends = date(school_year + 1, 7, 1)
        self._days_off = frozenset(self._holidays())
        self._chances: dict[date, float] = {}

    def on(self, month: int, day: int) -> date:
        """Return that day in this school year, which runs from August to July."""
        return date(self.school_year + (month < 8), month, day)

    def at(self, month: int, day: int, hour: int, minute: int = 0) -> datetime:
        """Return the instant of that local time in this school year."""
        return local(self.on(month, day), hour, minute)

    def _holidays(self) -> list[date]:
        fixed = [(11, 6), (11, 18), (1, 11), (1, 14), (5, 1)]
        spans = [((12, 22), 14), ((3, 20), 3), ((5, 27), 3)]
        days = [self.on(month, day) for month, day in fixed]
        for (month, first), length in spans:
            days += [self.on(month, first) + n * DAY for n in range(length)]
        return days

    def clock_changes(self) -> list[date]:
        """Return the local days of the school year that do not last 24 hours."""
        days = (self.begins + n * DAY for n in range((self.ends - self.begins).days))
        return [day for day in days if local(day + DAY, 0) - local(day, 0) != DAY]

    def is_off(self, day: date) -> bool:
        """Say whether nobody teaches that day: Sundays and holidays."""
        return day.weekday() == SUNDAY or day in self._days_off

    def working_day(self, day: date, rng: Random) -> date:
        """Return that day, or the next one when nobody works: Saturdays mostly, Sundays nearly."""
        while (chance := self._chance(day)) < 1 and rng.random() >= chance:
            day += DAY
        return day

    def _chance(self, day: date) -> float:
        """Return how likely it is that what falls on a day is done on it."""
        known = self._chances.get(day)
        if known is None:
            known = 0.015 if self.is_off(day) else 0.25 if day.weekday() == SATURDAY else 1.0
            self._chances[day] = known
        return known

    def moment(self, day: date, rng: Random) -> datetime:
        """Return when a learner works on that day or the next working one.

        Mostly from 08:30 to 17:30, some evenings, and now and then at the edges of a day:
        23:59:59, 00:00:00, the small hours.
        """
        day = self.working_day(day, rng)
        kind = rng.random()
        if kind < 0.82:
            return _clock_zero(day) + timedelta(seconds=int(30_600 + 32_400 * rng.random()))
        if kind < 0.965:
            return _clock_zero(day) + timedelta(seconds=int(64_800 + 20_400 * rng.random()))
        if kind < 0.985:
            return local(day, 0, 30 + int(30 * rng.random()), int(60 * rng.random()))
        if kind < 0.993:
            return local(day, 23, 59, 59)
        return local(day, 0)

    def office_hour(self, day: date, rng: Random) -> datetime:
        """Return when a trainer answers, that day or the next working one: 08:30 to 18:30."""
        day = self.working_day(day, rng)
        return _clock_zero(day) + timedelta(seconds=int(30_600 + 36_000 * rng.random()))
