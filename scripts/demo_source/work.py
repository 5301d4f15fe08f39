"""How a learner works through the plan: UAs chapter by chapter, prototypes, projects, marks."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime, timedelta
from random import Random
from typing import NamedTuple

from .clock import DAY, SECOND, local_day
from .curriculum import PROJECT_SCALE, PROTOTYPE_SCALE
from .dictionaries import BLOCKED, DONE, PAUSED, STAGE_1, STAGE_2, STAGE_3
from .exchange import Exchange, converse
from .life import Life
from .lines import Line
from .organisation import PROJECT, PROTOTYPE, TALK, TUTORIAL, Project, Unit
from .realisations import Run
from .unit_rows import UnitRow

PROTOTYPES, PROJECTS = "realisation_ua_prototypes", "realisation_ua_projets"
CHAPTER_STARTED, CHAPTER_READ = 2, 3


class StoppedError(Exception):
    """The learner does nothing any more."""


class Studied(NamedTuple):
    """A UA whose chapters are read, with its marks to come (None: nobody marks it)."""

    ua: int
    row: UnitRow
    day: date
    prototype_note: float | None
    project_note: float | None

    @property
    def note(self) -> float | None:
        """The mark of the whole UA."""
        if self.prototype_note is None or self.project_note is None:
            return None
        return self.prototype_note + self.project_note


class Work:
    """Fills a learner's life with work, drawing from `rng`."""

    def __init__(self, life: Life, rng: Random) -> None:
        self._life, self._rng = life, rng
        self._organisation, self._fate = life.organisation, life.fate
        self._calendar, self._tree = life.organisation.calendar, life.organisation.tree
        self._exercises: dict[tuple[str, int], Line] = {}

    def do(self, until: datetime | None = None) -> None:
        """Work through the sessions; what begins after `until` may be left out."""
        horizon = None if until is None else local_day(until) + DAY
        for number, (programme, since, end) in enumerate(self._fate.studies):
            joined = local_day(since)
            for order, unit in enumerate(self._organisation.units[programme]):
                if end is not None and unit.first_day >= local_day(end):
                    break
                if number and unit.last_day < joined:
                    continue
                day = self._fate.pace.day(unit.first_day, order)
                if day is None or (horizon is not None and day > horizon):
                    break
                # Who comes late catches up at a session every three days.
                self._do_unit(unit, max(day, joined + 3 * (order + 1) * DAY))

    def _when(self, day: date, *, after: datetime | None = None) -> datetime:
        """Return when he acts on that day or a next one; StoppedError when he does no more."""
        at = self._calendar.moment(day, self._rng)
        if after is not None and at <= after:
            at = after + (300 + int(5000 * self._rng.random())) * SECOND
        if at > self._fate.stop:
            raise StoppedError
        return at

    def _days(self, least: int, more: int) -> timedelta:
        return (least + int(more * self._rng.random())) * DAY

    # A session's work

    def _do_unit(self, unit: Unit, day: date) -> None:
        given = self._given(unit)
        studied = []
        for place, ua in enumerate(unit.uas):
            begin = day + 10 * place // len(unit.uas) * DAY
            if self._rng.random() > 0.015 and (read := self._try_to_study(ua, begin, given)):
                studied.append(read)
        if not studied:
            return
        last = max(item.day for item in studied)
        own = [item for item in studied if given is not None and item.ua in given.uas]
        prototype = self._converse(given, PROTOTYPE, last, [item.prototype_note for item in own])
        for place, item in enumerate(studied):
            with suppress(StoppedError):
                self._build(item, prototype if item in own else None, place)
        built = max(local_day(item.row.last.at) for item in studied)
        project = self._converse(given, PROJECT, built + DAY, [item.project_note for item in own])
        for place, item in enumerate(studied):
            if self._rng.random() > 0.015:
                with suppress(StoppedError):
                    self._complete(item, project if item in own else None, place)
        self._converse(given, TUTORIAL, day + 2 * DAY, [])
        self._converse(given, TALK, day + 9 * DAY, [])

    def _try_to_study(self, ua: int, begin: date, given: Project | None) -> Studied | None:
        try:
            at = self._when(begin)
            run_and_row = self._life.row_for_work(ua, at)
            if run_and_row is None:
                return None
            run, row = run_and_row
            day = self._study(run, ua, row, at, given)
        except StoppedError:
            return None
        return None if day is None else Studied(ua, row, day, *self._marks(row))

    # The stages of a UA

    def _study(
        self, run: Run, ua: int, row: UnitRow, at: datetime, given: Project | None
    ) -> date | None:
        """Read the chapters; return the day they are read, None when he gets stuck for good."""
        rng = self._rng
        started = row.step(at, STAGE_1, 5.0 + int(10 * rng.random()))
        lines = self._open_chapters(run, ua, row, started, given)
        half = self._when(local_day(started) + DAY, after=started)
        half = row.step(half, STAGE_1, 20.0 + int(15 * rng.random()))
        for line in lines[:1]:
            line.change(half, etat_realisation_chapitre_id=CHAPTER_READ, date_fin=half)
        day = local_day(half)
        if rng.random() < 0.05:
            rest = PAUSED if rng.random() < 0.5 else BLOCKED
            row.step(self._when(day + DAY, after=half), rest, row.last.progress)
            if rng.random() < 0.3:
                return None
            day += self._days(8, 22)
        read = self._when(day + DAY, after=row.last.at)
        read = row.step(read, STAGE_2, 40.0 + int(10 * rng.random()))
        for line in lines[1:]:
            line.change(read, etat_realisation_chapitre_id=CHAPTER_READ, date_fin=read)
        return local_day(read)

    def _build(self, item: Studied, prototype: Exchange | None, place: int) -> None:
        """Build the prototype: marked with the task's approval, or without a task."""
        row, progress = item.row, 60.0 + int(10 * self._rng.random())
        if prototype is not None and prototype.approved_at is not None:
            at = prototype.approved_at + place * timedelta(minutes=2)
            at = row.step(at, STAGE_3, progress, item.prototype_note)
            self._mark_exercise(PROTOTYPES, row, at, item.prototype_note)
        else:
            at = self._when(item.day + self._days(1, 2), after=row.last.at)
            at = row.step(at, STAGE_3, progress, item.prototype_note)
        more = self._when(local_day(at) + DAY, after=at)
        row.step(more, STAGE_3, 75.0 + int(15 * self._rng.random()))

    def _complete(self, item: Studied, project: Exchange | None, place: int) -> None:
        """Finish the UA; now and then somebody saves it later, or opens it again."""
        rng, row = self._rng, item.row
        if row.last.state != STAGE_3:
            return
        by_person = rng.random() < 0.5
        if project is not None and project.approved_at is not None:
            at = project.approved_at + place * timedelta(minutes=2)
            at = row.step(at, DONE, 100.0, item.note, by_person=by_person)
            self._mark_exercise(PROJECTS, row, at, item.project_note)
        else:
            day = max(item.day, local_day(row.last.at)) + self._days(1, 2)
            at = self._when(day, after=row.last.at)
            at = row.step(at, DONE, 100.0, item.note, by_person=by_person)
        if rng.random() < 0.12:
            row.save(self._when(local_day(at) + self._days(1, 6)))
        if rng.random() < 0.03:
            again = self._when(local_day(at) + self._days(4, 20), after=row.last.at)
            row.step(again, STAGE_3, 80.0)
            done = self._when(local_day(again) + self._days(3, 5))
            row.step(done, DONE, 100.0, by_person=by_person)

    def _marks(self, row: UnitRow) -> tuple[float | None, float | None]:
        """Draw the marks of prototype and project, in quarters."""
        if not row.last.scale:
            return 0.0, 0.0
        if self._rng.random() < 0.03:
            return None, None
        quality = self._fate.pace.quality
        first, second = (min(1.0, max(0.1, self._rng.gauss(quality, 0.13))) for _ in range(2))
        return round(PROTOTYPE_SCALE * first * 4) / 4, round(PROJECT_SCALE * second * 4) / 4

    # Tasks and what hangs on UAs

    def _given(self, unit: Unit) -> Project | None:
        """Return the unit's project if it was given to a group he was in, with its rows made."""
        project = unit.project
        if project is None or self._life.notebook.has(project):
            return None
        for stay in self._fate.stays:
            given = self._organisation.assignment(project, stay.group, self._life.team_in(stay))
            if given is None or (stay.until is not None and stay.until <= given.created):
                continue
            if given.ends is not None and stay.since > given.ends:
                continue
            opened = self._life.notebook.open_project(project, given, stay.since)
            for ua in project.uas:
                self._add_exercises(project, ua, opened)
            return project
        return None

    def _add_exercises(self, project: Project, ua: int, opened: datetime) -> None:
        # Who has just come gets his rows within minutes.
        run_and_row = self._life.row_for_work(ua, opened + timedelta(minutes=10))
        if run_and_row is None:
            return
        run, row = run_and_row
        for kind, table, scale in (
            (PROTOTYPE, PROTOTYPES, PROTOTYPE_SCALE),
            (PROJECT, PROJECTS, PROJECT_SCALE),
        ):
            line = Line(
                table,
                row.id,
                max(opened, row.created),
                realisation_ua_id=row.id,
                realisation_tache_id=self._life.notebook.task_key(project, kind),
                bareme=scale if row.last.scale else 0.0,
            )
            self._exercises[table, row.id] = line
            self._life.add_part(line, run, row)

    def _mark_exercise(self, table: str, row: UnitRow, at: datetime, note: float | None) -> None:
        line = self._exercises.get((table, row.id))
        if line is not None and line.created < at:
            line.change(at, note=note)

    def _open_chapters(
        self, run: Run, ua: int, row: UnitRow, started: datetime, given: Project | None
    ) -> list[Line]:
        """Make a row for each chapter; it hangs on the tutorial if the project is there already."""
        notebook, task = self._life.notebook, None
        if given is not None and ua in given.uas and notebook.opened_at(given) <= started:
            task = notebook.task_key(given, TUTORIAL)
        lines = []
        for place, chapter in enumerate(self._tree.chapters_of[ua], 1):
            line = Line(
                "realisation_chapitres",
                (row.id - 1) * self._tree.most_chapters + place,
                started,
                realisation_ua_id=row.id,
                chapitre_id=chapter,
                realisation_tache_id=task,
                etat_realisation_chapitre_id=CHAPTER_STARTED,
                date_debut=started,
            )
            self._life.add_part(line, run, row)
            lines.append(line)
        return lines

    def _converse(
        self, project: Project | None, kind: int, day: date, notes: list[float | None]
    ) -> Exchange | None:
        """Do a task of the project with its trainer or one of the group; its mark sums `notes`."""
        if project is None:
            return None
        rng, notebook = self._rng, self._life.notebook
        opened = notebook.opened_at(project)
        exchange = converse(self._calendar, rng, day, opened, self._fate.stop)
        if exchange is None:
            return None
        stays = self._fate.stays
        group = next((s.group for s in stays if s.holds_at(exchange.started)), stays[0].group)
        trainer = rng.choice((*self._organisation.trainers_of(group), project.trainer))
        known = [note for note in notes if note is not None]
        notebook.write(project, kind, exchange, trainer, sum(known) if known else None, rng)
        return exchange
