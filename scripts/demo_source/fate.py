"""What is decided about a learner before he lives: when he comes, in which groups he is, how he works, when he stops."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import NamedTuple

from .clock import DAY, Calendar, local


class Stay(NamedTuple):
    """A membership of a group, half-open. `stamped` says whether its pivot row has `created_at` and `updated_at`."""

    group: int
    since: datetime
    until: datetime | None = None
    stamped: bool = True


class Switch(NamedTuple):
    """`actif` from an instant on."""

    at: datetime
    active: bool


@dataclass(frozen=True)
class Pace:
    """How a learner keeps to the plan: `lag` days behind it, `drift` more each session, and a time of doing nothing.

    `idle_days` None means that he never comes back from it. `quality` is the share of the marks he gets, about.
    """

    lag: float = 0.0
    drift: float = 0.0
    quality: float = 0.7
    idle_from: date | None = None
    idle_days: int | None = None

    def day(self, planned: date, session: int) -> date | None:
        """The day on which he does what was planned for that day of that session (from 0); None if never."""
        day = planned + timedelta(days=int(self.lag + self.drift * session))
        if self.idle_from is None or day < self.idle_from:
            return day
        return None if self.idle_days is None else day + timedelta(days=self.idle_days)


@dataclass
class Fate:
    """The frame of a learner's year. Oddities change it before it is lived."""

    enrolled: datetime
    stays: list[Stay]
    pace: Pace
    stop: datetime
    programmes: list[tuple[int, datetime, datetime | None]]
    switches: list[Switch] = field(default_factory=list)
    has_user: bool = True
    remade: tuple[datetime, datetime] | None = None


def ordinary_fate(calendar: Calendar, rng: Random, group: int, programme: int) -> Fate:
    """A learner who stays in one group: most on plan, some ahead, some late, some idle for a while or for good."""
    first = calendar.begins + (7 + int(4 * rng.random())) * DAY
    if rng.random() < 0.04:
        first += (25 + int(40 * rng.random())) * DAY
    enrolled = local(
        first, 9 + int(7 * rng.random()), int(60 * rng.random()), int(60 * rng.random())
    )
    return Fate(
        enrolled=enrolled,
        stays=[Stay(group, enrolled, stamped=rng.random() > 0.1)],
        pace=_pace(calendar, rng),
        stop=local(calendar.ends, 0),
        programmes=[(programme, enrolled, None)],
    )


def _pace(calendar: Calendar, rng: Random) -> Pace:
    quality = min(0.97, max(0.3, rng.gauss(0.7, 0.14)))
    kind, draw = rng.random(), rng.random()
    if kind < 0.15:
        return Pace(-8 + 5 * draw, 0.0, quality)
    if kind < 0.6:
        return Pace(-2 + 5 * draw, 0.0, quality)
    if kind < 0.85:
        return Pace(2 + 3 * draw, 0.4 + 1.6 * rng.random(), quality - 0.05)
    idle_from = calendar.on(10, 1) + int(200 * rng.random()) * DAY
    return Pace(
        4 * draw, 0.3, quality - 0.1, idle_from, None if draw < 0.35 else 20 + int(40 * draw)
    )


STEADY = Pace(-1.0, 0.0, 0.75)
