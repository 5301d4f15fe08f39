"""The school around the learners: sessions, groups, trainers, projects, and who is given which."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from . import names
from .clock import DAY, Calendar, local
from .curriculum import Module, Tree
from .dictionaries import dictionary_lines
from .lines import Line

TUTORIAL, PROTOTYPE, PROJECT, TALK = TASK_KINDS = range(4)
TEAMS = 2
LAST_YEAR, THIS_YEAR = 1, 2
TRAINER_USERS = 9000
LEARNER_USERS = 10_000


@dataclass(frozen=True)
class Project:
    """A project; its prototype and project tasks hang on the UAs with the ids `uas`."""

    id: int
    trainer: int
    uas: tuple[int, ...]

    def task(self, kind: int) -> int:
        """Return the id of its task of that kind (TUTORIAL, PROTOTYPE, PROJECT or TALK)."""
        return len(TASK_KINDS) * (self.id - 1) + kind + 1


@dataclass(frozen=True)
class Unit:
    """What is taught in one session: its UAs by id, and its project if it has one."""

    session: int
    first_day: date
    last_day: date
    uas: tuple[int, ...]
    project: Project | None


@dataclass(frozen=True)
class Assignment:
    """A project given to a group or sub-group: a row of `affectation_projets`."""

    id: int
    created: datetime
    begins: datetime
    ends: datetime | None


class Organisation:
    """The parts of the school that are the same for all learners; `lines` are their rows."""

    def __init__(self, tree: Tree, calendar: Calendar, groups: int, trainers: int) -> None:
        self.tree, self.calendar = tree, calendar
        self.groups, self.trainers = groups, trainers
        self.founded = local(calendar.begins, 9)
        self.programmes = tree.sizes.filieres
        self.units = [self._units(programme) for programme in range(self.programmes)]
        self.opens = {
            module.id: local(self._first_day(module) - 14 * DAY, 9)
            for modules in tree.modules
            for module in modules
        }
        self._assignments: dict[tuple[int, int, int | None], Assignment] = {}
        self.lines: list[Line] = [
            *dictionary_lines(self.founded, trainers),
            *tree.lines(self.founded),
        ]
        self._add_sessions()
        self._add_trainers()
        self._add_groups()
        self._add_plan()
        for programme, units in enumerate(self.units):
            for unit in units:
                if unit.project is not None:
                    self._add_project(programme, unit, unit.project)

    # Who belongs where

    def programme_of(self, group: int) -> int:
        """Return the programme (from 0) of a group (from 1)."""
        return (group - 1) * self.programmes // self.groups

    def groups_of(self, programme: int) -> list[int]:
        """Return the groups of a programme."""
        return [g for g in range(1, self.groups + 1) if self.programme_of(g) == programme]

    def trainers_of(self, group: int) -> tuple[int, ...]:
        """Return the one or two trainers of a group."""
        own = self._own_trainers(self.programme_of(group))
        first, second = own[group % len(own)], own[(group + 1) % len(own)]
        return (first,) if group % 3 == 0 or first == second else (first, second)

    @staticmethod
    def team(group: int, number: int) -> int:
        """Return the id of a group's sub-group with that number (0 or 1)."""
        return TEAMS * (group - 1) + number + 1

    def session_id(self, programme: int, order: int) -> int:
        """Return the id of the session at that place (from 0) in a programme's year."""
        return programme * self.tree.sizes.sessions + order + 1

    @property
    def last_session(self) -> int:
        """The highest id of the regular sessions; others come after it."""
        return self.session_id(self.programmes - 1, self.tree.sizes.sessions - 1)

    def ua_taught_on(self, programme: int, day: date, sessions_back: int = 0) -> int:
        """Return the first UA of the session of that day, or of one some sessions before."""
        begun = [unit for unit in self.units[programme] if unit.first_day <= day and unit.uas]
        return begun[max(len(begun) - 1 - sessions_back, 0)].uas[0]

    def assignment(self, project: Project, group: int, team: int | None) -> Assignment | None:
        """Return the project as given to learners of that group and sub-group; None if it isn't."""
        for given_to in (None, team):
            if assignment := self._assignments.get((project.id, group, given_to)):
                return assignment
        return None

    # Rows

    def add(self, table: str, key: int, **values: Any) -> None:
        """Add a row that is there from the founding on."""
        self.lines.append(Line(table, key, self.founded, **values))

    def find(self, table: str, key: int) -> Line:
        """Return the life line of a row, to add versions to; KeyError when there is none."""
        for line in self.lines:
            if line.table == table and line.key == key:
                return line
        raise KeyError(f"{table} has no row {key}.")

    def remove(self, table: str, key: int) -> None:
        """Take a row out for good, as if it had never been."""
        self.lines.remove(self.find(table, key))

    # How it is made

    def _own_trainers(self, programme: int) -> list[int]:
        everybody = range(1, self.trainers + 1)
        own = [t for t in everybody if (t - 1) * self.programmes // self.trainers == programme]
        return own or list(everybody)

    def _first_day(self, module: Module) -> date:
        uas = set(module.uas())
        return next(u.first_day for u in self.units[module.programme] if uas & set(u.uas))

    def _session_days(self) -> Iterator[tuple[date, date]]:
        """Yield first and last day of sessions of two weeks; the winter break stretches one."""
        start = self.calendar.on(9, 8)
        start -= start.weekday() * DAY
        while True:
            end = start + 11 * DAY
            if all(self.calendar.is_off(end - n * DAY) for n in range(5)):
                end += 14 * DAY
            yield start, end
            start = end + 3 * DAY

    def _units(self, programme: int) -> list[Unit]:
        sizes, uas = self.tree.sizes, self.tree.uas[programme]
        own = self._own_trainers(programme)
        project_at = {n * sizes.sessions // sizes.projects: n for n in range(sizes.projects)}
        units = []
        for order, (first, last) in zip(range(sizes.sessions), self._session_days(), strict=False):
            taught = tuple(
                ua for place, ua in enumerate(uas) if place * sizes.sessions // len(uas) == order
            )
            project = None
            if order in project_at and taught:
                number = programme * sizes.projects + project_at[order]
                trainer = own[number % len(own)]
                project = Project(number + 1, trainer, taught[: sizes.uas_per_project])
            units.append(Unit(self.session_id(programme, order), first, last, taught, project))
        return units

    def _add_sessions(self) -> None:
        year = self.calendar.school_year
        for number, first in ((LAST_YEAR, year - 1), (THIS_YEAR, year)):
            self.add(
                "annee_formations",
                number,
                titre=f"{first}-{first + 1}",
                date_debut=date(first, 9, 1),
                date_fin=date(first + 1, 6, 30),
                reference=f"AN-{first}",
            )
        for programme, units in enumerate(self.units):
            for order, unit in enumerate(units, 1):
                self.add(
                    "session_formations",
                    unit.session,
                    titre=f"Session {order} – filière {programme + 1}",
                    code=None if order % 6 == 5 else f"S{order:02}",
                    ordre=order,
                    date_debut=unit.first_day,
                    date_fin=unit.last_day,
                    filiere_id=programme + 1,
                    annee_formation_id=THIS_YEAR,
                    reference=f"SES-{year}-{unit.session}",
                )

    def _add_trainers(self) -> None:
        for trainer in range(1, self.trainers + 1):
            nom, prenom = names.person(5 * trainer + 2)
            self.add(
                "formateurs",
                trainer,
                nom=nom,
                prenom=prenom,
                # The last one has no user: he is known by his comments only.
                user_id=TRAINER_USERS + trainer if trainer < self.trainers else None,
                reference=f"FOR-{trainer:04}",
            )

    def _add_groups(self) -> None:
        for group in range(1, self.groups + 1):
            programme = self.programme_of(group)
            code = f"{names.programme(programme)[0]}{100 + group}"
            self.add(
                "groupes",
                group,
                code=code,
                nom=None if group % 5 == 4 else f"Groupe {code}",
                filiere_id=programme + 1,
                annee_formation_id=THIS_YEAR,
                reference=f"GRP-{group:04}",
            )
            for number in range(TEAMS):
                self.add(
                    "sous_groupes",
                    self.team(group, number),
                    nom=f"Équipe {'AB'[number]} – {code}",
                    groupe_id=group,
                    reference=f"SGR-{group:04}-{number + 1}",
                )
            for trainer in self.trainers_of(group):
                key, values = (group, trainer, 0), {"groupe_id": group, "formateur_id": trainer}
                self.lines.append(
                    Line("formateur_groupe", key, self.founded, stamped=False, **values)
                )

    def _add_plan(self) -> None:
        """Align each UA with the session it is taught in; the alignment has the id of its UA."""
        for unit in (unit for units in self.units for unit in units):
            for order, ua in enumerate(unit.uas, 1):
                self.add(
                    "alignement_uas",
                    ua,
                    ordre=order,
                    unite_apprentissage_id=ua,
                    session_formation_id=unit.session,
                )

    def _add_project(self, programme: int, unit: Unit, project: Project) -> None:
        begins, ends = local(unit.first_day, 8, 30), local(unit.last_day, 18)
        self.add(
            "projets",
            project.id,
            titre=f"Projet {project.id} : « réalisation guidée »",
            formateur_id=project.trainer,
            filiere_id=programme + 1,
            session_formation_id=unit.session,
        )
        chapters = self.tree.chapters_of[project.uas[0]] if project.uas else []
        for kind, title in zip(TASK_KINDS, names.TASK_TITLES, strict=True):
            self.add(
                "taches",
                project.task(kind),
                titre=title,
                projet_id=project.id,
                chapitre_id=chapters[0] if kind == TUTORIAL and chapters else None,
                dateDebut=begins,
                dateFin=None if kind == TALK else ends,
            )
        for group in self.groups_of(programme):
            # Every third project is given to the group's teams instead of to the group.
            teams = [self.team(group, number) for number in range(TEAMS)]
            for team in [None] if project.id % 3 else teams:
                self._assign(project, group, team, begins, ends)

    def _assign(
        self, project: Project, group: int, team: int | None, begins: datetime, ends: datetime
    ) -> None:
        number = len(self._assignments) + 1
        given = Assignment(
            number, begins - timedelta(days=3), begins, None if number % 9 == 4 else ends
        )
        self._assignments[project.id, group, team] = given
        self.lines.append(
            Line(
                "affectation_projets",
                number,
                given.created,
                groupe_id=group if team is None else None,
                sous_groupe_id=team,
                projet_id=project.id,
                date_debut=begins,
                date_fin=given.ends,
            )
        )
