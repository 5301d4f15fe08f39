"""The reference capture, on examples worked out by hand."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.reference.calendar import Calendar
from tests.reference.capture import CaptureReport, Counts, capture
from tests.reference.history import FOREVER, History, Realisation, Reject
from tests.worlds import (
    NOBODY,
    Row,
    membership_row,
    realisation_row,
    scope_rows,
    target_rows,
)

CALENDAR = Calendar()
TICK = timedelta(microseconds=1)
# Casablanca is at UTC+1 in these days: they end at 23:00 UTC, and 01:30 UTC is 02:30 local.
MONDAY, TUESDAY, WEDNESDAY = date(2026, 1, 12), date(2026, 1, 13), date(2026, 1, 14)
DONE: Row = {"state_code": "DONE", "state_order": 3, "is_final": True, "progress_pct": 100}
DOING: Row = {"state_code": "IN_PROGRESS", "state_order": 2, "progress_pct": 50}


def at(day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    """Return an instant of January 2026, UTC."""
    return datetime(2026, 1, day, hour, minute, second)


def end_of(day: int) -> datetime:
    """Return the last instant of a local day of January 2026."""
    return datetime(2026, 1, day, 23) - TICK


def source(**relations: list[Row]) -> dict[str, list[Row]]:
    """Return a source of two learners and the usual tree, with the relations given."""
    empty: dict[str, list[Row]] = {name: [] for name in ("realisation", "membership", "plan")}
    known = {"scope": scope_rows([1, 2]), "target": target_rows(None, None, set()), "feedback": []}
    return {**empty, **known, **relations}


def capture_on(
    history: History, day: date, captured_at: datetime | None = None, **relations: list[Row]
) -> CaptureReport:
    """Capture in the night after the day, at 01:30 UTC unless told otherwise."""
    night = datetime(day.year, day.month, day.day, 1, 30) + timedelta(days=1)
    return capture(history, source(**relations), day, captured_at or night, CALENDAR)


def micro(**fields: Any) -> list[Row]:
    """Return one realisation: that of learner 1 on micro-competence 1."""
    return [realisation_row("MICRO_COMPETENCE", 1, 1, **fields)]


def begun(**relations: list[Row]) -> History:
    """Return the history after Monday's capture, the first."""
    history = History()
    capture_on(history, MONDAY, None, **relations)
    return history


def spans(history: History) -> list[tuple[str, datetime, datetime]]:
    """Return the realisations' versions as (state, from, to)."""
    versions = sorted(history.realisations, key=lambda version: version.valid_from)
    return [(version.state_code, version.valid_from, version.valid_to) for version in versions]


def last(history: History) -> Realisation:
    """Return the latest version of the only realisation."""
    return max(history.realisations, key=lambda version: version.valid_from)


# The first capture


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, [("TODO", end_of(12), FOREVER)], id="no date proves anything"),
        pytest.param({"created_at": at(5, 9)}, [("TODO", at(5, 9), FOREVER)], id="created"),
        pytest.param(
            {"created_at": at(5, 9), "last_activity_at": at(7, 9)},
            [("TODO", at(5, 9), at(7, 9)), ("TODO", at(7, 9), FOREVER)],
            id="touched while not started",
        ),
        pytest.param(
            DOING | {"created_at": at(5, 9), "started_at": at(6, 9), "last_activity_at": at(7, 9)},
            [
                ("TODO", at(5, 9), at(6, 9)),
                ("UNKNOWN", at(6, 9), at(7, 9)),
                ("IN_PROGRESS", at(7, 9), FOREVER),
            ],
            id="in progress",
        ),
        pytest.param(
            DONE | {"started_at": at(6, 9), "finished_at": at(8, 9), "last_activity_at": at(9, 9)},
            [("UNKNOWN", at(6, 9), at(8, 9)), ("DONE", at(8, 9), FOREVER)],
            id="done: from its end, not its last activity",
        ),
        pytest.param(
            DONE | {"created_at": at(5, 9), "started_at": at(4, 9), "finished_at": at(8, 9)},
            [("UNKNOWN", at(4, 9), at(8, 9)), ("DONE", at(8, 9), FOREVER)],
            id="started before it was created: never in TODO",
        ),
        pytest.param(
            DOING | {"created_at": at(5, 9), "started_at": at(8, 9), "last_activity_at": at(7, 9)},
            [("TODO", at(5, 9), at(7, 9)), ("IN_PROGRESS", at(7, 9), FOREVER)],
            id="active before it started",
        ),
        pytest.param(
            DONE | {"finished_at": at(20, 9), "last_activity_at": at(13, 1, 30)},
            [("DONE", at(13, 1, 30), FOREVER)],
            id="a date in the future proves nothing",
        ),
    ],
)
def test_first_capture_reconstructs_what_dates_prove(
    fields: Row, expected: list[tuple[str, datetime, datetime]]
) -> None:
    history = begun(realisation=micro(**fields))
    assert spans(history) == expected
    assert {version.origin for version in history.realisations} == {"RECONSTRUCTED"}


def test_first_capture_dates_memberships_and_plans_back() -> None:
    history = History()
    memberships = [
        membership_row("APPRENANT", 1, 1, at(3, 8)),
        membership_row("GROUPE", 1, 1, at(5, 8)),
        membership_row("GROUPE", 2, 1),
        membership_row("GROUPE", 2, 2),
        membership_row("SESSION", 1, 1, at(20, 23), at(30, 23)),
    ]
    plans = [
        {"scope_type": "GROUPE", "scope_ref_id": 1, "ua_ref_id": 1, "due_on": MONDAY},
        {"scope_type": "GROUPE", "scope_ref_id": 1, "ua_ref_id": 2, "due_on": MONDAY},
    ]
    plans = [plans[0] | {"created_at": at(2, 8)}, plans[1] | {"created_at": None}]
    capture_on(history, MONDAY, membership=memberships, plan=plans)
    assert [version.valid_from for version in history.memberships] == [
        at(3, 8),
        at(5, 8),
        at(3, 8),  # as long as the learner
        datetime(1970, 1, 1),
        end_of(12),  # a session to come
    ]
    assert [version.valid_from for version in history.plans] == [at(2, 8), datetime(1970, 1, 1)]


# Later captures


@pytest.mark.parametrize(
    ("changed_at", "expected"),
    [
        (at(13, 15), at(13, 15)),
        (at(13, 1, 30), end_of(13)),  # the previous capture's own instant: stale
        (None, end_of(13)),
        (at(14, 1, 30) + TICK, end_of(13)),  # in the future
        (at(13, 23, 40), at(13, 23, 40)),  # 00:40 on Wednesday: does not count on Tuesday
    ],
)
def test_a_change_is_dated_by_changed_at_or_the_end_of_the_day(
    changed_at: datetime | None, expected: datetime
) -> None:
    history = begun(realisation=micro(created_at=at(5, 9)))
    changed = micro(created_at=at(5, 9), changed_at=changed_at, **DOING)
    report = capture_on(history, TUESDAY, realisation=changed)
    assert spans(history) == [("TODO", at(5, 9), expected), ("IN_PROGRESS", expected, FOREVER)]
    assert report.counts["realisation"] == Counts(changed=1)


def test_a_row_that_disappears_is_closed_and_reopened() -> None:
    history = begun(realisation=micro(created_at=at(5, 9)))
    assert capture_on(history, TUESDAY).counts["realisation"] == Counts(closed=1)
    back = micro(created_at=at(5, 9), changed_at=at(5, 9))
    report = capture_on(history, WEDNESDAY, realisation=back)
    assert report.counts["realisation"] == Counts(reopened=1)
    assert spans(history) == [("TODO", at(5, 9), end_of(13)), ("TODO", end_of(14), FOREVER)]


def test_a_second_capture_of_one_day_takes_the_place_of_the_first() -> None:
    history = begun(realisation=micro(created_at=at(5, 9)))
    capture_on(history, TUESDAY, realisation=micro(created_at=at(5, 9), **DOING))
    again = micro(created_at=at(5, 9), **DONE)
    capture_on(history, TUESDAY, at(14, 3), realisation=again)
    assert spans(history) == [("TODO", at(5, 9), end_of(13)), ("DONE", end_of(13), FOREVER)]
    capture_on(history, TUESDAY, at(14, 4))  # gone: the version never lasted
    assert spans(history) == [("TODO", at(5, 9), end_of(13))]


def test_memberships_open_at_active_from_when_it_is_new_and_change_at_the_end_of_the_day() -> None:
    history = begun()
    group = [membership_row("GROUPE", 1, 1, at(13, 9))]
    capture_on(history, TUESDAY, membership=group)
    assert [version.valid_from for version in history.memberships] == [at(13, 9)]
    moved = [membership_row("GROUPE", 1, 1, at(14, 9))]
    capture_on(history, WEDNESDAY, membership=moved)
    assert [version.valid_from for version in history.memberships] == [at(13, 9), end_of(14)]


# Which start and end to believe


@pytest.mark.parametrize(
    ("fields", "started_at", "finished_at"),
    [
        pytest.param({}, at(13, 15), at(13, 15), id="missing: when the change was"),
        pytest.param(
            {"started_at": at(13, 9), "finished_at": at(13, 14)},
            at(13, 9),
            at(13, 14),
            id="believed",
        ),
        pytest.param(
            {"started_at": at(13, 1, 30), "finished_at": at(14, 1, 30)},
            at(13, 1, 30),
            at(14, 1, 30),
            id="believed at the very captures",
        ),
        pytest.param(
            {"started_at": at(13, 1, 29), "finished_at": at(14, 1, 31)},
            at(13, 15),
            at(13, 15),
            id="contradicted: not started then, done already",
        ),
        pytest.param(
            {"started_at": at(5, 9), "finished_at": at(13, 9)},
            at(13, 9),
            at(13, 9),
            id="a replaced start is not later than the end",
        ),
    ],
)
def test_dates_are_believed_unless_the_history_contradicts(
    fields: Row, started_at: datetime, finished_at: datetime
) -> None:
    history = begun(realisation=micro(started_at=at(5, 9)))
    assert last(history).started_at is None  # TODO, whatever the source says
    done = micro(changed_at=at(13, 15), **DONE, **fields)
    capture_on(history, TUESDAY, realisation=done)
    assert (last(history).started_at, last(history).finished_at) == (started_at, finished_at)


def test_an_end_before_a_believed_start_is_set_aside() -> None:
    history = begun(realisation=micro())
    done = micro(started_at=at(13, 14), finished_at=at(13, 9), **DONE)
    reject = Reject("realisation", "MICRO_COMPETENCE:1:1", "finished_at", "finish_before_start")
    for day in (TUESDAY, WEDNESDAY):
        assert capture_on(history, day, realisation=done).rejects == [reject]
    assert (last(history).started_at, last(history).finished_at) == (at(13, 14), None)
    assert history.rejects == {reject: (at(14, 1, 30), at(15, 1, 30))}


def test_a_row_done_again_counts_at_its_new_end_and_keeps_its_start() -> None:
    dates = {"started_at": at(6, 9), "finished_at": at(8, 9)}
    history = begun(realisation=micro(**DONE, **dates))
    assert last(history).finished_at == at(8, 9)
    capture_on(history, TUESDAY, realisation=micro(**DOING, **dates))
    assert (last(history).started_at, last(history).finished_at) == (at(6, 9), None)
    again = micro(changed_at=at(14, 10), **DONE, **dates)
    capture_on(history, WEDNESDAY, realisation=again)
    assert (last(history).started_at, last(history).finished_at) == (at(6, 9), at(14, 10))


def test_an_end_written_late_does_not_move_the_figure() -> None:
    history = begun(realisation=micro(**DOING, started_at=at(6, 9)))
    done = DONE | {"started_at": at(6, 9)}
    capture_on(history, TUESDAY, realisation=micro(changed_at=at(13, 15), **done))
    late = micro(changed_at=at(14, 9), finished_at=at(14, 9), **done)
    capture_on(history, WEDNESDAY, realisation=late)
    assert (last(history).valid_from, last(history).finished_at) == (at(14, 9), at(13, 15))


def test_an_absence_ends_the_run() -> None:
    doing = micro(**DOING, started_at=None, last_activity_at=at(6, 9))
    history = begun(realisation=doing)
    assert last(history).started_at == at(6, 9)
    capture_on(history, TUESDAY)
    capture_on(history, WEDNESDAY, realisation=doing)
    assert last(history).started_at == end_of(14)


# What cannot be used


def test_unusable_fields_are_set_aside_and_the_rest_kept() -> None:
    bad = [
        realisation_row("UA", 1, 1, progress_pct=120, score=-1, score_max=10),
        realisation_row("UA", 2, 1, progress_pct=-1, score=25, score_max=20),
        realisation_row("UA", 3, 1, progress_pct=100, score=3, score_max=-20),
        realisation_row("UA", NOBODY, 1),
        realisation_row("UA", 1, NOBODY, progress_pct=120),
    ]
    history = History()
    report = capture_on(history, MONDAY, realisation=bad)
    assert [(v.progress_pct, v.score, v.score_max) for v in history.realisations] == [
        (None, None, Decimal(10)),
        (None, Decimal(25), Decimal(20)),
        (Decimal(100), Decimal(3), None),
    ]
    assert [(r.source_key, r.field, r.reason) for r in report.rejects] == [
        ("UA:1:1", "progress_pct", "progress_outside_0_100"),
        ("UA:1:1", "score", "negative_score"),
        ("UA:2:1", "progress_pct", "progress_outside_0_100"),
        ("UA:2:1", "score", "score_above_scale"),
        ("UA:3:1", "score_max", "negative_score_max"),
        (f"UA:{NOBODY}:1", "", "unknown_target"),
        (f"UA:1:{NOBODY}", "", "unknown_learner"),
    ]
    assert report.counts["realisation"] == Counts(new=3, rejected=7)


def test_feedback_is_fixed_when_first_captured() -> None:
    event = {
        "kind": "TACHE",
        "submission_id": 7,
        "learner_id": 1,
        "target_type": "UA",
        "target_ref_id": 1,
    }
    event |= {"submitted_at": at(12, 9), "feedback_at": at(12, 9), "trainer_id": 1}
    history = begun(feedback=[event])
    later = [event | {"feedback_at": at(13, 9)}, event | {"target_ref_id": 2}]
    report = capture_on(history, TUESDAY, feedback=later)
    assert [(e.target_ref_id, e.feedback_at) for e in history.feedback] == [(1, None)]
    assert report.counts["feedback"] == Counts(unchanged=2, rejected=1)
    assert list(history.rejects) == [
        Reject("feedback", key, "feedback_at", "feedback_not_after_submission")
        for key in ("TACHE:7:1:UA:1", "TACHE:7:1:UA:2")
    ]
