"""One learner's school year, from his fate to the rows he leaves in the database."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from random import Random

from . import names
from .clock import DAY, SECOND, local_day
from .curriculum import (
    BLOCKED,
    DONE,
    PAUSED,
    PROJECT_SCALE,
    PROTOTYPE_SCALE,
    STAGE_1,
    STAGE_2,
    STAGE_3,
    Module,
)
from .fate import Fate, Stay
from .feedback import Exchange, Notebook, converse
from .lines import Line, TableRow, rows_of
from .organisation import (
    LEARNER_USERS,
    PROJECT,
    PROTOTYPE,
    TALK,
    TUTORIAL,
    Organisation,
    Project,
    Unit,
)
from .realisations import MicroSave, Run, UnitRow

# Blocks of ids for the runs beyond the first ones, by what they are for.
OTHER_PROGRAMME, REMADE, REPEATED, SINGLE_ROWS = range(4)
SPARE_SLOTS = 4


class Stopped(Exception):
    """The learner does nothing any more."""


class Life:
    """All rows of one learner over the year. Built in three steps: live, then what oddities add, then `finish`."""

    def __init__(
        self, organisation: Organisation, learner: int, learners: int, fate: Fate, rng: Random
    ) -> None:
        self.organisation, self.learner, self.fate = organisation, learner, fate
        self._learners, self._rng = learners, rng
        # Its own sequence, so that it does not depend on how far the year was lived.
        self._saving = Random(rng.random())
        self.runs: list[Run] = []
        self.notebook = Notebook(organisation, learner, has_user=fate.has_user)
        self._links: list[tuple[Line, Run, UnitRow]] = []
        self._exercises: dict[tuple[str, int], Line] = {}
        self._lines: list[Line] = []
        self._instants: list[datetime] = []
        self.extra_lines: list[Line] = []

    # Runs

    def spare_slot(self, purpose: int) -> int:
        """The block of ids for runs of that purpose: above those of everybody's first runs."""
        return self._learners + SPARE_SLOTS * (self.learner - 1) + purpose

    def add_run(self, module: Module, slot: int, created: datetime) -> Run:
        """A new set of rows for a module, all to do."""
        tree = self.organisation.tree
        run = Run(self.learner, module, slot, tree.strides, created)
        run.add_units(tree.ua_place, tree.scale_of)
        self.runs.append(run)
        return run

    def runs_of(self, ua: int) -> list[Run]:
        """The runs that hold a UA, in the order they were made."""
        return [run for run in self.runs if ua in run.units]

    def _row(self, ua: int, instant: datetime) -> tuple[Run, UnitRow] | None:
        """The row of a UA that he works on at that instant: the first of those there are."""
        for run in self.runs:
            if run.exists_at(instant) and ua in run.units:
                return run, run.units[ua][0]
        return None

    def _open_programme(self, programme: int, since: datetime, slot: int) -> None:
        organisation, sizes = self.organisation, self.organisation.tree.sizes
        for module in organisation.tree.modules[programme]:
            joined = since + (60 + module.position) * SECOND
            created = (
                joined if sizes.whole_from_start else max(organisation.opens[module.id], joined)
            )
            created += self.learner % 60 * SECOND
            if created > self.fate.stop:
                continue
            run = self.add_run(module, slot, created)
            if (
                self.fate.remade
                and created < self.fate.remade[0]
                and self._taught(module, self.fate.remade[0])
            ):
                run.deleted, again = self.fate.remade
                self.add_run(module, self.spare_slot(REMADE), again)

    def _taught(self, module: Module, instant: datetime) -> bool:
        return self.organisation.ua_taught_on(module.programme, local_day(instant)) in module.uas()

    # Work

    def live(self, until: datetime | None = None) -> None:
        """Works through the sessions of each programme he is in; what begins after `until` may be left out."""
        horizon = None if until is None else local_day(until) + DAY
        for number, (programme, since, until) in enumerate(self.fate.programmes):
            self._open_programme(
                programme,
                since,
                self.learner - 1 if number == 0 else self.spare_slot(OTHER_PROGRAMME),
            )
            for order, unit in enumerate(self.organisation.units[programme]):
                first = unit.first_day
                if (until is not None and first >= local_day(until)) or (
                    number and unit.last_day < local_day(since)
                ):
                    continue
                day = self.fate.pace.day(first, order)
                if day is None or (horizon is not None and day > horizon):
                    break
                # Who comes late catches up at a session every three days.
                self._work(unit, max(day, local_day(since) + 3 * (order + 1) * DAY))

    def _when(self, day: date, *, after: datetime | None = None) -> datetime:
        at = self.organisation.calendar.moment(day, self._rng)
        if after is not None and at <= after:
            at = after + (300 + int(5000 * self._rng.random())) * SECOND
        if at > self.fate.stop:
            raise Stopped
        return at

    def _work(self, unit: Unit, day: date) -> None:
        rng, given = self._rng, self._given(unit)
        ready: list[tuple[UnitRow, date, bool]] = []
        for place, ua in enumerate(unit.uas):
            begin = day + 10 * place // len(unit.uas) * DAY
            if rng.random() < 0.03:
                continue
            try:
                at = self._when(begin)
                found = self._row(ua, at)
                if found is None:
                    continue
                in_project = given is not None and ua in given.uas
                studied = self._study(*found, at, given if in_project else None)
            except Stopped:
                continue
            if studied is not None:
                ready.append((found[1], studied, in_project))
        if not ready:
            return
        last = max(studied for _, studied, _ in ready)
        marks = {row.ua: self._marks(row) for row, _, _ in ready}
        prototype = self._converse(
            given, PROTOTYPE, last, [marks[row.ua][0] for row, _, own in ready if own]
        )
        for place, (row, studied, own) in enumerate(ready):
            try:
                self._build(row, studied, prototype if own else None, marks[row.ua][0], place)
            except Stopped:
                continue
        built = max(local_day(row.last.at) for row, _, _ in ready)
        project = self._converse(
            given, PROJECT, built + DAY, [marks[row.ua][1] for row, _, own in ready if own]
        )
        for place, (row, studied, own) in enumerate(ready):
            if rng.random() < 0.03:
                continue
            try:
                self._complete(
                    row,
                    max(studied, local_day(row.last.at)),
                    project if own else None,
                    marks[row.ua],
                    place,
                )
            except Stopped:
                continue
        self._converse(given, TUTORIAL, day + 2 * DAY, [])
        self._converse(given, TALK, day + 9 * DAY, [])

    def _given(self, unit: Unit) -> Project | None:
        """The unit's project, if it was given to a group he was in; with the rows that come with it."""
        project = unit.project
        if project is None or (project.id, TALK) in self.notebook.tasks:
            return None
        for stay in self.fate.stays:
            assignment = self.organisation.assignment(project, stay.group, self.team(stay))
            if assignment is None or (stay.until is not None and stay.until <= assignment.created):
                continue
            if assignment.ends is not None and stay.since > assignment.ends:
                continue
            opened = self.notebook.open_project(project, assignment, stay.since)
            for ua in project.uas:
                self._link(project, ua, opened)
            return project
        return None

    def team(self, stay: Stay) -> int | None:
        """The sub-group he is in during a stay; one learner in six is in none."""
        number = (self.learner // self.organisation.groups + self.learner) % 6
        return None if number == 5 else self.organisation.subgroup(stay.group, number % 2)

    def _link(self, project: Project, ua: int, opened: datetime) -> None:
        # Who has just come gets his rows within minutes.
        found = self._row(ua, opened + timedelta(minutes=10))
        if found is None:
            return
        run, row = found
        for kind, table, scale in (
            (PROTOTYPE, "realisation_ua_prototypes", PROTOTYPE_SCALE),
            (PROJECT, "realisation_ua_projets", PROJECT_SCALE),
        ):
            line = Line(table, row.id, max(opened, row.created), realisation_ua_id=row.id,
                        realisation_tache_id=self.notebook.task_key(project, kind), bareme=scale if row.last.scale else 0.0)  # fmt: skip
            self._exercises[table, row.id] = line
            self._links.append((line, run, row))

    def _study(self, run: Run, row: UnitRow, at: datetime, project: Project | None) -> date | None:
        """The chapters. Returns the day they are done; None when he gets stuck for good."""
        rng, day = self._rng, local_day(at)
        started = row.step(at, STAGE_1, 5.0 + int(10 * rng.random()))
        half = row.step(
            self._when(day + DAY, after=started), STAGE_1, 20.0 + int(15 * rng.random())
        )
        chapters = [
            self._chapter(run, row, n, started, project) for n in range(len(self._chapters(row.ua)))
        ]
        for line in chapters[:1]:
            line.change(half, etat_realisation_chapitre_id=3, date_fin=half)
        day = local_day(half)
        if rng.random() < 0.05:
            state = PAUSED if rng.random() < 0.5 else BLOCKED
            row.step(self._when(day + DAY, after=half), state, row.last.progress)
            if rng.random() < 0.4:
                return None
            day += (8 + int(22 * rng.random())) * DAY
        read = row.step(
            self._when(day + DAY, after=row.last.at), STAGE_2, 40.0 + int(10 * rng.random())
        )
        for line in chapters[1:]:
            line.change(read, etat_realisation_chapitre_id=3, date_fin=read)
        return local_day(read)

    def _chapters(self, ua: int) -> list[int]:
        return self.organisation.tree.chapters_of[ua]

    def _chapter(
        self, run: Run, row: UnitRow, place: int, started: datetime, project: Project | None
    ) -> Line:
        chapter = self._chapters(row.ua)[place]
        # Who is ahead reads a chapter before he is given the project.
        given = project is not None and self.notebook.tasks[project.id, TUTORIAL].created <= started
        task = self.notebook.task_key(project, TUTORIAL) if project is not None and given else None
        # A row of its own for each row of the UA: the ids of UA rows leave room for the chapters.
        key = (row.id - 1) * self.organisation.tree.most_chapters + place + 1
        line = Line("realisation_chapitres", key, started, realisation_ua_id=row.id, chapitre_id=chapter,
                    realisation_tache_id=task, etat_realisation_chapitre_id=2, date_debut=started)  # fmt: skip
        self._links.append((line, run, row))
        return line

    def _marks(self, row: UnitRow) -> tuple[float | None, float | None]:
        """The marks for prototype and project, in quarters; (None, None) for the few that nobody marks."""
        if not row.last.scale:
            return 0.0, 0.0
        if self._rng.random() < 0.03:
            return None, None
        share = [
            min(1.0, max(0.1, self.fate.pace.quality + self._rng.gauss(0, 0.13))) for _ in range(2)
        ]
        return round(PROTOTYPE_SCALE * share[0] * 4) / 4, round(PROJECT_SCALE * share[1] * 4) / 4

    def _converse(
        self, project: Project | None, kind: int, day: date, marks: list[float | None]
    ) -> Exchange | None:
        if project is None:
            return None
        calendar, rng = self.organisation.calendar, self._rng
        created = self.notebook.tasks[project.id, kind].created
        exchange = converse(calendar, rng, day, created, self.fate.stop)
        if exchange is None:
            return None
        group = next(
            (s.group for s in reversed(self.fate.stays) if s.since <= exchange.started),
            self.fate.stays[0].group,
        )
        trainers = (*self.organisation.trainers_of(group), project.trainer)
        known = [mark for mark in marks if mark is not None]
        self.notebook.write(
            project,
            kind,
            exchange,
            trainers[int(len(trainers) * rng.random())],
            sum(known) if known else None,
            rng,
        )
        return exchange

    def _build(
        self,
        row: UnitRow,
        studied: date,
        prototype: Exchange | None,
        mark: float | None,
        place: int,
    ) -> None:
        rng = self._rng
        if prototype is not None and prototype.approved_at is not None:
            at = row.step(
                prototype.approved_at + place * timedelta(minutes=2),
                STAGE_3,
                60.0 + int(10 * rng.random()),
                mark,
            )
            self._mark_link(row, "realisation_ua_prototypes", at, mark)
        else:
            at = self._when(studied + (1 + int(2 * rng.random())) * DAY, after=row.last.at)
            row.step(at, STAGE_3, 60.0 + int(10 * rng.random()), mark)
        row.step(self._when(local_day(at) + DAY, after=at), STAGE_3, 75.0 + int(15 * rng.random()))

    def _complete(
        self,
        row: UnitRow,
        day: date,
        project: Exchange | None,
        marks: tuple[float | None, float | None],
        place: int,
    ) -> None:
        if row.last.state != STAGE_3:
            return
        rng = self._rng
        mark = None if marks[1] is None else (marks[0] or 0.0) + marks[1]
        by_person = rng.random() < 0.5
        if project is not None and project.approved_at is not None:
            at = row.step(
                project.approved_at + place * timedelta(minutes=2),
                DONE,
                100.0,
                mark,
                by_person=by_person,
            )
            self._mark_link(row, "realisation_ua_projets", at, marks[1])
        else:
            at = self._when(day + (1 + int(2 * rng.random())) * DAY, after=row.last.at)
            row.step(at, DONE, 100.0, mark, by_person=by_person)
        if rng.random() < 0.12:
            row.save(self._when(local_day(at) + (1 + int(6 * rng.random())) * DAY))
        if rng.random() < 0.03:
            again = self._when(local_day(at) + (4 + int(20 * rng.random())) * DAY)
            row.step(again, STAGE_3, 80.0)
            row.step(
                self._when(local_day(again) + (3 + int(5 * rng.random())) * DAY),
                DONE,
                100.0,
                by_person=by_person,
            )

    def _mark_link(self, row: UnitRow, table: str, at: datetime, mark: float | None) -> None:
        line = self._exercises.get((table, row.id))
        if line is not None and line.created < at:
            line.change(at, note=mark)

    # The end

    def finish(self) -> None:
        """Everything that follows from the rest: people who save micro-competences, what goes with deleted rows, the person."""
        for run in self.runs:
            for competence in run.module.competences:
                for micro in competence.micros:
                    done = run.micro_done_at(micro.uas)
                    saves, delay = self._saving.random() < 0.4, self._saving.random()
                    if done is None or not saves:
                        continue
                    saved = done + timedelta(minutes=int(5000 * delay**3) + 1)
                    if run.is_done_at(micro.uas, saved):
                        run.micro_saves[micro.id] = MicroSave(saved, saved)
        self._lines = [*self._person(), *self.extra_lines, *self.notebook.close()]
        for line, run, row in self._links:
            ends = [end for end in (run.deleted, row.deleted) if end is not None]
            if ends and line.created >= min(ends):
                continue
            self._lines.append(line.end(min(ends)) if ends else line)

    def _person(self) -> Iterator[Line]:
        learner, fate = self.learner, self.fate
        nom, prenom = names.learner_name(learner)
        person = Line("apprenants", learner, fate.enrolled, nom=nom, prenom=prenom, actif=1,
                      date_inscription=None if learner % 37 == 0 else local_day(fate.enrolled),
                      user_id=LEARNER_USERS + learner if fate.has_user else None, reference=f"APP-{learner:05}")  # fmt: skip
        for switch in fate.switches:
            person.change(switch.at, actif=int(switch.active))
        yield person
        for number, stay in enumerate(fate.stays):
            pivots = [Line("apprenant_groupe", (learner, 0, number), stay.since, stamped=stay.stamped, groupe_id=stay.group,
                           apprenant_id=learner)]  # fmt: skip
            team = self.team(stay)
            if team is not None:
                pivots.append(Line("apprenant_sous_groupe", (learner, 1, number), stay.since, stamped=stay.stamped,
                                   apprenant_id=learner, sous_groupe_id=team))  # fmt: skip
            for pivot in pivots:
                yield pivot if stay.until is None else pivot.end(stay.until)

    def acts_between(self, since: datetime, until: datetime) -> bool:
        """Whether any of his rows may differ between two instants, the upkeep apart."""
        if not self._instants:
            instants = {at for line in self._lines for at in line.instants()}
            self._instants = sorted(instants.union(*(run.instants() for run in self.runs)))
        first = bisect_right(self._instants, since)
        return first < len(self._instants) and self._instants[first] <= until

    def rows_at(self, instant: datetime, upkeep: datetime | None) -> Iterator[TableRow]:
        """(table, key, row) of all the learner's rows at an instant; `upkeep` as in `Run.rows_at`."""
        yield from rows_of(self._lines, instant)
        for run in self.runs:
            yield from run.rows_at(instant, upkeep)
