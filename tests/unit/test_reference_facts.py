"""The reference figures, on examples worked out by hand."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from tests.reference.calendar import Calendar
from tests.reference.facts import (
    four_places,
    percentile,
    percentile_rows,
    state_rows,
    value_rows,
)
from tests.reference.history import Feedback, History
from tests.small_history import LONG_AGO, done, group, history, plan, work

CALENDAR = Calendar()
MONDAY = date(2026, 1, 12)  # from 2026-01-11 23:00 UTC to 2026-01-12 23:00 UTC
TICK = timedelta(microseconds=1)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """Return an instant of January 2026, UTC."""
    return datetime(2026, 1, day, hour, minute)


def value(given: History, target: tuple[str, int], metric: str, day: date = MONDAY) -> Any:
    """Return group 1's row of one metric, None when there is none."""
    return value_rows(given, day, CALENDAR).get(("GROUPE", 1, *target, metric))


# Arithmetic


@pytest.mark.parametrize(
    ("number", "rounded"),
    [
        (Fraction(1, 3), "0.3333"),
        (Fraction(2, 3), "0.6667"),
        (Fraction(1, 20_000), "0.0001"),  # a half goes away from zero
        (Fraction(-1, 20_000), "-0.0001"),
        (Fraction(73), "73"),
    ],
)
def test_four_places(number: Fraction, rounded: str) -> None:
    assert four_places(number) == Decimal(rounded)


def test_percentiles_interpolate() -> None:
    sample = [Fraction(n) for n in (40, 10, 30, 20)]
    assert percentile(sample, Fraction(1, 2)) == 25
    assert percentile(sample, Fraction(3, 4)) == Fraction(65, 2)  # position 2.25
    assert percentile(sample, Fraction(9, 10)) == 37  # position 2.7
    assert percentile(sample[:1], Fraction(9, 10)) == 40


# Means


def test_progression_is_the_mean_over_rows_that_have_one() -> None:
    given = history(
        group(1),
        group(2),
        group(3),
        work("MODULE", 1, 1, progress_pct=Decimal(50)),
        work("MODULE", 1, 2, progress_pct=Decimal(25), origin="RECONSTRUCTED"),
        work("MODULE", 1, 3, progress_pct=None, origin="RECONSTRUCTED"),
        work("MODULE", 1, 4, progress_pct=Decimal(100)),  # not in the group
        work("COMPETENCE", 1, 1, progress_pct=Decimal(80)),  # another level's
    )
    expected = (Decimal("37.5"), None, None, 2, {"reconstructed": 1})
    assert value(given, ("MODULE", 1), "PROGRESSION_MOY") == expected
    assert value(given, ("COMPETENCE", 1), "PROGRESSION_MOY") == (80, None, None, 1, None)
    assert value(given, ("COMPETENCE", 2), "PROGRESSION_MOY") is None


def test_score_is_out_of_a_hundred_where_the_scale_is_positive() -> None:
    given = history(
        group(1),
        group(2),
        group(3),
        work("MODULE", 1, 1, score=Decimal(1), score_max=Decimal(3)),
        work("MODULE", 1, 2, score=Decimal(25), score_max=Decimal(20)),
        work("MODULE", 1, 3, score=Decimal(5), score_max=Decimal(0)),
    )
    # (33.333… + 125) / 2
    expected = (Decimal("79.1667"), None, None, 2, None)
    assert value(given, ("MODULE", 1), "SCORE_NORM") == expected


# Shares


def test_acquired_competences_are_those_final_under_the_target() -> None:
    given = history(
        group(1), group(2), done("COMPETENCE", 1, 1), work("COMPETENCE", 2, 1), work("UA", 1, 1)
    )
    given.realisations.append(work("COMPETENCE", 1, 2))
    module = value(given, ("MODULE", 1), "PCT_ACQUIS")
    assert module == (Decimal("33.3333"), 1, 3, 3, None)
    assert value(given, ("COMPETENCE", 1), "PCT_ACQUIS") == (50, 1, 2, 2, None)


def test_coverage_takes_the_earliest_date_over_groups_and_pairs_without_rows() -> None:
    tomorrow = MONDAY + timedelta(days=1)
    given = history(
        group(1),
        group(2),
        group(2, ref=2),
        plan(1, MONDAY),
        plan(2, tomorrow),
        plan(2, MONDAY, group_ref=2),  # so UA 2 is due for learner 2 only
        done("UA", 1, 1, origin="RECONSTRUCTED"),
        done("UA", 2, 1),  # done ahead of its date
        work("UA", 2, 2),
    )
    module = value(given, ("MODULE", 1), "PCT_COUVERTURE_UA")
    assert module == (Decimal("33.3333"), 1, 3, 3, {"reconstructed": 1})
    assert value(given, ("UA", 1), "PCT_COUVERTURE_UA") == (50, 1, 2, 2, {"reconstructed": 1})
    assert value(given, ("UA", 2), "PCT_COUVERTURE_UA") == (0, 0, 1, 1, None)
    next_day = value(given, ("UA", 2), "PCT_COUVERTURE_UA", tomorrow)
    assert next_day == (50, 1, 2, 2, None)


def test_inactive_is_no_activity_in_the_seven_local_days() -> None:
    week = datetime(2026, 1, 5, 23)  # 2026-01-06 00:00 local
    started = {"started_at": LONG_AGO}
    given = history(
        *[group(learner) for learner in (1, 2, 3, 4, 5)],
        work("MICRO_COMPETENCE", 1, 1, last_activity_at=week, **started),
        work("MICRO_COMPETENCE", 1, 2, last_activity_at=week - TICK, **started),
        work("MICRO_COMPETENCE", 1, 3, last_activity_at=None, **started),
        work("MICRO_COMPETENCE", 1, 4, state_code="TODO", state_order=1),
        done("MICRO_COMPETENCE", 1, 5, **started),
    )
    expected = (Decimal("66.6667"), 2, 3, 3, None)
    assert value(given, ("COMPETENCE", 1), "INACTIVITE_7J") == expected


# Delays


def test_acquisition_counts_ends_within_the_local_day() -> None:
    started = {"started_at": at(10, 23)}
    given = history(
        *[group(learner) for learner in (1, 2, 3, 4, 5)],
        done("MICRO_COMPETENCE", 1, 1, finished_at=at(11, 23), **started),  # 1 day
        done("MICRO_COMPETENCE", 1, 2, finished_at=at(12, 5), **started),  # 1.25 days
        done("MICRO_COMPETENCE", 1, 3, finished_at=at(12, 23), **started),  # Tuesday
        done("MICRO_COMPETENCE", 1, 4, finished_at=at(11, 23) - TICK, **started),  # Sunday
        done("MICRO_COMPETENCE", 1, 5, finished_at=at(12, 5)),  # no start
    )
    metric = value(given, ("MICRO_COMPETENCE", 1), "DELAI_ACQUIS_MICRO")
    assert metric == (Decimal("1.125"), None, None, 2, None)
    rows = percentile_rows(given, MONDAY, CALENDAR)
    row = (Decimal("1.125"), Decimal("1.1875"), Decimal("1.225"), 2)
    for target in (("MICRO_COMPETENCE", 1), ("COMPETENCE", 1), ("MODULE", 1), ("GLOBAL", 0)):
        assert rows.pop(("GROUPE", 1, *target, "DELAI_ACQUIS_MICRO")) == row
    assert rows == {}
    week = percentile_rows(given, MONDAY, CALENDAR, MONDAY - timedelta(days=6))
    assert week[("GROUPE", 1, "GLOBAL", 0, "DELAI_ACQUIS_MICRO")][3] == 3


def test_a_days_length_is_24_hours_across_a_clock_change() -> None:
    given = history(
        group(1),
        done(
            "COMPETENCE",
            1,
            1,
            started_at=datetime(2026, 2, 14, 23),  # 00:00 local, at UTC+1
            finished_at=datetime(2026, 2, 16) - TICK,  # 23:59:59.999999 local, at UTC+0
        ),
    )
    rows = percentile_rows(given, date(2026, 2, 15), CALENDAR)
    days = Decimal("1.0417")  # 25 h less a microsecond
    key = ("GROUPE", 1, "COMPETENCE", 1, "DELAI_ACQUIS_COMP")
    assert rows[key] == (days, days, days, 1)


def test_a_submission_counts_once_per_target_and_without_ua_at_global_only() -> None:
    def event(submission: int, target: tuple[str, int], hours: int) -> Feedback:
        submitted = at(12, 20) - timedelta(hours=hours)
        return Feedback("TACHE", submission, *target, 1, submitted, at(12, 20), 5, at(13, 1))

    given = history(
        group(1),
        event(1, ("UA", 1), 10),
        event(1, ("UA", 2), 10),
        event(2, ("UA", 2), 21),
        event(3, ("GLOBAL", 0), 100),
    )
    given.feedback.append(Feedback("TACHE", 4, "UA", 1, 1, at(12, 9), None, None, at(13, 1)))
    given.feedback.append(Feedback("TACHE", 5, "UA", 1, 2, at(12, 9), at(12, 10), 5, at(13, 1)))
    micro = value(given, ("MICRO_COMPETENCE", 1), "DELAI_FEEDBACK")
    assert micro == (Decimal("15.5"), None, None, 2, None)
    rows = percentile_rows(given, MONDAY, CALENDAR)
    p50, _, _, size = rows[("GROUPE", 1, "GLOBAL", 0, "DELAI_FEEDBACK")]
    assert (p50, size) == (Decimal(21), 3)


# States


def test_states_count_at_every_level_above_and_have_one_order() -> None:
    given = history(
        group(1),
        group(2),
        work("UA", 1, 1),
        work("UA", 2, 2, state_order=5),
        work("MICRO_COMPETENCE", 2, 1, state_code="UNKNOWN", state_order=999),
    )
    rows = state_rows(given, MONDAY, CALENDAR)
    doing = {
        ("GROUPE", 1, *target, "UA", "IN_PROGRESS"): (5, 2)
        for target in (
            ("MICRO_COMPETENCE", 1),
            ("COMPETENCE", 1),
            ("MODULE", 1),
            ("REFERENTIEL", 1),
            ("GLOBAL", 0),
        )
    }
    unknown = {
        ("GROUPE", 1, *target, "MICRO_COMPETENCE", "UNKNOWN"): (999, 1)
        for target in (("MICRO_COMPETENCE", 2), ("GLOBAL", 0))  # no parent: under GLOBAL
    }
    own = {
        ("GROUPE", 1, "UA", 1, "UA", "IN_PROGRESS"): (5, 1),
        ("GROUPE", 1, "UA", 2, "UA", "IN_PROGRESS"): (5, 1),
    }
    assert rows == {**doing, **unknown, **own}


# As of


@pytest.mark.parametrize(
    ("fields", "is_member"),
    [
        ({}, True),
        ({"valid_from": at(12, 23) - TICK}, True),
        ({"valid_from": at(12, 23)}, False),
        ({"valid_to": at(12, 23)}, True),
        ({"valid_to": at(12, 23) - TICK}, False),
        ({"active_from": at(12, 23) - TICK}, True),
        ({"active_from": at(12, 23)}, False),
        ({"active_to": at(12, 23)}, True),  # a session's last day
        ({"active_to": at(12, 23) - TICK}, False),
    ],
)
def test_members_are_those_at_the_end_of_the_local_day(fields: Any, is_member: bool) -> None:
    given = history(group(1, **fields), work("UA", 1, 1))
    assert bool(state_rows(given, MONDAY, CALENDAR)) is is_member
