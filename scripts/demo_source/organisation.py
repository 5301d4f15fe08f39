"""The school around the learners: sessions, groups, trainers and projects, and who gives which project to whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from . import names
from .clock import DAY, Calendar, local
from .curriculum import Module, Tree, dictionary_lines, task_state_id
from .lines import Line

TASKS_PER_PROJECT = 4
TUTORIAL, PROTOTYPE, PROJECT, TALK = range(TASKS_PER_PROJECT)
SUBGROUPS = 2
LAST_YEAR, THIS_YEAR = 1, 2
TRAINER_USERS = 9000
LEARNER_USERS = 10_000


@dataclass(frozen=True)
class Project:
    """A project of a programme. `uas` are the ids of the UAs its prototype and project tasks hang on."""

    id: int
    trainer: int
    uas: tuple[int, ...]

    def task(self, kind: int) -> int:
        """The id of its task of that kind (TUTORIAL, PROTOTYPE, PROJECT or TALK)."""
        return TASKS_PER_PROJECT * (self.id - 1) + kind + 1


@dataclass(frozen=True)
class Unit:
    """What is taught in one session: its UAs by id, its project if it has one, its first and last day."""

    session: int
    first_day: date
    last_day: date
    uas: tuple[int, ...]
    project: Project | None


@dataclass(frozen=True)
class Assignment:
    """A project given to a group or sub-group: the row of `affectation_projets`, and when its work begins."""

    id: int
    created: datetime
    begins: datetime
    ends: datetime | None


class Organisation:
    """The parts of the school that are the same for all learners, and their rows as life lines in `lines`."""

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
        self.assignments: dict[tuple[int, int, int | None], Assignment] = {}
        self.lines: list[Line] = [
            *dictionary_lines(self.founded, trainers),
            *tree.lines(self.founded),
        ]
        self._add_sessions()
        self._add_people()
        self._add_plan()
        for programme in range(self.programmes):
            for unit in self.units[programme]:
                self._add_project(programme, unit)

    def programme_of(self, group: int) -> int:
        """The programme (from 0) of a group (from 1)."""
        return (group - 1) * self.programmes // self.groups

    def trainers_of(self, group: int) -> tuple[int, ...]:
        """The one or two trainers of a group."""
        own = self._own_trainers(self.programme_of(group))
        first = own[group % len(own)]
        second = own[(group + 1) % len(own)]
        return (first,) if group % 3 == 0 or first == second else (first, second)

    def session_id(self, programme: int, order: int) -> int:
        """The id of the session with that place (from 0) in a programme's year."""
        return programme * self.tree.sizes.sessions + order + 1

    @property
    def regular_sessions(self) -> int:
        """The highest id of the regular sessions; others come after it."""
        return self.session_id(self.programmes - 1, self.tree.sizes.sessions - 1)

    def ua_taught_on(self, programme: int, day: date, sessions_back: int = 0) -> int:
        """The id of a UA of the session of that day, or of one some sessions before."""
        running = [
            n for n, unit in enumerate(self.units[programme]) if unit.first_day <= day and unit.uas
        ]
        place = max(len(running) - 1 - sessions_back, 0)
        return self.units[programme][place].uas[0]

    def find(self, table: str, key: int) -> Line:
        """The life line of a row, to add versions to. Raises KeyError when there is none."""
        for line in self.lines:
            if line.table == table and line.key == key:
                return line
        raise KeyError(f"{table} has no row {key}.")

    def remove(self, table: str, key: int) -> None:
        """Takes a row out for good, as if it had never been."""
        self.lines.remove(self.find(table, key))

    def _own_trainers(self, programme: int) -> list[int]:
        own = [
            t
            for t in range(1, self.trainers + 1)
            if (t - 1) * self.programmes // self.trainers == programme
        ]
        return own or list(range(1, self.trainers + 1))

    def _first_day(self, module: Module) -> date:
        uas = set(module.uas())
        return next(unit.first_day for unit in self.units[module.programme] if uas & set(unit.uas))

    def _units(self, programme: int) -> list[Unit]:
        sizes = self.tree.sizes
        uas = self.tree.uas[programme]
        own = self._own_trainers(programme)
        project_at = {n * sizes.sessions // sizes.projects: n for n in range(sizes.projects)}
        # The first Monday of September that leaves a week to settle in; the winter break stretches a session.
        start = self.calendar.on(9, 8)
        start -= start.weekday() * DAY
        units = []
        for order in range(sizes.sessions):
            end = start + 11 * DAY
            if all(self.calendar.is_off(end - n * DAY) for n in range(5)):
                end += 14 * DAY
            taught = tuple(
                ua for place, ua in enumerate(uas) if place * sizes.sessions // len(uas) == order
            )
            project = None
            if order in project_at and taught:
                number = programme * sizes.projects + project_at[order]
                project = Project(
                    number + 1, own[number % len(own)], taught[: sizes.uas_per_project]
                )
            units.append(Unit(self.session_id(programme, order), start, end, taught, project))
            start = end + 3 * DAY
        return units

    def _add_sessions(self) -> None:
        year = self.calendar.school_year
        for number, first in ((LAST_YEAR, year - 1), (THIS_YEAR, year)):
            self.add("annee_formations", number, titre=f"{first}-{first + 1}", date_debut=date(first, 9, 1),
                      date_fin=date(first + 1, 6, 30), reference=f"AN-{first}")  # fmt: skip
        for programme in range(self.programmes):
            for order, unit in enumerate(self.units[programme], 1):
                self.add("session_formations", unit.session, titre=f"Session {order} – filière {programme + 1}",
                          code=None if order % 6 == 5 else f"S{order:02}", ordre=order, date_debut=unit.first_day,
                          date_fin=unit.last_day, filiere_id=programme + 1, annee_formation_id=THIS_YEAR,
                          reference=f"SES-{year}-{unit.session}")  # fmt: skip

    def _add_people(self) -> None:
        for trainer in range(1, self.trainers + 1):
            nom, prenom = names.learner_name(5 * trainer + 2)
            # The last trainer has no user: he is known by his comments only.
            user = TRAINER_USERS + trainer if trainer < self.trainers else None
            self.add("formateurs", trainer, nom=nom, prenom=prenom, user_id=user,
                      reference=f"FOR-{trainer:04}")  # fmt: skip
        for group in range(1, self.groups + 1):
            programme = self.programme_of(group)
            code = f"{names.PROGRAMMES[programme % 3][0]}{100 + group}"
            self.add("groupes", group, code=code, nom=None if group % 5 == 4 else f"Groupe {code}",
                      filiere_id=programme + 1, annee_formation_id=THIS_YEAR, reference=f"GRP-{group:04}")  # fmt: skip
            for n in range(SUBGROUPS):
                self.add("sous_groupes", self.subgroup(group, n), nom=f"Équipe {'AB'[n]} – {code}", groupe_id=group,
                          reference=f"SGR-{group:04}-{n + 1}")  # fmt: skip
            for trainer in self.trainers_of(group):
                self.lines.append(Line("formateur_groupe", (group, trainer, 0), self.founded, stamped=False,
                                       groupe_id=group, formateur_id=trainer))  # fmt: skip

    @staticmethod
    def subgroup(group: int, number: int) -> int:
        """The id of a group's sub-group with that number (0 or 1)."""
        return SUBGROUPS * (group - 1) + number + 1

    def _add_plan(self) -> None:
        """Each UA in the session it is taught in. The alignment has the id of its UA."""
        for units in self.units:
            for unit in units:
                for order, ua in enumerate(unit.uas, 1):
                    self.add("alignement_uas", ua, ordre=order, unite_apprentissage_id=ua,
                              session_formation_id=unit.session)  # fmt: skip

    def _add_project(self, programme: int, unit: Unit) -> None:
        project = unit.project
        if project is None:
            return
        begins, ends = local(unit.first_day, 8, 30), local(unit.last_day, 18)
        self.add("projets", project.id, titre=f"Projet {project.id} : « réalisation guidée »", formateur_id=project.trainer,
                  filiere_id=programme + 1, session_formation_id=unit.session)  # fmt: skip
        chapters = self.tree.chapters_of[project.uas[0]] if project.uas else []
        for kind, title in enumerate(names.TASK_TITLES):
            chapter = chapters[0] if kind == TUTORIAL and chapters else None
            self.add("taches", project.task(kind), titre=title, projet_id=project.id, chapitre_id=chapter,
                      dateDebut=begins, dateFin=None if kind == TALK else ends)  # fmt: skip
        created = begins - timedelta(days=3)
        for group in range(1, self.groups + 1):
            if self.programme_of(group) != programme:
                continue
            # Every third project is given to the group's teams instead of to the group.
            teams: list[int | None] = (
                [None] if project.id % 3 else [self.subgroup(group, n) for n in range(SUBGROUPS)]
            )
            for team in teams:
                number = len(self.assignments) + 1
                assignment = Assignment(number, created, begins, None if number % 9 == 4 else ends)
                self.assignments[project.id, group, team] = assignment
                self.lines.append(Line("affectation_projets", number, created, groupe_id=None if team else group,
                                       sous_groupe_id=team, projet_id=project.id, date_debut=begins,
                                       date_fin=assignment.ends))  # fmt: skip

    def assignment(self, project: Project, group: int, team: int | None) -> Assignment | None:
        """The project as given to a learner of that group and sub-group; None when he was not given it."""
        return self.assignments.get((project.id, group, None)) or self.assignments.get(
            (project.id, group, team)
        )

    def task_state(self, project: Project, order: int) -> int:
        """The id of the state of that workflow order among the states of the project's trainer."""
        return task_state_id(project.trainer, order)

    def add(self, table: str, key: int, **values: object) -> None:
        """A row that is there from the founding on."""
        self.lines.append(Line(table, key, self.founded, **values))
