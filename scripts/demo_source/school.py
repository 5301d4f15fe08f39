"""The demo school as a pure function of time: its rows at any instant, what changes between two."""

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
from .odd_fates import alter_fate, steady_fate
from .odd_organisation import alter_organisation
from .oddities import alter_life, case_of, upkeep_nights
from .organisation import Organisation
from .schema import tables
from .work import Work

# Above so many learners, lives are made anew each time they are needed, instead of being kept.
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

    The same arguments give the same rows, whatever is asked before. `oddities=False` leaves out all
    that `demo_source.oddities` lists, so that nobody has a realisation row twice.
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
                "A school needs a learner, a trainer, and a group for each of its "
                f"{self.curriculum.filieres} filieres: "
                f"got learners={learners}, trainers={trainers}, groups={groups}."
            )
        self.seed, self.learners, self.school_year = seed, learners, school_year
        self.groups, self.trainers, self.oddities = groups, trainers, oddities
        self.calendar = Calendar(school_year)
        self.organisation = Organisation(Tree(self.curriculum), self.calendar, groups, trainers)
        if oddities:
            alter_organisation(self.organisation)
        self._upkeep = upkeep_nights(self.calendar) if oddities else []
        self._kept: list[Life] = []

    @classmethod
    def benchmark(cls, learners: int = 2000, seed: int = 7) -> School:
        """80 groups, 20 trainers, 288 realisation rows for each learner, and nothing odd."""
        sizes = Curriculum.benchmark()
        return cls(seed, learners, curriculum=sizes, groups=80, trainers=20, oddities=False)

    def parameters(self) -> dict[str, Any]:
        """Return what makes this school, as plain values for `from_parameters`."""
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
        """Return the school of `parameters()`."""
        curriculum = Curriculum.from_dict(parameters["curriculum"])
        return cls(**{**parameters, "curriculum": curriculum})

    def state_at(self, instant: datetime, app_timezone: str = "UTC") -> State:
        """Return every table's rows by key and column, as stored at that instant (aware).

        `datetime` columns hold wall-clock times of `app_timezone`, `timestamp` columns naive UTC
        times. The key is the id; in a pivot it is a tuple that only tells its rows apart.
        """
        state: State = {table: {} for table in tables()}
        for table, key, row in self.rows_at(instant, app_timezone):
            state[table][key] = dict(zip(tables()[table].columns, row, strict=True))
        return state

    def rows_at(self, instant: datetime, app_timezone: str = "UTC") -> Iterator[TableRow]:
        """Yield (table, key, row) of every row as stored at that instant (aware).

        Rows come learner by learner, so not sorted by table, and memory stays bounded.
        """
        at = utc(instant)
        upkeep = self._last_upkeep(at)
        yield from _as_stored(rows_of(self.organisation.lines, at), app_timezone)
        for life in self._lives(at):
            yield from _as_stored(life.rows_at(at, upkeep), app_timezone)

    def changes(
        self, since: datetime, until: datetime, app_timezone: str = "UTC"
    ) -> dict[str, TableChanges]:
        """Return what brings tables that stand at `since` to `until` (both aware), by table."""
        first, last = utc(since), utc(until)
        before, after = self._last_upkeep(first), self._last_upkeep(last)
        by_table: dict[str, TableChanges] = defaultdict(TableChanges)

        def compare(old: Iterator[TableRow], new: Iterator[TableRow]) -> None:
            _compare(_as_stored(old, app_timezone), _as_stored(new, app_timezone), by_table)

        compare(rows_of(self.organisation.lines, first), rows_of(self.organisation.lines, last))
        for life in self._lives(last):
            if before != after or life.acts_between(first, last):
                compare(life.rows_at(first, before), life.rows_at(last, after))
        return dict(by_table)

    def _last_upkeep(self, instant: datetime) -> datetime | None:
        return max((night for night in self._upkeep if night <= instant), default=None)

    def _lives(self, until: datetime) -> Iterator[Life]:
        """Yield everybody's life, lived at least until that instant."""
        learners = range(1, self.learners + 1)
        if self.learners <= KEPT_LIVES:
            self._kept = self._kept or [self.life(learner) for learner in learners]
            yield from self._kept
            return
        # Oddities look at the whole year.
        horizon = None if self.oddities else until
        for learner in learners:
            yield self.life(learner, horizon)

    def life(self, learner: int, until: datetime | None = None) -> Life:
        """Return a learner's life; what he begins after `until` may be left out."""
        rng = Random(f"{self.seed}/{learner}")
        group = (learner - 1) % self.groups + 1
        case = case_of(learner) if self.oddities else None
        if case is None:
            programme = self.organisation.programme_of(group)
            fate = ordinary_fate(self.calendar, rng, group, programme)
        else:
            fate = steady_fate(self.organisation, learner, group)
            alter_fate(case, fate, self.organisation)
        life = Life(self.organisation, learner, self.learners, fate, rng)
        life.open_studies()
        Work(life, rng).do(until)
        if self.oddities:
            alter_life(life)
        life.finish()
        return life


def _as_stored(rows: Iterator[TableRow], app_timezone: str) -> Iterator[TableRow]:
    """Yield the rows with their `datetime` columns in the application's zone."""
    if app_timezone == "UTC":
        yield from rows
        return
    app_zone = zone(app_timezone)
    places = {name: table.local for name, table in tables().items()}
    for table, key, row in rows:
        values = list(row)
        for place in places[table]:
            if values[place] is not None:
                values[place] = stored(values[place], app_zone)
        yield table, key, tuple(values)


def _compare(
    old: Iterator[TableRow], new: Iterator[TableRow], by_table: dict[str, TableChanges]
) -> None:
    before = {(table, key): row for table, key, row in old}
    for table, key, row in new:
        last = before.pop((table, key), None)
        if last is None:
            by_table[table].inserted[key] = row
        elif last != row:
            by_table[table].updated[key] = row
    for (table, key), row in before.items():
        by_table[table].deleted[key] = row
