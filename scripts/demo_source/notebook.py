"""The rows that one learner's tasks leave: states, history and comments."""

from __future__ import annotations

from datetime import datetime
from random import Random
from typing import NamedTuple

from . import names
from .clock import DAY, SECOND, local_day
from .dictionaries import task_state_id, task_state_name
from .exchange import Exchange
from .lines import Line
from .organisation import (
    LEARNER_USERS,
    PROJECT,
    TALK,
    TASK_KINDS,
    TRAINER_USERS,
    Assignment,
    Organisation,
    Project,
)

# Orders of the workflow's states.
TODO, IN_PROGRESS, REVISION, READY_FOR_TALK, TO_APPROVE, APPROVED = 1, 3, 4, 5, 7, 10
# A learner has a block of so many ids of history, and of comments, for each project there is.
ENTRIES_PER_PROJECT = 64
# How long before he hands it in again a learner takes it back, and before a trainer's save he comments.
BACK_BEFORE, COMMENT_BEFORE = 300 * SECOND, 120 * SECOND


class Entry(NamedTuple):
    """A row of the history to be; `user` None for a person without user."""

    at: datetime
    task: int
    text: str
    is_feedback: bool
    user: int | None
    hands_in: bool = False


class Comment(NamedTuple):
    """A comment to be, by a trainer or by the learner himself."""

    at: datetime
    task: int
    trainer: int | None
    learner: int | None


class Notebook:
    """Collects the rows of one learner's tasks; `close` numbers them in the order of time."""

    def __init__(self, organisation: Organisation, learner: int, *, has_user: bool = True) -> None:
        self._organisation, self._learner = organisation, learner
        self._projects = organisation.tree.sizes.projects * organisation.programmes
        self._user = LEARNER_USERS + learner if has_user else None
        self._history: list[Entry] = []
        self._comments: list[Comment] = []
        self._lines: list[Line] = []
        self._wholes: dict[int, Line] = {}
        self._tasks: dict[tuple[int, int], Line] = {}

    def has(self, project: Project) -> bool:
        """Say whether the learner was given the project."""
        return project.id in self._wholes

    def open_project(self, project: Project, assignment: Assignment, joined: datetime) -> datetime:
        """Give the learner the project with its tasks, all to do; return when."""
        key = self._project_key(project)
        created = max(assignment.created, joined) + self._learner % 50 * SECOND
        self._wholes[project.id] = Line(
            "realisation_projets",
            key,
            created,
            apprenant_id=self._learner,
            affectation_projet_id=assignment.id,
            date_debut=local_day(assignment.begins),
        )
        self._lines.append(self._wholes[project.id])
        for kind in TASK_KINDS:
            line = Line(
                "realisation_taches",
                self.task_key(project, kind),
                created,
                tache_id=project.task(kind),
                realisation_projet_id=key,
                etat_realisation_tache_id=task_state_id(project.trainer, TODO),
            )
            self._tasks[project.id, kind] = line
            self._lines.append(line)
        return created

    def opened_at(self, project: Project) -> datetime:
        """Return when the learner was given the project."""
        return self._wholes[project.id].created

    def _project_key(self, project: Project) -> int:
        return (self._learner - 1) * self._projects + project.id

    def task_key(self, project: Project, kind: int) -> int:
        """Return the id of the learner's row for that task."""
        return len(TASK_KINDS) * (self._project_key(project) - 1) + kind + 1

    def write(
        self,
        project: Project,
        kind: int,
        exchange: Exchange,
        trainer: int,
        note: float | None,
        rng: Random,
    ) -> None:
        """Write an exchange down; `note` is the task's mark, given when it is approved."""
        begun = self._move(project, kind, exchange.started, IN_PROGRESS, dateDebut=exchange.started)
        task = self.task_key(project, kind)
        self._save(task, exchange.started, begun, rng.choice(names.STARTED_PIECES))
        if exchange.early is not None:
            self._answer(task, exchange.early, trainer, "", rng.choice(names.REVISION_PIECES))
        for turn in exchange.rounds:
            self._hand_in(project, kind, turn.submissions, rng)
            if turn.answered is not None:
                order = APPROVED if turn.approved else REVISION
                state = self._move(project, kind, turn.answered, order)
                self._answer(
                    task, turn.answered, trainer, state, turn.remark, by_comment=turn.by_comment
                )
        approved = exchange.approved_at
        if approved is not None:
            self._tasks[project.id, kind].change(approved, dateFin=approved, note=note)
            if kind == PROJECT:
                self._wholes[project.id].change(approved, date_fin=local_day(approved))

    def _move(self, project: Project, kind: int, at: datetime, order: int, **values: object) -> str:
        """Give the task another state; return the piece that names it."""
        state = task_state_id(project.trainer, order)
        self._tasks[project.id, kind].change(at, etat_realisation_tache_id=state, **values)
        return names.STATE_PIECE.format(task_state_name(project.trainer, order))

    def _hand_in(
        self, project: Project, kind: int, submissions: tuple[datetime, ...], rng: Random
    ) -> None:
        """Hand the task in; then take it back and hand it in again, or touch it while it waits."""
        task, handed_in = (
            self.task_key(project, kind),
            READY_FOR_TALK if kind == TALK else TO_APPROVE,
        )
        for number, at in enumerate(submissions):
            more = rng.choice(names.HANDED_IN_PIECES)
            if number and more == names.HANDED_IN_PIECES[1]:
                self._save(task, at, more)
                continue
            if number:
                back = at - BACK_BEFORE
                self._save(task, back, self._move(project, kind, back, IN_PROGRESS))
            self._save(task, at, self._move(project, kind, at, handed_in), more, hands_in=True)
        if rng.random() < 0.05:
            said_at = submissions[-1] + 90 * SECOND
            self._comments.append(Comment(said_at, task, None, self._learner))

    def _save(self, task: int, at: datetime, *pieces: str, hands_in: bool = False) -> None:
        """Add what the learner's save of a task changed; `hands_in` when that hands it in."""
        text = names.PIECE_END.join(filter(None, pieces))
        self._history.append(Entry(at, task, text, False, self._user, hands_in))

    def _answer(
        self,
        task: int,
        at: datetime,
        trainer: int,
        state: str,
        remark: str,
        *,
        by_comment: bool = False,
    ) -> None:
        """Add a trainer's save, with a remark, or a comment before it, or without a word.

        The last trainer has no user: nobody can tell that his saves are a trainer's, but for comments.
        """
        user = TRAINER_USERS + trainer if trainer < self._organisation.trainers else None
        if remark and (by_comment or user is None):
            self._comments.append(Comment(at - COMMENT_BEFORE, task, trainer, None))
            remark = ""
        text = names.PIECE_END.join(filter(None, (state, remark)))
        if text:
            self._history.append(Entry(at, task, text, bool(remark), user))

    def answer_in_same_second(self, trainer: int, before: datetime) -> None:
        """Add a remark in the second of the learner's last submission before an instant."""
        own = [entry for entry in self._history if entry.at < before and entry.hands_in]
        if own:
            last = max(own)
            user = TRAINER_USERS + trainer
            remark = names.APPROVED_PIECES[0]
            self._history.append(Entry(last.at, last.task, remark, True, user))

    def touch_what_is_answered(self, trainer: int, at: datetime) -> None:
        """Let the learner save a task whose answer he has, and a trainer comment on it two days later."""
        last: dict[int, Entry] = {}
        for entry in sorted(self._history, key=lambda e: e[:2]):
            if entry.at < at:
                last[entry.task] = entry
        answered = [entry for entry in last.values() if entry.is_feedback]
        if answered:
            task = max(answered).task
            self._save(task, at, names.TOUCHED_PIECE)
            self._comments.append(Comment(at + 2 * DAY, task, trainer, None))

    def close(self) -> list[Line]:
        """Return all rows, with history and comments numbered."""
        first = (self._learner - 1) * self._projects * ENTRIES_PER_PROJECT + 1
        for key, entry in enumerate(sorted(self._history, key=lambda e: e[:2]), first):
            self._lines.append(
                Line(
                    "historique_realisation_taches",
                    key,
                    entry.at,
                    realisation_tache_id=entry.task,
                    dateModification=entry.at,
                    changement=entry.text,
                    isFeedback=int(entry.is_feedback),
                    user_id=entry.user,
                )
            )
        for key, comment in enumerate(sorted(self._comments, key=lambda c: c[:2]), first):
            self._lines.append(
                Line(
                    "commentaire_realisation_taches",
                    key,
                    comment.at,
                    realisation_tache_id=comment.task,
                    dateCommentaire=comment.at,
                    formateur_id=comment.trainer,
                    apprenant_id=comment.learner,
                )
            )
        return self._lines
