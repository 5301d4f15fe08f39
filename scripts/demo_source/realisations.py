"""A learner's realisation rows: his UAs change, and everything above follows from them.

A `UnitRow` (a row of `realisation_uas`) holds its changes. The rows above are never simulated: at any instant a
micro-competence, competence and module are what the application would have computed from the rows below.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from .clock import SECOND
from .curriculum import (
    DONE,
    PAUSED,
    STAGE_1,
    STAGE_2,
    STAGE_3,
    STATE_IDS,
    TODO,
    Module,
    state_id,
)
from .lines import TableRow
from .schema import tables

MODULE_IDS, COMPETENCE_IDS, MICRO_IDS, UA_IDS = STATE_IDS.values()
REALISATION_TABLES = (
    "realisation_modules",
    "realisation_competences",
    "realisation_micro_competences",
    "realisation_uas",
)


class Change(NamedTuple):
    """A UA row from `at` on. `state` is its order in the dictionary; `active_at` is `dernier_update`, `saved_at` `updated_at`."""

    at: datetime
    state: int | None
    progress: float
    note: float | None
    scale: float | None
    ended: datetime | None
    active_at: datetime | None
    saved_at: datetime


class UnitRow:
    """A row of `realisation_uas` over the year."""

    __slots__ = (
        "_times",
        "changes",
        "created",
        "deleted",
        "done_at",
        "id",
        "stamped",
        "started",
        "ua",
    )

    def __init__(self, row_id: int, ua: int, created: datetime, scale: float) -> None:
        self.id, self.ua = row_id, ua
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
        """Work on the UA, with a new mark or the old one; later than the last change. Returns the instant it took.

        A person who saves a final row writes its end, unless it has one.
        """
        last = self.changes[-1]
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
        """A person saves the row as it is: only the end is written, if the row is final and has none."""
        last = self.changes[-1]
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
        """Inserts a change in the midst of the row's life.

        `silent` leaves `dernier_update` and `updated_at` where they were; `lasting` edits all later changes too.
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
        """The row's content at that instant; None when it is not there."""
        if instant < self.created or (self.deleted is not None and self.deleted <= instant):
            return None
        return self.changes[bisect_right(self._times, instant) - 1]


class MicroSave(NamedTuple):
    """A person saves a micro-competence's row: its end is written then, if it is final and has none."""

    at: datetime
    ended: datetime


class _Sum:
    """The row above some rows: mean progress, summed marks, latest activity, and whether all or any have moved."""

    __slots__ = ("active", "all_done", "any_moved", "count", "note", "progress", "scale")

    def __init__(self) -> None:
        self.count = 0
        self.progress = 0.0
        self.note: float | None = None
        self.scale = 0.0
        self.active: datetime | None = None
        self.all_done = True
        self.any_moved = False

    def add(
        self, state: int | None, progress: float, note: float | None, scale: float | None
    ) -> None:
        self.count += 1
        self.progress += progress
        if note is not None:
            self.note = (self.note or 0.0) + note
        self.scale += scale or 0.0
        if state != DONE:
            self.all_done = False
        if state != TODO:
            self.any_moved = True

    def touch(self, at: datetime | None) -> None:
        if at is not None and (self.active is None or at > self.active):
            self.active = at

    def mean(self) -> float:
        return min(100.0, max(0.0, round(self.progress / self.count, 2))) if self.count else 0.0

    def state(self, progress: float) -> int:
        if not self.count or not self.any_moved:
            return TODO
        if self.all_done:
            return DONE
        return STAGE_1 if progress < 34 else STAGE_2 if progress < 67 else STAGE_3


class Override(NamedTuple):
    """Columns of one row that are not what the application computes, from an instant on."""

    since: datetime
    values: dict[str, Any]


class Run:
    """A learner's rows of one module and everything under it, made and deleted together.

    `slot` numbers the block of ids: 0 to the number of learners - 1 for first runs, higher for repeated ones.
    """

    def __init__(
        self, learner: int, module: Module, slot: int, strides: tuple[int, ...], created: datetime
    ) -> None:
        self.learner, self.module = learner, module
        self.created = created
        self.deleted: datetime | None = None
        self.first_ids = [slot * stride + 1 for stride in strides]
        self.units: dict[int, list[UnitRow]] = {}
        self.micro_saves: dict[int, MicroSave] = {}
        self.overrides: dict[tuple[str, int], Override] = {}

    def add_units(self, places: dict[int, int], scale_of: Callable[[int], float]) -> None:
        """A row for each UA, in TODO. `places` are the UAs' positions within the programme."""
        for ua in self.module.uas():
            self.units[ua] = [
                UnitRow(self.first_ids[3] + places[ua], ua, self.created, scale_of(ua))
            ]

    def row_id(self, level: int, position: int) -> int:
        """The id of the row at a level (0 module … 3 UA) and position within the programme."""
        return self.first_ids[level] + position

    def exists_at(self, instant: datetime) -> bool:
        """Whether the run's rows are there."""
        return self.created <= instant and (self.deleted is None or instant < self.deleted)

    def rows_at(self, instant: datetime, upkeep: datetime | None) -> Iterator[TableRow]:
        """(table, id, row) of all its rows. `upkeep` is the last instant at which a script rewrote every row there was."""
        if not self.exists_at(instant):
            return
        rows = self._computed(instant)
        if upkeep is not None and upkeep > self.created:
            rows = (_stamped(row, upkeep) for row in rows)
        if not self.overrides:
            yield from rows
            return
        for table, key, row in rows:
            override = self.overrides.get((table, key))
            if override is not None and override.since <= instant:
                row = tuple(
                    (
                        dict(zip(tables()[table].columns, row, strict=True)) | override.values
                    ).values()
                )
            yield table, key, row

    def _computed(self, instant: datetime) -> Iterator[TableRow]:
        created = self.created
        first_module, first_competence, first_micro, _ = self.first_ids
        module_id = first_module + self.module.position
        module_sum = _Sum()
        for competence in self.module.competences:
            competence_id = first_competence + competence.position
            competence_sum = _Sum()
            for micro in competence.micros:
                micro_id = first_micro + micro.position
                micro_sum = _Sum()
                for ua in micro.uas:
                    for unit in self.units.get(ua, ()):
                        change = unit.at(instant)
                        if change is None:
                            if unit.created <= instant:
                                micro_sum.touch(unit.deleted)
                            continue
                        micro_sum.add(change.state, change.progress, change.note, change.scale)
                        micro_sum.touch(change.active_at)
                        yield "realisation_uas", unit.id, (
                            unit.id, micro_id, ua, state_id("UA", change.state), unit.started, change.ended, change.progress,
                            change.note, change.scale, change.active_at, unit.created if unit.stamped else None,
                            change.saved_at if unit.stamped else None,
                        )  # fmt: skip
                progress = micro_sum.mean()
                state = micro_sum.state(progress)
                saved = micro_sum.active or created
                ended = None
                save = self.micro_saves.get(micro.id)
                if save is not None and save.at <= instant:
                    ended = save.ended
                    saved = max(saved, save.at)
                yield "realisation_micro_competences", micro_id, (
                    micro_id, self.learner, competence_id, micro.id, MICRO_IDS + state, created, ended, progress,
                    micro_sum.note, micro_sum.scale, micro_sum.active, created, saved,
                )  # fmt: skip
                competence_sum.add(state, progress, micro_sum.note, micro_sum.scale)
                competence_sum.touch(micro_sum.active)
            progress = competence_sum.mean()
            state = competence_sum.state(progress)
            yield "realisation_competences", competence_id, (
                competence_id, self.learner, module_id, competence.id, COMPETENCE_IDS + state, created, None, progress,
                competence_sum.note, competence_sum.scale, competence_sum.active, created, competence_sum.active or created,
            )  # fmt: skip
            module_sum.add(state, progress, competence_sum.note, competence_sum.scale)
            module_sum.touch(competence_sum.active)
        progress = module_sum.mean()
        yield "realisation_modules", module_id, (
            module_id, self.learner, self.module.id, MODULE_IDS + module_sum.state(progress), created, None, progress,
            module_sum.note, module_sum.scale, module_sum.active, created, module_sum.active or created,
        )  # fmt: skip

    def instants(self) -> set[datetime]:
        """All instants at which one of the rows may change, the upkeep apart."""
        found = {self.created, *(save.at for save in self.micro_saves.values())}
        found |= {override.since for override in self.overrides.values()}
        for units in self.units.values():
            for unit in units:
                found.update(change.at for change in unit.changes)
                if unit.deleted is not None:
                    found.add(unit.deleted)
        return found | ({self.deleted} if self.deleted is not None else set())

    def micro_done_at(self, micro_uas: tuple[int, ...]) -> datetime | None:
        """When all UAs of a micro-competence were done for the first time, if each of them was."""
        ends = [unit.done_at for ua in micro_uas for unit in self.units.get(ua, ())]
        known = [end for end in ends if end is not None]
        return max(known) if known and len(known) == len(ends) else None

    def is_done_at(self, micro_uas: tuple[int, ...], instant: datetime) -> bool:
        """Whether all UAs of a micro-competence stand at DONE."""
        found = [unit.at(instant) for ua in micro_uas for unit in self.units.get(ua, ())]
        return bool(found) and all(change is None or change.state == DONE for change in found)


def _stamped(row: TableRow, upkeep: datetime) -> TableRow:
    """The row with `updated_at`, its last column, at least at the upkeep; rows without stamps keep none."""
    table, key, values = row
    updated = values[-1]
    if updated is None or updated >= upkeep or values[-2] > upkeep:
        return row
    return table, key, (*values[:-1], upkeep)
