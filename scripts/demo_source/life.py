"""One learner's school year: the rows he has, and how they read at any instant."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain
from random import Random

from . import names
from .clock import SECOND, local_day
from .curriculum import Module
from .fate import Fate, Stay
from .lines import Line, TableRow, rows_of
from .notebook import Notebook
from .organisation import LEARNER_USERS, Organisation
from .realisations import Run
from .unit_rows import UnitRow

# Blocks of ids for the runs beyond the first ones, by what they are for.
OTHER_PROGRAMME, REMADE, REPEATED, SINGLE_ROWS = SPARE_SLOTS = range(4)


class Life:
    """All rows of one learner over the year: his runs, his notebook, and other lines.

    Made in three steps: work (`work.Work`) fills it, oddities change it, `finish` adds what follows
    from both.
    """

    def __init__(
        self, organisation: Organisation, learner: int, learners: int, fate: Fate, rng: Random
    ) -> None:
        self.organisation, self.learner, self.fate = organisation, learner, fate
        self.runs: list[Run] = []
        self.notebook = Notebook(organisation, learner, has_user=fate.has_user)
        self.extra_lines: list[Line] = []
        self._learners = learners
        # Its own sequence, so that it does not depend on how far the year was lived.
        self._saving = Random(rng.random())
        self._parts: list[tuple[Line, Run, UnitRow]] = []
        self._lines: list[Line] = []
        self._instants: list[datetime] = []

    # Runs

    def spare_slot(self, purpose: int) -> int:
        """Return the block of ids for rows of that purpose, above those of everybody's first."""
        return self._learners + len(SPARE_SLOTS) * (self.learner - 1) + purpose

    def add_run(self, module: Module, slot: int, created: datetime) -> Run:
        """Add a new set of rows for a module, all to do."""
        run = Run(self.learner, module, slot, self.organisation.tree, created)
        self.runs.append(run)
        return run

    def open_studies(self) -> None:
        """Make the realisation rows of each programme he studies, when its modules open."""
        for number, (programme, since, _) in enumerate(self.fate.studies):
            slot = self.learner - 1 if number == 0 else self.spare_slot(OTHER_PROGRAMME)
            for module in self.organisation.tree.modules[programme]:
                created = self._opening(module, since)
                if created <= self.fate.stop:
                    run = self.add_run(module, slot, created)
                    self._remake(run)

    def _opening(self, module: Module, since: datetime) -> datetime:
        created = since + (60 + module.position) * SECOND
        if not self.organisation.tree.sizes.whole_from_start:
            created = max(self.organisation.opens[module.id], created)
        return created + self.learner % 60 * SECOND

    def _remake(self, run: Run) -> None:
        """Delete the rows of the module taught when the fate says so, and make them again."""
        if self.fate.remade is None or run.created > self.fate.remade[0]:
            return
        deleted, again = self.fate.remade
        taught = self.organisation.ua_taught_on(run.module.programme, local_day(deleted))
        if taught in run.units:
            run.deleted = deleted
            self.add_run(run.module, self.spare_slot(REMADE), again)

    def runs_of(self, ua: int) -> list[Run]:
        """Return the runs that hold a UA, in the order they were made."""
        return [run for run in self.runs if ua in run.units]

    def row_for_work(self, ua: int, instant: datetime) -> tuple[Run, UnitRow] | None:
        """Return the row of a UA that he works on then: the first of those there are."""
        for run in self.runs:
            if ua in run.units and run.exists_at(instant):
                return run, run.units[ua][0]
        return None

    # Groups

    def team_in(self, stay: Stay) -> int | None:
        """Return his sub-group during a stay; one learner in six is in none."""
        number = (self.learner // self.organisation.groups + self.learner) % 6
        return None if number == 5 else self.organisation.team(stay.group, number % 2)

    # The end

    def add_part(self, line: Line, run: Run, row: UnitRow) -> None:
        """Add a row that hangs on a UA row, and goes when that goes."""
        self._parts.append((line, run, row))

    def finish(self) -> None:
        """Add what follows from the rest: saved micro-competences, parts of lost rows, himself."""
        for run in self.runs:
            for micro in run.module.micros():
                saves, delay = self._saving.random() < 0.4, self._saving.random()
                done = run.micro_done_at(micro)
                if done is None or not saves:
                    continue
                saved = done + timedelta(minutes=1 + int(5000 * delay**3))
                if run.is_done_at(micro, saved):
                    run.micro_saves[micro.id] = saved
        self._lines = [
            *self._himself(),
            *self._memberships(),
            *self.extra_lines,
            *self.notebook.close(),
        ]
        for line, run, row in self._parts:
            ends = [end for end in (run.deleted, row.deleted) if end is not None]
            if not ends:
                self._lines.append(line)
            elif line.created < min(ends):
                self._lines.append(line.end(min(ends)))

    def _himself(self) -> Iterator[Line]:
        learner, fate = self.learner, self.fate
        nom, prenom = names.person(learner)
        person = Line(
            "apprenants",
            learner,
            fate.enrolled,
            nom=nom,
            prenom=prenom,
            actif=1,
            date_inscription=None if learner % 37 == 0 else local_day(fate.enrolled),
            user_id=LEARNER_USERS + learner if fate.has_user else None,
            reference=f"APP-{learner:05}",
        )
        for switch in fate.switches:
            person.change(switch.at, actif=int(switch.active))
        yield person

    def _memberships(self) -> Iterator[Line]:
        for number, stay in enumerate(self.fate.stays):
            pivots = [("apprenant_groupe", 0, {"groupe_id": stay.group})]
            team = self.team_in(stay)
            if team is not None:
                pivots.append(("apprenant_sous_groupe", 1, {"sous_groupe_id": team}))
            for table, kind, value in pivots:
                key = (self.learner, kind, number)
                values = {"apprenant_id": self.learner, **value}
                pivot = Line(table, key, stay.since, stamped=stay.stamped, **values)
                yield pivot if stay.until is None else pivot.end(stay.until)

    # Reading

    def acts_between(self, since: datetime, until: datetime) -> bool:
        """Say whether any of his rows may differ between two instants, the upkeep apart."""
        if not self._instants:
            of_lines = chain.from_iterable(line.instants() for line in self._lines)
            of_runs = chain.from_iterable(run.instants() for run in self.runs)
            self._instants = sorted({*of_lines, *of_runs})
        first = bisect_right(self._instants, since)
        return first < len(self._instants) and self._instants[first] <= until

    def rows_at(self, instant: datetime, upkeep: datetime | None) -> Iterator[TableRow]:
        """Yield (table, key, row) of all his rows at an instant; `upkeep` as in `Run.rows_at`."""
        yield from rows_of(self._lines, instant)
        for run in self.runs:
            yield from run.rows_at(instant, upkeep)
