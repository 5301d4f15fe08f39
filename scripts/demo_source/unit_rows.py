"""Rows of `realisation_uas` over the year: the only realisation rows that are simulated."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from .clock import SECOND
from .dictionaries import DONE, TODO


class Change(NamedTuple):
    """A UA row from `at` on.

    `state` is its order in the dictionary, None the NULL state. `ended` is `date_fin`,
    `active_at` is `dernier_update`, `saved_at` is `updated_at`.
    """

    at: datetime
    state: int | None
    progress: float
    note: float | None
    scale: float | None
    ended: datetime | None
    active_at: datetime | None
    saved_at: datetime


class UnitRow:
    """A learner's row for a UA, from its creation in TODO on.

    `started` is its `date_debut`; without `stamped`, `created_at` and `updated_at` are NULL.
    """

    __slots__ = ("_times", "changes", "created", "deleted", "done_at", "id", "stamped", "started")

    def __init__(self, row_id: int, created: datetime, scale: float) -> None:
        self.id = row_id
        self.created = created
        self.started: datetime | None = created
        self.deleted: datetime | None = None
        self.done_at: datetime | None = None
        self.stamped = True
        self.changes = [Change(created, TODO, 0.0, None, scale, None, None, created)]
        self._times = [created]

    @property
    def last(self) -> Change:
        """The latest change so far."""
        return self.changes[-1]

    def step(
        self,
        at: datetime,
        state: int,
        progress: float,
        note: float | None = None,
        *,
        by_person: bool = False,
    ) -> datetime:
        """Add work on the UA, with a new mark or the old one; return the instant it took.

        That is later than the last change. A person who saves a final row writes its end, unless
        it has one.
        """
        last = self.last
        if at <= last.at:
            at = last.at + 75 * SECOND
        ended = last.ended
        if state == DONE:
            self.done_at = self.done_at or at
            if by_person:
                ended = ended or at
        note = last.note if note is None else note
        self._append(Change(at, state, progress, note, last.scale, ended, at, at))
        return at

    def save(self, at: datetime) -> None:
        """Let a person save the row as it is: a final row that has no end gets one."""
        last = self.last
        if at > last.at and last.state == DONE and last.ended is None:
            self._append(last._replace(at=at, ended=at, saved_at=at))

    def _append(self, change: Change) -> None:
        self.changes.append(change)
        self._times.append(change.at)

    def rewrite(
        self,
        at: datetime,
        edit: Callable[[Change], Change],
        *,
        silent: bool = False,
        lasting: bool = True,
    ) -> None:
        """Insert a change in the midst of the row's life.

        `silent` leaves `dernier_update` and `updated_at` where they were; `lasting` edits all
        later changes too.
        """
        if at < self.created:
            return
        while at in self._times:
            at += SECOND
        place = bisect_right(self._times, at)
        changed = edit(self.changes[place - 1])._replace(at=at)
        if not silent:
            changed = changed._replace(active_at=at, saved_at=at)
        later = [edit(change) if lasting else change for change in self.changes[place:]]
        self.changes[place:] = [changed, *later]
        self._times.insert(place, at)

    def at(self, instant: datetime) -> Change | None:
        """Return the row's content at that instant; None when it is not there."""
        if instant < self.created or (self.deleted is not None and self.deleted <= instant):
            return None
        return self.changes[bisect_right(self._times, instant) - 1]

    def instants(self) -> set[datetime]:
        """Return when the row changes, its insertion and deletion among them."""
        return {*self._times, self.deleted} - {None}  # type: ignore[return-value]
