"""The demo school as a pure function of time: its rows at any instant, and what changes between two."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from .clock import Calendar, stored, utc, zone
from .curriculum import Curriculum, Tree
from .fate import ordinary_fate
from .life import Life
from .lines import Key, Row, TableRow, rows_of
from .odd_organisation import alter_organisation
from .oddities import alter_fate, alter_life, upkeep_nights
from .organisation import Organisation
from .schema import tables

# Above so many learners their lives are built anew each time they are needed, instead of being kept.
KEPT_LIVES = 700

State = dict[str, dict[Key, dict[str, Any]]]


@dataclass
class TableChanges:
    """What to write to a table: whole rows by key. `deleted` holds the rows as they were."""

    inserted: dict[Key, Row] = field(default_factory=dict)
    updated: dict[Key, Row] = field(default_factory=dict)
    deleted: dict[Key, Row] = field(default_factory=dict)


class School:
    """A school of `learners` learners over the year that begins in September of `school_year`.

    The same arguments give the same rows, whatever is asked before. `oddities=False` leaves out everything that
    `demo_source.oddities` lists, so that each learner has each of his realisation rows exactly once.
    Raises ValueError when a size is below what a school needs.
    """

    def __init__(
        self,
        seed: int = 7,
        learners: int = 240,
        school_year: int = 2025,
        curriculum: Curriculum | None = None,
        *,
        groups: int = 10,
        trainers: int = 6,
        oddities: bool = True,
    ) -> None:
        self.curriculum = curriculum or Curriculum()
        if learners < 1 or trainers < 1 or groups < self.curriculum.filieres:
            raise ValueError(
                f"A school needs at least 1 learner, 1 trainer and {self.curriculum.filieres} groups (one per filiere): "
                f"got learners={learners}, trainers={trainers}, groups={groups}."
            )
        self.seed, self.learners, self.school_year = seed, learners, school_year
        self.groups, self.trainers, self.oddities = groups, trainers, oddities
        self.calendar = Calendar(school_year)
        self.organisation = Organisation(Tree(self.curriculum), self.calendar, groups, trainers)
        if oddities:
            alter_organisation(self.organisation)
        self._upkeep = upkeep_nights(self.calendar) if oddities else []
        self._lives: list[Life] = []

    @classmethod
    def benchmark(cls, learners: int = 2000, seed: int = 7) -> School:
        """Each learner with 288 realisation rows, in 80 groups with 20 trainers, without oddities."""
        return cls(
            seed,
            learners,
            curriculum=Curriculum.benchmark(),
            groups=80,
            trainers=20,
            oddities=False,
        )

    def parameters(self) -> dict[str, Any]:
        """What makes this school, as plain values; `from_parameters` makes it again."""
        return {
            "seed": self.seed,
            "learners": self.learners,
            "school_year": self.school_year,
            "groups": self.groups,
            "trainers": self.trainers,
            "oddities": self.oddities,
            "curriculum": self.curriculum.as_dict(),
        }

    @classmethod
    def from_parameters(cls, parameters: dict[str, Any]) -> School:
        """The school of `parameters()`."""
        return cls(**{**parameters, "curriculum": Curriculum.from_dict(parameters["curriculum"])})

    def state_at(self, instant: datetime, app_timezone: str = "UTC") -> State:
        """Every table's rows by key and column, as the application stores them at that instant (aware).

        `datetime` columns hold wall-clock times of `app_timezone`, `timestamp` columns naive UTC times. The key is the id,
        in a pivot a tuple that only tells its rows apart.
        """
        state: State = {table: {} for table in tables()}
        for table, key, row in self.rows_at(instant, app_timezone):
            state[table][key] = dict(zip(tables()[table].columns, row, strict=True))
        return state

    def rows_at(self, instant: datetime, app_timezone: str = "UTC") -> Iterator[TableRow]:
        """(table, key, row) of every row at that instant (aware), as stored; not sorted by table. Memory stays bounded."""
        at, name = utc(instant), app_timezone
        yield from _as_stored(rows_of(self.organisation.lines, at), name)
        for life in self._each_life(at):
            yield from _as_stored(life.rows_at(at, self._upkeep_before(at)), name)

    def changes(
        self, since: datetime, until: datetime, app_timezone: str = "UTC"
    ) -> dict[str, TableChanges]:
        """What to write to tables that stand at `since` for them to stand at `until`; both aware."""
        first, last = utc(since), utc(until)
        found: dict[str, TableChanges] = defaultdict(TableChanges)
        _compare(
            rows_of(self.organisation.lines, first),
            rows_of(self.organisation.lines, last),
            app_timezone,
            found,
        )
        before, after = self._upkeep_before(first), self._upkeep_before(last)
        for life in self._each_life(last):
            if before != after or life.acts_between(first, last):
                _compare(
                    life.rows_at(first, before), life.rows_at(last, after), app_timezone, found
                )
        return dict(found)

    def _upkeep_before(self, instant: datetime) -> datetime | None:
        return max((night for night in self._upkeep if night <= instant), default=None)

    def _each_life(self, until: datetime) -> Iterator[Life]:
        """Everybody's life, lived at least until that instant."""
        if not self._lives and self.learners <= KEPT_LIVES:
            self._lives = [self._live(learner) for learner in range(1, self.learners + 1)]
        if self._lives:
            yield from self._lives
            return
        # Oddities look at the whole year.
        horizon = None if self.oddities else until
        for learner in range(1, self.learners + 1):
            yield self._live(learner, horizon)

    def _live(self, learner: int, until: datetime | None = None) -> Life:
        rng = Random(f"{self.seed}/{learner}")
        group = (learner - 1) % self.groups + 1
        fate = ordinary_fate(self.calendar, rng, group, self.organisation.programme_of(group))
        if self.oddities:
            alter_fate(learner, fate, self.organisation)
        life = Life(self.organisation, learner, self.learners, fate, rng)
        life.live(until)
        if self.oddities:
            alter_life(life)
        life.finish()
        return life


def _as_stored(rows: Iterator[TableRow], app_timezone: str) -> Iterator[TableRow]:
    """The rows with their `datetime` columns in the application's zone."""
    if app_timezone == "UTC":
        yield from rows
        return
    app_zone, local_columns = (
        zone(app_timezone),
        {name: table.local for name, table in tables().items()},
    )
    for table, key, row in rows:
        places = local_columns[table]
        if places:
            values = list(row)
            for place in places:
                if values[place] is not None:
                    values[place] = stored(values[place], app_zone)
            row = tuple(values)
        yield table, key, row


def _compare(
    old: Iterator[TableRow],
    new: Iterator[TableRow],
    app_timezone: str,
    found: dict[str, TableChanges],
) -> None:
    before = {(table, key): row for table, key, row in _as_stored(old, app_timezone)}
    for table, key, row in _as_stored(new, app_timezone):
        last = before.pop((table, key), None)
        if last is None:
            found[table].inserted[key] = row
        elif last != row:
            found[table].updated[key] = row
    for (table, key), row in before.items():
        found[table].deleted[key] = row
