"""Tasks and feedback: what a learner hands in, what trainers answer, and the rows both leave behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import NamedTuple

from . import names
from .clock import DAY, SECOND, Calendar, local_day
from .lines import Line
from .organisation import LEARNER_USERS, PROJECT, TRAINER_USERS, Assignment, Organisation, Project

IN_PROGRESS, REVISION, TO_APPROVE, APPROVED = 3, 4, 7, 10
_DELAY_DAYS = (0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 5, 9)
# Ids of history and comments: each learner has a block of so many for each project there is.
HISTORY_PER_PROJECT = 64


class Round(NamedTuple):
    """Submissions and the answer to them. `remark` is '' for an approval without a word, which is no feedback."""

    submissions: tuple[datetime, ...]
    answered: datetime | None
    approved: bool
    by_comment: bool
    remark: str


@dataclass
class Exchange:
    """What learner and trainer do on one task. `early` is a trainer's remark before anything was handed in."""

    started: datetime
    rounds: list[Round] = field(default_factory=list)
    early: datetime | None = None

    @property
    def approved_at(self) -> datetime | None:
        """When the task was approved; None while it is not."""
        last = self.rounds[-1] if self.rounds else None
        return last.answered if last is not None and last.approved else None


def converse(
    calendar: Calendar, rng: Random, day: date, not_before: datetime, stop: datetime
) -> Exchange | None:
    """The exchange on a task begun on that day; None when the learner stops before it."""
    started = max(calendar.moment(day, rng), not_before + 60 * SECOND)
    if started > stop:
        return None
    exchange = Exchange(started)
    if rng.random() < 0.03:
        exchange.early = started + timedelta(minutes=20 + int(200 * rng.random()))
    now = started if exchange.early is None else exchange.early
    for _ in range(3):
        submissions = []
        for _ in range(1 + (rng.random() < 0.3) + (rng.random() < 0.08)):
            at = max(
                calendar.moment(local_day(now) + (rng.random() < 0.7) * DAY, rng),
                now + 600 * SECOND,
            )
            if at > stop:
                break
            submissions.append(at)
            now = at
        if not submissions:
            break
        if rng.random() < 0.07:
            exchange.rounds.append(Round(tuple(submissions), None, False, False, ""))
            break
        delay = _DELAY_DAYS[int(len(_DELAY_DAYS) * rng.random())]
        answered = calendar.office_hour(local_day(now) + delay * DAY, rng)
        if answered <= now:
            answered = now + timedelta(minutes=15 + int(180 * rng.random()))
        approved = rng.random() < 0.75
        silent = approved and rng.random() < 0.12
        texts = names.APPROVED_TEXTS if approved else names.REVISION_TEXTS
        remark = "" if silent else texts[int(len(texts) * rng.random())]
        exchange.rounds.append(
            Round(tuple(submissions), answered, approved, rng.random() < 0.3 and not silent, remark)
        )
        if approved:
            break
        now = answered
    return exchange


class Notebook:
    """Collects the rows of one learner's tasks; history and comments are numbered in the order of time at the end."""

    def __init__(self, organisation: Organisation, learner: int, *, has_user: bool = True) -> None:
        self._organisation = organisation
        self._projects = organisation.tree.sizes.projects * organisation.programmes
        self._learner = learner
        self._user = LEARNER_USERS + learner if has_user else None
        self._history: list[tuple[datetime, int, str, bool, int | None]] = []
        self._comments: list[tuple[datetime, int, int | None, int | None]] = []
        self.lines: list[Line] = []
        self.tasks: dict[tuple[int, int], Line] = {}
        self._whole: dict[int, Line] = {}

    def open_project(self, project: Project, assignment: Assignment, joined: datetime) -> datetime:
        """The learner gets the project with its tasks, all to do. Returns when."""
        key = self._project_key(project)
        created = max(assignment.created, joined) + self._learner % 50 * SECOND
        whole = Line("realisation_projets", key, created, apprenant_id=self._learner, affectation_projet_id=assignment.id,
                     date_debut=local_day(assignment.begins))  # fmt: skip
        self._whole[project.id] = whole
        self.lines.append(whole)
        todo = self._organisation.task_state(project, 1)
        for kind, _ in enumerate(names.TASK_TITLES):
            line = Line("realisation_taches", self.task_key(project, kind), created, tache_id=project.task(kind),
                        realisation_projet_id=key, etat_realisation_tache_id=todo)  # fmt: skip
            self.tasks[project.id, kind] = line
            self.lines.append(line)
        return created

    def _project_key(self, project: Project) -> int:
        return (self._learner - 1) * self._projects + project.id

    def task_key(self, project: Project, kind: int) -> int:
        """The id of the learner's row for that task."""
        return len(names.TASK_TITLES) * (self._project_key(project) - 1) + kind + 1

    def write(
        self,
        project: Project,
        kind: int,
        exchange: Exchange,
        trainer: int,
        note: float | None,
        rng: Random,
    ) -> None:
        """The rows of an exchange: the task's states, its history and its comments."""
        line, task = self.tasks[project.id, kind], self.task_key(project, kind)
        states = self._organisation
        line.change(exchange.started, etat_realisation_tache_id=states.task_state(project, IN_PROGRESS),
                    dateDebut=exchange.started)  # fmt: skip
        self.submit(task, exchange.started, rng.choice(names.STARTED_TEXTS))
        if exchange.early is not None:
            self.answer(
                task, exchange.early, trainer, rng.choice(names.REVISION_TEXTS), by_comment=False
            )
        for turn in exchange.rounds:
            line.change(
                turn.submissions[0],
                etat_realisation_tache_id=states.task_state(project, TO_APPROVE),
            )
            for at in turn.submissions:
                self.submit(task, at, rng.choice(names.SUBMITTED_TEXTS))
            if rng.random() < 0.05:
                self._comments.append(
                    (turn.submissions[-1] + 90 * SECOND, task, None, self._learner)
                )
            if turn.answered is None:
                continue
            self.answer(task, turn.answered, trainer, turn.remark, by_comment=turn.by_comment)
            order = APPROVED if turn.approved else REVISION
            line.change(turn.answered, etat_realisation_tache_id=states.task_state(project, order))
        if exchange.approved_at is not None:
            line.change(exchange.approved_at, dateFin=exchange.approved_at, note=note)
            if kind == PROJECT:
                self._whole[project.id].change(
                    exchange.approved_at, date_fin=local_day(exchange.approved_at)
                )

    def submit(self, task: int, at: datetime, text: str) -> None:
        """A change saved by the learner himself."""
        self._history.append((at, task, text, False, self._user))

    def answer(
        self, task: int, at: datetime, trainer: int, remark: str, *, by_comment: bool
    ) -> None:
        """A trainer's answer: a comment, a remark in the history, or (without remark) an approval that is no feedback.

        The last trainer has no user of his own, so that he can only comment.
        """
        if by_comment or (trainer == self._organisation.trainers and remark):
            self._comments.append((at, task, trainer, None))
            return
        user = None if trainer == self._organisation.trainers else TRAINER_USERS + trainer
        text = remark or names.SILENT_APPROVAL_TEXT
        self._history.append((at, task, text, bool(remark), user))

    def answer_at_once(self, trainer: int, before: datetime) -> None:
        """A remark in the very second of the learner's last submission before an instant."""
        own = [
            row for row in self._history if row[0] < before and not row[3] and row[4] == self._user
        ]
        if own:
            at, task, *_ = max(own, key=lambda row: row[:2])
            self._history.append((at, task, names.APPROVED_TEXTS[0], True, TRAINER_USERS + trainer))

    def close(self) -> list[Line]:
        """All lines, with history and comments numbered."""
        first = (self._learner - 1) * self._projects * HISTORY_PER_PROJECT + 1
        for number, (at, task, text, is_feedback, user) in enumerate(
            sorted(self._history, key=lambda row: row[:2]), first
        ):
            self.lines.append(
                Line("historique_realisation_taches", number, at, realisation_tache_id=task, dateModification=at,
                     changement=text, isFeedback=int(is_feedback), user_id=user)
            )  # fmt: skip
        ordered = sorted(self._comments, key=lambda row: row[:2])
        for number, (at, task, trainer, learner) in enumerate(ordered, first):
            self.lines.append(
                Line("commentaire_realisation_taches", number, at, realisation_tache_id=task, dateCommentaire=at,
                     formateur_id=trainer, apprenant_id=learner)
            )  # fmt: skip
        return self.lines
