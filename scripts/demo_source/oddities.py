"""What is odd in the demo source: the cases a reader of the real one meets, each at a place that is always the same.

In the school (`odd_organisation.alter_organisation`)
  sessions       one without end date, one without any date, one of last year; one whose end is put off in February
  groups         one of last year, one without programme; one renamed in January, one in February
  trainers       a pair there twice in `formateur_groupe`; one replaced in a group in February; the last one has no user
  targets        a micro-competence without competence, one that loses its competence in February; a UA there twice;
                 a name that looks like HTML; UAs that are not marked (scale 0)
  plan           UAs planned twice (later, earlier, the very same), with and only with a NULL session, only in the session
                 without end or without dates, not at all; ten alignments to UAs that do not exist;
                 alignments moved, dropped and added in February
  projects       one without session, and one without session or anybody it was given to

In single learners (`CASES` says who; `alter_fate`, `alter_life`)
  membership     pairs there twice, changes of group (one at local midnight), in two groups, in none, left, left and back
  presence       deactivated, deactivated and back, late, without user
  rows           deleted, deleted and made again (a module after days, a UA within a minute), there twice
  values         NULL states, marks NULL, above the scale, negative, scale NULL, progress above 100 and below 0
  dates          re-opened and done again with the first end kept, end before start, no start, no stamps
  hours          activity at 23:59:59, 00:00:00 and 00:40 local time, and in the hour that comes twice or not at all
  feedback       in the very second of the submission; a learner without user, whose submissions nobody can tell

In everybody
  bulk changes   `BULKS`: statements that change a group's rows and move no timestamp
  upkeep         `upkeep_nights`: a script rewrites every realisation row, and only `updated_at` moves
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import NamedTuple

from .clock import DAY, SECOND, Calendar, local
from .curriculum import DONE, STAGE_1, STAGE_3
from .fate import STEADY, Fate, Stay, Switch
from .life import REMADE, REPEATED, SINGLE_ROWS, Life
from .lines import Line
from .organisation import Organisation
from .realisations import Change, Override, UnitRow

CASES = {
    "pair_twice": 3,
    "subgroup_pair_twice": 4,
    "changes_group_at_midnight": 5,
    "changes_group": 6,
    "changes_programme": 7,
    "in_two_groups": 8,
    "in_no_group": 9,
    "deactivated": 10,
    "deactivated_and_back": 11,
    "module_made_again": 12,
    "ua_deleted": 13,
    "ua_made_again": 14,
    "module_deleted": 15,
    "ua_twice": 16,
    "module_twice": 17,
    "null_states": 18,
    "mark_above_scale": 19,
    "progress_out_of_range": 20,
    "negative_mark": 21,
    "null_marks": 22,
    "without_user": 23,
    "reopened": 24,
    "end_before_start": 25,
    "without_dates": 26,
    "clock_changes": 27,
    "edges_of_days": 28,
    "leaves": 29,
    "leaves_and_comes_back": 30,
    "late": 33,
    "feedback_in_same_second": 35,
}
_NAMES = {number: name for name, number in CASES.items()}
_IN_PROGRESS = range(STAGE_1, STAGE_3 + 1)


class Bulk(NamedTuple):
    """A statement on the rows of a group's learners for the UA taught some sessions before, run by hand."""

    at: datetime
    group: int
    sessions_back: int
    closes: bool


def bulks(calendar: Calendar) -> list[Bulk]:
    """The statements of the year: some give a mark more, some close what is in progress."""
    return [
        Bulk(local(calendar.on(11, 26), 11), 1, 3, closes=False),
        Bulk(local(calendar.on(1, 20), 10, 30), 2, 0, closes=True),
        Bulk(local(calendar.on(2, 10), 15), 3, 3, closes=False),
        Bulk(local(calendar.on(2, 18), 12), 6, 0, closes=True),
        Bulk(local(calendar.on(3, 3), 0, 20), 2, 4, closes=False),
        Bulk(local(calendar.on(5, 5), 9, 15), 1, 1, closes=True),
    ]


def upkeep_nights(calendar: Calendar) -> list[datetime]:
    """When the script runs that rewrites every realisation row: before and after the nightly capture, once in the evening."""
    return [
        local(calendar.on(10, 18), 2, 30),
        local(calendar.on(12, 13), 0, 50),
        local(calendar.on(2, 7), 0, 50),
        local(calendar.on(2, 21), 2, 30),
        local(calendar.on(4, 18), 22, 15),
    ]


def alter_fate(learner: int, fate: Fate, organisation: Organisation) -> None:
    """Gives the learners of `CASES` their memberships, presence and pace, before they live."""
    name = _NAMES.get(learner)
    if name is None:
        return
    calendar = organisation.calendar
    fate.enrolled = local(calendar.on(9, 2), 10, learner)
    if name == "late":
        fate.enrolled = local(calendar.on(1, 19), 10)
    group = fate.stays[0].group
    programme = organisation.programme_of(group)
    fate.pace = STEADY
    fate.stays = [Stay(group, fate.enrolled)]
    fate.programmes = [(programme, fate.enrolled, None)]
    other = _other_group(organisation, group)

    def move(at: datetime, to: int) -> None:
        fate.stays = [Stay(group, fate.enrolled, at), Stay(to, at)]

    match name:
        case "changes_group_at_midnight":
            move(local(calendar.on(2, 9), 0), other)
        case "changes_group":
            move(local(calendar.on(1, 13), 10, 20), other)
        case "changes_programme":
            at = local(calendar.on(11, 17), 11)
            to = next(
                (
                    g
                    for g in range(1, organisation.groups + 1)
                    if organisation.programme_of(g) != programme
                ),
                other,
            )
            move(at, to)
            if organisation.programme_of(to) != programme:
                fate.programmes = [
                    (programme, fate.enrolled, at),
                    (organisation.programme_of(to), at, None),
                ]
        case "in_two_groups":
            fate.stays.append(Stay(other, fate.enrolled + 20 * DAY, stamped=False))
        case "in_no_group":
            fate.stays = []
        case "leaves":
            fate.stays = [Stay(group, fate.enrolled, local(calendar.on(2, 20), 9, 5))]
        case "leaves_and_comes_back":
            gone, back = local(calendar.on(2, 4), 11), local(calendar.on(2, 17), 14, 30)
            fate.stays = [Stay(group, fate.enrolled, gone), Stay(group, back)]
        case "deactivated":
            fate.stop = local(calendar.on(2, 11), 16, 20)
            fate.switches = [Switch(fate.stop, False)]
        case "deactivated_and_back":
            fate.switches = [
                Switch(local(calendar.on(12, 3), 9), False),
                Switch(local(calendar.on(2, 18), 9, 45), True),
            ]
        case "module_made_again":
            fate.remade = (local(calendar.on(2, 12), 15), local(calendar.on(2, 16), 9, 20))
        case "without_user":
            fate.has_user = False


def _other_group(organisation: Organisation, group: int) -> int:
    programme = organisation.programme_of(group)
    alike = [
        g for g in range(1, organisation.groups + 1) if organisation.programme_of(g) == programme
    ]
    return alike[(alike.index(group) + 1) % len(alike)]


def alter_life(life: Life) -> None:
    """Adds to a lived year what `CASES` and the bulk changes say of the learner."""
    calendar = life.organisation.calendar
    name = _NAMES.get(life.learner)
    if name is not None and life.runs:
        _alter_rows(name, life, calendar)
        _alter_values(name, life, calendar)
    if life.learner % 30 == CASES["clock_changes"]:
        for day in calendar.clock_changes():
            for at in _around_clock_change(day):
                _touch_up(life, at)
    for bulk in bulks(calendar):
        if any(
            s.group == bulk.group and s.since <= bulk.at and (s.until is None or bulk.at < s.until)
            for s in life.fate.stays
        ):
            programme = life.organisation.programme_of(bulk.group)
            ua = life.organisation.ua_taught_on(
                programme, calendar.on(bulk.at.month, bulk.at.day), bulk.sessions_back
            )
            for run in life.runs_of(ua):
                run.units[ua][0].rewrite(
                    bulk.at, _closed if bulk.closes else _one_mark_more, silent=True
                )


def _one_mark_more(change: Change) -> Change:
    if change.note is None or not change.scale:
        return change
    return change._replace(note=min(change.note + 1.0, change.scale))


def _closed(change: Change) -> Change:
    return change._replace(state=DONE, progress=100.0) if change.state in _IN_PROGRESS else change


def _first_uas(life: Life, run: int = 0) -> list[UnitRow]:
    units = life.runs[min(run, len(life.runs) - 1)].units
    return [rows[0] for rows in units.values()]


def _around_clock_change(day: date) -> list[datetime]:
    """Instants in the hour that comes twice, or on both sides of the hour that does not come."""
    if local(day + DAY, 0) - local(day, 0) > DAY:
        return [
            local(day, 2, 15),
            local(day, 2, 59, 59),
            local(day, 2, 15, again=True),
            local(day, 3) - SECOND,
        ]
    return [
        local(day, 1, 40),
        local(day, 1, 59, 59),
        local(day, 1, 59, 59) + SECOND,
        local(day, 3, 20),
    ]


def _touch_up(life: Life, at: datetime) -> None:
    """A little work at an instant, on a UA in progress if there is one."""
    rows = [
        row for run in life.runs if run.exists_at(at) for rows in run.units.values() for row in rows
    ]
    there = [(row, change) for row in rows if (change := row.at(at)) is not None]
    moving = next((row for row, change in there if change.state in _IN_PROGRESS), None)
    if moving is not None:
        moving.rewrite(
            at, lambda c: c._replace(progress=min(c.progress + 1.0, 99.0)), lasting=False
        )
    elif there:
        there[0][0].rewrite(at, lambda c: c, lasting=False)


def _alter_rows(name: str, life: Life, calendar: Calendar) -> None:
    """Rows there twice, deleted, made again; activity at odd hours; feedback in the second of the submission."""
    first = life.runs[0]
    uas = _first_uas(life)
    tree = life.organisation.tree

    def another(row: UnitRow, created: datetime) -> UnitRow:
        made = UnitRow(life.spare_slot(SINGLE_ROWS) * tree.strides[3] + tree.ua_place[row.ua] + 1, row.ua, created,
                       tree.scale_of(row.ua))  # fmt: skip
        first.units[row.ua].append(made)
        return made

    match name:
        case "pair_twice" | "subgroup_pair_twice":
            stay = life.fate.stays[0]
            group, team = stay.group, life.team(stay) or life.organisation.subgroup(stay.group, 0)
            for number, stamped in enumerate((True, False), 90):
                life.extra_lines.append(Line("apprenant_groupe", (life.learner, 0, number), stay.since, stamped=stamped,
                                             groupe_id=group, apprenant_id=life.learner))  # fmt: skip
                life.extra_lines.append(Line("apprenant_sous_groupe", (life.learner, 1, number), stay.since, stamped=stamped,
                                             sous_groupe_id=team, apprenant_id=life.learner))  # fmt: skip
        case "module_made_again":
            remade = [
                run
                for run in life.runs
                if run.first_ids[0] == life.spare_slot(REMADE) * tree.strides[0] + 1
            ]
            for run in remade:
                lost = next(r for r in life.runs if r.module.id == run.module.id and r is not run)
                for place, (ua, rows) in enumerate(run.units.items()):
                    if lost.units[ua][0].last.state == DONE and len(rows[0].changes) == 1:
                        rows[0].step(
                            run.created + DAY + place * timedelta(minutes=7),
                            DONE,
                            100.0,
                            lost.units[ua][0].last.note,
                        )
        case "ua_deleted":
            uas[2].deleted = local(calendar.on(2, 6), 14, 10)
        case "ua_made_again":
            uas[1].deleted = local(calendar.on(2, 5), 11)
            again = another(uas[1], uas[1].deleted + 40 * SECOND)
            again.step(again.created + 120 * SECOND, DONE, 100.0, uas[1].last.note, by_person=True)
        case "module_deleted":
            first.deleted = local(calendar.on(3, 3), 9, 40)
        case "ua_twice":
            another(uas[0], first.created + SECOND)
            second = another(uas[3], local(calendar.on(2, 3), 10))
            second.step(local(calendar.on(2, 5), 17, 5), STAGE_3, 70.0, 9.5)
        case "module_twice":
            twin = life.add_run(first.module, life.spare_slot(REPEATED), first.created + 2 * SECOND)
            next(iter(twin.units.values()))[0].step(local(calendar.on(2, 2), 9, 30), STAGE_1, 10.0)
        case "edges_of_days":
            for day, clock in (
                ((2, 9), (23, 59, 59)),
                ((2, 10), (0, 0, 0)),
                ((2, 11), (0, 40, 0)),
                ((2, 12), (1, 29, 59)),
            ):
                _touch_up(life, local(calendar.on(*day), *clock))
        case "feedback_in_same_second":
            trainer = life.organisation.trainers_of(life.fate.stays[0].group)[0]
            life.notebook.answer_at_once(trainer, local(calendar.on(2, 10), 0))


def _alter_values(name: str, life: Life, calendar: Calendar) -> None:
    """Values that the application should not have let in."""
    uas = _first_uas(life)
    first, late = life.runs[0], life.runs[min(2, len(life.runs) - 1)]
    january, february = local(calendar.on(1, 20), 10), local(calendar.on(2, 3), 16, 45)

    def override(level: int, table: str, position: int, since: datetime, **values: object) -> None:
        first_or_late = late if level == 0 else first
        first_or_late.overrides[table, first_or_late.row_id(level, position)] = Override(
            since, dict(values)
        )

    competence = first.module.competences[0]
    match name:
        case "null_states":
            uas[0].rewrite(first.created + SECOND, lambda c: c._replace(state=None), silent=True)
            override(2, "realisation_micro_competences", competence.micros[-1].position, first.created,
                     etat_realisation_micro_competence_id=None)  # fmt: skip
            override(
                1,
                "realisation_competences",
                competence.position,
                first.created,
                etat_realisation_competence_id=None,
            )
            override(
                0,
                "realisation_modules",
                late.module.position,
                late.created,
                etat_realisation_module_id=None,
            )
        case "mark_above_scale":
            uas[1].rewrite(january, lambda c: c._replace(note=(c.scale or 20.0) + 3.5))
        case "progress_out_of_range":
            uas[2].rewrite(february, lambda c: c._replace(progress=104.5))
            override(2, "realisation_micro_competences", competence.micros[-1].position, february, progression_cache=-3.0,
                     updated_at=february)  # fmt: skip
        case "negative_mark":
            uas[3 % len(uas)].rewrite(february, lambda c: c._replace(note=-2.0))
        case "null_marks":
            uas[0].rewrite(january, lambda c: c._replace(note=None), silent=True)
            uas[1].rewrite(february, lambda c: c._replace(note=None, scale=None))
        case "reopened":
            ended = (uas[0].done_at or uas[0].last.at) + timedelta(hours=1)
            uas[0].rewrite(
                ended, lambda c: c._replace(ended=c.ended or ended, state=DONE, progress=100.0)
            )
            reopened, again = local(calendar.on(2, 4), 10), local(calendar.on(2, 11), 16, 30)
            uas[0].rewrite(reopened, lambda c: c._replace(state=STAGE_3, progress=80.0))
            uas[0].rewrite(again, lambda c: c._replace(state=DONE, progress=100.0))
        case "end_before_start":
            override(
                3,
                "realisation_uas",
                uas[0].id - first.first_ids[3],
                january,
                date_fin=first.created - 30 * DAY,
            )
        case "without_dates":
            uas[0].started = None
            uas[1].stamped = False
