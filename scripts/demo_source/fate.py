"""What is settled before a learner lives: when he comes, his groups, his pace, when he stops."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import NamedTuple

from .clock import DAY, Calendar, local


class Stay(NamedTuple):
    """A membership of a group, half-open; `stamped` says whether its pivot row has timestamps."""

    group: int
    since: datetime
    until: datetime | None = None
    stamped: bool = True

    def holds_at(self, instant: datetime) -> bool:
        """Say whether he is in the group then."""
        return self.since <= instant and (self.until is None or instant < self.until)


class Studies(NamedTuple):
    """The time in which he follows a programme (from 0)."""

    programme: int
    since: datetime
    until: datetime | None = None


class Switch(NamedTuple):
    """`actif` from an instant on."""

    at: datetime
    active: bool


@dataclass(frozen=True)
class Pace:
    """How a learner keeps to the plan.

    `lag` days behind it, `drift` more with each session, and a time of doing nothing, from which
    he never comes back if `idle_days` is None. `quality` is the share of the marks he gets, about.
    """

    lag: float = 0.0
    drift: float = 0.0
    quality: float = 0.7
    idle_from: date | None = None
    idle_days: int | None = None

    def day(self, planned: date, session: int) -> date | None:
        """Return when he does what that session (from 0) planned for that day; None if never."""
        day = planned + timedelta(days=int(self.lag + self.drift * session))
        if self.idle_from is None or day < self.idle_from:
            return day
        return None if self.idle_days is None else day + timedelta(days=self.idle_days)


STEADY = Pace(lag=-1.0, quality=0.75)


@dataclass
class Fate:
    """The frame of a learner's year. `remade`: when a module's rows are deleted, and made again."""

    enrolled: datetime
    stays: list[Stay]
    studies: list[Studies]
    pace: Pace
    stop: datetime
    switches: list[Switch] = field(default_factory=list)
    has_user: bool = True
    remade: tuple[datetime, datetime] | None = None


def ordinary_fate(calendar: Calendar, rng: Random, group: int, programme: int) -> Fate:
    """Return the fate of one who stays in his group: a few come late, a few are deactivated."""
    first = calendar.begins + (7 + int(4 * rng.random())) * DAY
    if rng.random() < 0.04:
        first += (25 + int(40 * rng.random())) * DAY
    enrolled = local(first, 9 + int(7 * rng.random()), int(60 * rng.random()))
    fate = Fate(
        enrolled=enrolled,
        stays=[Stay(group, enrolled, stamped=rng.random() > 0.1)],
        studies=[Studies(programme, enrolled)],
        pace=_pace(calendar, rng),
        stop=local(calendar.ends, 0),
    )
    if rng.random() < 0.02:
        leaves = calendar.on(11, 3) + int(180 * rng.random()) * DAY
        fate.stop = local(leaves, 16, 30)
        fate.switches = [Switch(fate.stop, False)]
    return fate


def _pace(calendar: Calendar, rng: Random) -> Pace:
    """Return a pace: of 20 learners 3 are ahead, 9 on plan, 5 late, 3 idle for a while or more."""
    quality = min(0.97, max(0.3, rng.gauss(0.7, 0.14)))
    kind, draw = rng.random(), rng.random()
    if kind < 0.15:
        return Pace(-8 + 5 * draw, 0.0, quality)
    if kind < 0.6:
        return Pace(-2 + 5 * draw, 0.0, quality)
    if kind < 0.85:
        return Pace(2 + 3 * draw, 0.4 + 1.6 * rng.random(), quality - 0.05)
    idle_from = calendar.on(10, 1) + int(200 * rng.random()) * DAY
    idle_days = None if draw < 0.35 else 20 + int(40 * draw)
    return Pace(4 * draw, 0.3, quality - 0.1, idle_from, idle_days)
