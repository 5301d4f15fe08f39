"""What is odd in the demo source: cases that a reader of the real one meets, always at one place.

In the school (`odd_organisation`)
  sessions    one without end date, one without any date, one of last year; one whose end is put
              off in February
  groups      one of last year, one without programme; one renamed in January, one in February
  trainers    a pair twice in `formateur_groupe`; one replaced in a group in February; the last one
              has no user, so that he only comments
  targets     a micro-competence without competence, one that loses its competence in February; a UA
              there twice; a name that looks like HTML; UAs that are not marked (scale 0)
  plan        UAs planned twice (later, earlier, the very same), with and only with a NULL session,
              only in the session without end or without dates, not at all; ten alignments to UAs
              that do not exist; alignments moved, dropped and added in February
  projects    one without session, and one that nobody was given

In single learners (`CASES` says who; `odd_fates`, `odd_rows`)
  membership  pairs there twice, changes of group (one at local midnight) and of programme, in two
              groups, in none, left, left and back
  presence    deactivated, deactivated and back, late, without user
  rows        deleted, deleted and made again (a module after days, a UA within a minute), twice
  values      states NULL, marks NULL, above the scale, negative, scale NULL, progress above 100 and
              below 0
  dates       re-opened and done again with the first end kept, end before start, no start,
              no stamps
  hours       activity at 23:59:59, 00:00:00 and 00:40 local time, in the hour that comes twice and
              around the one that does not come
  feedback    in the very second of the submission; a learner without user, whose submissions
              nobody can tell; a task touched without being handed in, two days before a comment

In everybody
  bulks       statements that change a group's rows and move no timestamp
  upkeep      nights on which a script recomputes every realisation row: `dernier_update` and
              `updated_at` move, and nothing else

What happens to anybody by chance (late, idle, stuck, re-opened, unanswered, answered before the
submission, NULL marks, times without stamps) is in `fate`, `work` and `exchange`.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from .clock import Calendar
from .dictionaries import DONE, STAGES_IN_PROGRESS
from .life import Life
from .odd_rows import RARE_CASES, touch_up_at_clock_changes
from .unit_rows import Change

CASES = {
    "pair_twice": 3,
    "team_pair_twice": 4,
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
    "touched_not_handed_in": 36,
}
"""The learner (id) of each case. `clock_changes` is also every 30th learner after him."""

_NAMES = {learner: name for name, learner in CASES.items()}
CLOCK_CHANGES_EVERY = 30
UAS_NEEDED = 4
"""How many UAs a module must have for the cases of single rows."""


def case_of(learner: int) -> str | None:
    """Return the name of a learner's case; None for an ordinary learner."""
    return _NAMES.get(learner)


class Bulk(NamedTuple):
    """A statement run by hand on the rows of a group's learners for one UA.

    It closes those in progress, or gives a mark more. The UA is the one taught then, or some
    sessions before.
    """

    at: datetime
    group: int
    sessions_back: int
    closes: bool


def bulks(calendar: Calendar) -> list[Bulk]:
    """Return the statements of the year."""
    return [
        Bulk(calendar.at(11, 26, 11), 1, 3, closes=False),
        Bulk(calendar.at(1, 20, 10, 30), 2, 0, closes=True),
        Bulk(calendar.at(2, 10, 15), 3, 3, closes=False),
        Bulk(calendar.at(2, 18, 12), 6, 0, closes=True),
        Bulk(calendar.at(3, 3, 0, 20), 2, 4, closes=False),
        Bulk(calendar.at(5, 5, 9, 15), 1, 1, closes=True),
    ]


def upkeep_nights(calendar: Calendar) -> list[datetime]:
    """Return when a script rewrites every row: before or after the capture, once in the evening."""
    return [
        calendar.at(10, 18, 2, 30),
        calendar.at(12, 13, 0, 50),
        calendar.at(2, 7, 0, 50),
        calendar.at(2, 21, 2, 30),
        calendar.at(4, 18, 22, 15),
    ]


def alter_life(life: Life) -> None:
    """Add to a year of work what `CASES` and the bulks say of the learner."""
    alter = RARE_CASES.get(case_of(life.learner) or "")
    if alter is not None and life.runs and len(life.runs[0].units) >= UAS_NEEDED:
        alter(life, life.organisation.calendar)
    if life.learner % CLOCK_CHANGES_EVERY == CASES["clock_changes"]:
        touch_up_at_clock_changes(life, life.organisation.calendar)
    for bulk in bulks(life.organisation.calendar):
        if any(stay.group == bulk.group and stay.holds_at(bulk.at) for stay in life.fate.stays):
            _apply(bulk, life)


def _apply(bulk: Bulk, life: Life) -> None:
    organisation = life.organisation
    day = organisation.calendar.on(bulk.at.month, bulk.at.day)
    programme = organisation.programme_of(bulk.group)
    ua = organisation.ua_taught_on(programme, day, bulk.sessions_back)
    for run in life.runs_of(ua):
        run.units[ua][0].rewrite(bulk.at, _closed if bulk.closes else _marked_up, silent=True)


def _marked_up(change: Change) -> Change:
    if change.note is None or not change.scale:
        return change
    return change._replace(note=min(change.note + 1.0, change.scale))


def _closed(change: Change) -> Change:
    if change.state not in STAGES_IN_PROGRESS:
        return change
    return change._replace(state=DONE, progress=100.0)
