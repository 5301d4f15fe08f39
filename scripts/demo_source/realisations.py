"""A learner's realisation rows of one module: his UAs change, all above follows from them.

At any instant a micro-competence, competence and module are what the application would have
computed from the rows below: mean progress, summed marks, the latest activity.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from .curriculum import Competence, Micro, Module, Tree
from .dictionaries import (
    COMPETENCE_IDS,
    DONE,
    MICRO_IDS,
    MODULE_IDS,
    STAGE_1,
    STAGE_2,
    STAGE_3,
    TODO,
    UNIT_IDS,
)
from .lines import TableRow
from .schema import tables
from .unit_rows import UnitRow

MODULES = "realisation_modules"
COMPETENCES = "realisation_competences"
MICROS = "realisation_micro_competences"
UNITS = "realisation_uas"
REALISATION_TABLES = (MODULES, COMPETENCES, MICROS, UNITS)


class Override(NamedTuple):
    """Columns of one row that are not what the application computes, from an instant on."""

    since: datetime
    values: dict[str, Any]


class _Total:
    """What the rows below one row come to."""

    __slots__ = ("active", "all_done", "all_todo", "count", "note", "progress", "scale")

    def __init__(self) -> None:
        self.count = 0
        self.progress = 0.0
        self.note: float | None = None
        self.scale = 0.0
        self.active: datetime | None = None
        self.all_done = self.all_todo = True

    def add(
        self, state: int | None, progress: float, note: float | None, scale: float | None
    ) -> None:
        self.count += 1
        self.progress += progress
        if note is not None:
            self.note = (self.note or 0.0) + note
        self.scale += scale or 0.0
        self.all_done = self.all_done and state == DONE
        self.all_todo = self.all_todo and state == TODO

    def touch(self, at: datetime | None) -> None:
        if at is not None and (self.active is None or at > self.active):
            self.active = at

    def add_total(self, other: _Total) -> None:
        progress = other.mean()
        self.add(other.state(progress), progress, other.note, other.scale)
        self.touch(other.active)

    def mean(self) -> float:
        """Return the mean progress, which the application keeps within 0 to 100."""
        return min(100.0, max(0.0, round(self.progress / self.count, 2))) if self.count else 0.0

    def state(self, progress: float) -> int:
        if self.all_todo:
            return TODO
        if self.all_done:
            return DONE
        return STAGE_1 if progress < 34 else STAGE_2 if progress < 67 else STAGE_3


class Run:
    """A learner's rows of one module and everything under it, made and deleted together.

    `slot` numbers its block of ids: below the number of learners for everybody's first rows, above
    for those made again. Two rows for one UA are two items of its list in `units`.
    """

    def __init__(
        self, learner: int, module: Module, slot: int, tree: Tree, created: datetime
    ) -> None:
        self.learner, self.module, self.slot = learner, module, slot
        self.created = created
        self.deleted: datetime | None = None
        self.first_ids = dict(
            zip(REALISATION_TABLES, [slot * n + 1 for n in tree.strides], strict=True)
        )
        first = self.first_ids[UNITS]
        self.units: dict[int, list[UnitRow]] = {
            ua: [UnitRow(first + tree.ua_place[ua], created, tree.scale_of(ua))]
            for ua in module.uas()
        }
        # When a person saved a micro-competence's row while it was final, which wrote its end.
        self.micro_saves: dict[int, datetime] = {}
        self.overrides: dict[tuple[str, int], Override] = {}

    def row_id(self, table: str, position: int) -> int:
        """Return the id of the run's row in a table at a position within the programme."""
        return self.first_ids[table] + position

    def exists_at(self, instant: datetime) -> bool:
        """Say whether the run's rows are there."""
        return self.created <= instant and (self.deleted is None or instant < self.deleted)

    def rows_at(self, instant: datetime, upkeep: datetime | None) -> Iterator[TableRow]:
        """Yield (table, id, row) of all its rows.

        `upkeep` is the last instant at which a script rewrote every row there was.
        """
        if not self.exists_at(instant):
            return
        rows = self._module_rows(instant)
        if upkeep is not None and upkeep > self.created:
            rows = (_stamped(row, upkeep) for row in rows)
        if not self.overrides:
            yield from rows
            return
        for table, key, row in rows:
            override = self.overrides.get((table, int(key)))  # type: ignore[arg-type]
            if override is not None and override.since <= instant:
                names = tables()[table].columns
                row = tuple((dict(zip(names, row, strict=True)) | override.values).values())
            yield table, key, row

    def _module_rows(self, instant: datetime) -> Iterator[TableRow]:
        created, total = self.created, _Total()
        key = self.row_id(MODULES, self.module.position)
        for competence in self.module.competences:
            yield from self._competence_rows(competence, key, instant, total)
        progress = total.mean()
        state = MODULE_IDS + total.state(progress)
        yield MODULES, key, (
            key, self.learner, self.module.id, state, created, None, progress,
            total.note, total.scale, total.active, created, total.active or created,
        )  # fmt: skip

    def _competence_rows(
        self, competence: Competence, parent: int, instant: datetime, above: _Total
    ) -> Iterator[TableRow]:
        created, total = self.created, _Total()
        key = self.row_id(COMPETENCES, competence.position)
        for micro in competence.micros:
            yield from self._micro_rows(micro, key, instant, total)
        progress = total.mean()
        state = COMPETENCE_IDS + total.state(progress)
        yield COMPETENCES, key, (
            key, self.learner, parent, competence.id, state, created, None, progress,
            total.note, total.scale, total.active, created, total.active or created,
        )  # fmt: skip
        above.add_total(total)

    def _micro_rows(
        self, micro: Micro, parent: int, instant: datetime, above: _Total
    ) -> Iterator[TableRow]:
        created, total = self.created, _Total()
        key = self.row_id(MICROS, micro.position)
        for ua in micro.uas:
            for unit in self.units[ua]:
                change = unit.at(instant)
                if change is None:
                    if unit.created <= instant:
                        total.touch(unit.deleted)
                    continue
                _, unit_state, progress, note, scale, ended, active_at, saved_at = change
                total.add(unit_state, progress, note, scale)
                total.touch(active_at)
                yield UNITS, unit.id, (
                    unit.id, key, ua, None if unit_state is None else UNIT_IDS + unit_state,
                    unit.started, ended, progress, note, scale, active_at,
                    unit.created if unit.stamped else None, saved_at if unit.stamped else None,
                )  # fmt: skip
        progress = total.mean()
        state = MICRO_IDS + total.state(progress)
        updated = total.active or created
        ended = self.micro_saves.get(micro.id)
        if ended is not None:
            if ended <= instant:
                updated = max(updated, ended)
            else:
                ended = None
        yield MICROS, key, (
            key, self.learner, parent, micro.id, state, created, ended, progress,
            total.note, total.scale, total.active, created, updated,
        )  # fmt: skip
        above.add_total(total)

    def instants(self) -> set[datetime]:
        """Return all instants at which one of the rows may change, the upkeep apart."""
        instants = {self.created, *self.micro_saves.values()}
        instants |= {override.since for override in self.overrides.values()}
        for units in self.units.values():
            instants = instants.union(*(unit.instants() for unit in units))
        return instants if self.deleted is None else instants | {self.deleted}

    def micro_done_at(self, micro: Micro) -> datetime | None:
        """Return when all UAs of a micro-competence had been done, if each of them was."""
        ends = [unit.done_at for ua in micro.uas for unit in self.units[ua]]
        known = [end for end in ends if end is not None]
        return max(known) if known and len(known) == len(ends) else None

    def is_done_at(self, micro: Micro, instant: datetime) -> bool:
        """Say whether all UAs of a micro-competence that are there stand at DONE."""
        changes = [unit.at(instant) for ua in micro.uas for unit in self.units[ua]]
        return all(change is None or change.state == DONE for change in changes)


def _stamped(row: TableRow, upkeep: datetime) -> TableRow:
    """Return the row as the upkeep left it: its last columns `dernier_update`, `updated_at` not before it."""
    table, key, values = row
    active, created, updated = values[-3:]
    if updated is None or updated >= upkeep or created > upkeep:
        return row
    return table, key, (*values[:-3], max(active or upkeep, upkeep), created, upkeep)
