"""Learners whose realisation rows or feedback are special; `oddities.CASES` says who."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

from .clock import DAY, SECOND, Calendar, local
from .dictionaries import DONE, STAGE_1, STAGE_3, STAGES_IN_PROGRESS
from .life import REMADE, REPEATED, SINGLE_ROWS, Life
from .lines import Line
from .realisations import COMPETENCES, MICROS, MODULES, UNITS, Override, Run
from .unit_rows import Change, UnitRow

# Rows there twice, deleted, made again


def _pair_twice(life: Life, _: Calendar) -> None:
    _repeat_pair(life, "apprenant_groupe", "groupe_id", life.fate.stays[0].group)


def _team_pair_twice(life: Life, _: Calendar) -> None:
    stay = life.fate.stays[0]
    team = life.team_in(stay) or life.organisation.team(stay.group, 0)
    _repeat_pair(life, "apprenant_sous_groupe", "sous_groupe_id", team)


def _repeat_pair(life: Life, table: str, column: str, value: int) -> None:
    """Add the pair twice more: the very same row, and one without timestamps."""
    since = life.fate.stays[0].since
    for number, stamped in ((90, True), (91, False)):
        values = {"apprenant_id": life.learner, column: value}
        key = (life.learner, 2, number)
        life.extra_lines.append(Line(table, key, since, stamped=stamped, **values))


def _module_made_again(life: Life, _: Calendar) -> None:
    """Do at once what was done before the rows were lost."""
    for run in life.runs:
        if run.slot != life.spare_slot(REMADE):
            continue
        lost = next(other for other in life.runs if other.module is run.module and other.deleted)
        for place, (ua, rows) in enumerate(run.units.items()):
            row = rows[0]
            before = lost.units[ua][0].last
            if before.state == DONE and len(row.changes) == 1:
                row.step(run.created + DAY + place * timedelta(minutes=7), DONE, 100, before.note)


def _ua_deleted(life: Life, year: Calendar) -> None:
    _first_rows(life)[2].deleted = year.at(2, 6, 14, 10)


def _ua_made_again(life: Life, year: Calendar) -> None:
    ua, row = _first_uas(life)[1], _first_rows(life)[1]
    deleted = row.deleted = year.at(2, 5, 11)
    again = _another_row(life, ua, deleted + 40 * SECOND)
    again.step(deleted + 160 * SECOND, DONE, 100.0, row.last.note, by_person=True)


def _module_deleted(life: Life, year: Calendar) -> None:
    life.runs[0].deleted = year.at(3, 3, 9, 40)


def _ua_twice(life: Life, year: Calendar) -> None:
    first, *_, other = _first_uas(life)[:4]
    _another_row(life, first, life.runs[0].created + SECOND)
    second = _another_row(life, other, year.at(2, 3, 10))
    second.step(year.at(2, 5, 17, 5), STAGE_3, 70.0, 9.5)


def _module_twice(life: Life, year: Calendar) -> None:
    first = life.runs[0]
    twin = life.add_run(first.module, life.spare_slot(REPEATED), first.created + 2 * SECOND)
    next(iter(twin.units.values()))[0].step(year.at(2, 2, 9, 30), STAGE_1, 10.0)


def _another_row(life: Life, ua: int, created: datetime) -> UnitRow:
    tree, slot = life.organisation.tree, life.spare_slot(SINGLE_ROWS)
    row = UnitRow(slot * tree.strides[3] + tree.ua_place[ua] + 1, created, tree.scale_of(ua))
    life.runs[0].units[ua].append(row)
    return row


def _first_uas(life: Life) -> list[int]:
    return list(life.runs[0].units)


def _first_rows(life: Life) -> list[UnitRow]:
    return [rows[0] for rows in life.runs[0].units.values()]


# Values and dates


def _null_states(life: Life, _: Calendar) -> None:
    """Leave out the state of a UA, and of a micro-competence, a competence, a module beside it."""
    run, late = life.runs[0], life.runs[min(2, len(life.runs) - 1)]
    competence = run.module.competences[0]
    row = _first_rows(life)[0]
    row.rewrite(run.created + SECOND, lambda change: change._replace(state=None), silent=True)
    column = "etat_realisation_micro_competence_id"
    _override(run, MICROS, competence.micros[-1].position, run.created, **{column: None})
    column = "etat_realisation_competence_id"
    _override(run, COMPETENCES, competence.position, run.created, **{column: None})
    column = "etat_realisation_module_id"
    _override(late, MODULES, late.module.position, late.created, **{column: None})


def _mark_above_scale(life: Life, year: Calendar) -> None:
    row = _first_rows(life)[1]
    row.rewrite(
        year.at(1, 20, 10), lambda change: change._replace(note=(change.scale or 20.0) + 3.5)
    )


def _progress_out_of_range(life: Life, year: Calendar) -> None:
    run, at = life.runs[0], year.at(2, 3, 16, 45)
    _first_rows(life)[2].rewrite(at, lambda change: change._replace(progress=104.5))
    position = run.module.competences[0].micros[-1].position
    _override(run, MICROS, position, at, progression_cache=-3.0)


def _negative_mark(life: Life, year: Calendar) -> None:
    at = year.at(2, 3, 16, 45)
    _first_rows(life)[3].rewrite(at, lambda change: change._replace(note=-2.0))


def _null_marks(life: Life, year: Calendar) -> None:
    """Lose a mark without trace, then a mark with its scale."""
    first, second = _first_rows(life)[:2]
    at = year.at(1, 20, 10)
    first.rewrite(at, lambda change: change._replace(note=None), silent=True)
    at = year.at(2, 3, 16, 45)
    second.rewrite(at, lambda change: change._replace(note=None, scale=None))


def _reopened(life: Life, year: Calendar) -> None:
    """Open a UA again that has its end, and do it again a week later: the first end stays."""
    row = _first_rows(life)[0]
    ended = (row.done_at or row.last.at) + timedelta(hours=1)
    row.rewrite(
        ended,
        lambda change: change._replace(state=DONE, progress=100.0, ended=change.ended or ended),
    )
    opened, done = year.at(2, 4, 10), year.at(2, 11, 16, 30)
    row.rewrite(opened, lambda change: change._replace(state=STAGE_3, progress=80.0))
    row.rewrite(done, lambda change: change._replace(state=DONE, progress=100.0))


def _end_before_start(life: Life, year: Calendar) -> None:
    run = life.runs[0]
    position = _first_rows(life)[0].id - run.row_id(UNITS, 0)
    _override(run, UNITS, position, year.at(1, 20, 10), date_fin=run.created - 30 * DAY)


def _without_dates(life: Life, _: Calendar) -> None:
    first, second = _first_rows(life)[:2]
    first.started = None
    second.stamped = False


def _override(run: Run, table: str, position: int, since: datetime, **values: object) -> None:
    run.overrides[table, run.row_id(table, position)] = Override(since, dict(values))


# Hours and feedback


def _edges_of_days(life: Life, year: Calendar) -> None:
    for at in (
        local(year.on(2, 9), 23, 59, 59),
        local(year.on(2, 10), 0),
        local(year.on(2, 11), 0, 40),
        local(year.on(2, 12), 1, 29, 59),
    ):
        _touch_up(life, at)


def touch_up_at_clock_changes(life: Life, year: Calendar) -> None:
    """Let a learner work through the nights in which the clock changes."""
    for day in year.clock_changes():
        for at in around_clock_change(day):
            _touch_up(life, at)


def around_clock_change(day: date) -> list[datetime]:
    """Return instants in the hour that comes twice, or around the one that does not come."""
    if local(day + DAY, 0) - local(day, 0) > DAY:
        first, second = local(day, 2, 15), local(day, 2, 15, again=True)
        return [first, local(day, 2, 59, 59), second, local(day, 3) - SECOND]
    last = local(day, 1, 59, 59)
    return [local(day, 1, 40), last, last + SECOND, local(day, 3, 20)]


def _touch_up(life: Life, at: datetime) -> None:
    """Do a little at an instant, on a UA in progress if there is one."""
    there = [
        (row, change)
        for run in life.runs
        if run.exists_at(at)
        for rows in run.units.values()
        for row in rows
        if (change := row.at(at)) is not None
    ]
    for row, change in there:
        if change.state in STAGES_IN_PROGRESS:
            row.rewrite(at, _one_step_on, lasting=False)
            return
    if there:
        there[0][0].rewrite(at, lambda change: change, lasting=False)


def _one_step_on(change: Change) -> Change:
    return change._replace(progress=min(change.progress + 1.0, 99.0))


def _feedback_in_same_second(life: Life, year: Calendar) -> None:
    trainer = life.organisation.trainers_of(life.fate.stays[0].group)[0]
    life.notebook.answer_in_same_second(trainer, year.at(2, 10, 0))


def _touched_not_handed_in(life: Life, year: Calendar) -> None:
    trainer = life.organisation.trainers_of(life.fate.stays[0].group)[0]
    life.notebook.touch_what_is_answered(trainer, year.at(2, 10, 11))


RARE_CASES: dict[str, Callable[[Life, Calendar], None]] = {
    "pair_twice": _pair_twice,
    "team_pair_twice": _team_pair_twice,
    "module_made_again": _module_made_again,
    "ua_deleted": _ua_deleted,
    "ua_made_again": _ua_made_again,
    "module_deleted": _module_deleted,
    "ua_twice": _ua_twice,
    "module_twice": _module_twice,
    "null_states": _null_states,
    "mark_above_scale": _mark_above_scale,
    "progress_out_of_range": _progress_out_of_range,
    "negative_mark": _negative_mark,
    "null_marks": _null_marks,
    "reopened": _reopened,
    "end_before_start": _end_before_start,
    "without_dates": _without_dates,
    "edges_of_days": _edges_of_days,
    "feedback_in_same_second": _feedback_in_same_second,
    "touched_not_handed_in": _touched_not_handed_in,
}
