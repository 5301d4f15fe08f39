"""The reference rollups, on examples worked out by hand."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.reference import rollups
from tests.reference.calendar import Calendar
from tests.reference.history import Feedback, Membership, Plan, Realisation
from tests.reference.rollups import Past
from tests.reference.tiles import tile_rows
from tests.small_history import done, group, history, member, plan, work

CALENDAR = Calendar()
MODULE = ("GROUPE", 1, "MODULE", 1)
MICRO = ("GROUPE", 1, "MICRO_COMPETENCE", 1)


def jan(day: int) -> date:
    """Return a day of January 2026: the 12th is a Monday, the 18th its Sunday."""
    return date(2026, 1, day)


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12)


def past(
    *rows: Membership | Realisation | Plan | Feedback, first: date, last: date | None = None
) -> Past:
    """Return a past of which the days from `first` to `last` are done."""
    found = Past(history(*rows), CALENDAR)
    for day in rollups.days_between(first, last or first):
        found.compute(day)
    return found


def extra(as_of: date, days: int, complete: bool, **more: int) -> dict[str, Any]:
    return {"as_of": as_of.isoformat(), "days": days, "complete": complete, **more}


def acquired(learner: int, started: date, finished: date, micro: int = 1) -> Realisation:
    """Return a micro-competence that took whole days, from noon to noon."""
    instants = {"started_at": noon(started), "finished_at": noon(finished)}
    return done("MICRO_COMPETENCE", micro, learner, valid_from=noon(finished), **instants)


# Periods


@pytest.mark.parametrize(
    ("kind", "day", "first", "last"),
    [
        ("W", jan(12), jan(12), jan(18)),
        ("W", jan(18), jan(12), jan(18)),
        ("W", date(2027, 1, 1), date(2026, 12, 28), date(2027, 1, 3)),  # 2026-W53
        ("W", date(2026, 1, 31), date(2026, 1, 26), date(2026, 2, 1)),
        ("M", date(2026, 1, 31), jan(1), jan(31)),
        ("M", date(2026, 2, 1), date(2026, 2, 1), date(2026, 2, 28)),
        ("M", date(2028, 2, 15), date(2028, 2, 1), date(2028, 2, 29)),
        ("M", date(2026, 4, 30), date(2026, 4, 1), date(2026, 4, 30)),
        ("M", date(2026, 12, 31), date(2026, 12, 1), date(2026, 12, 31)),
    ],
)
def test_bounds(kind: str, day: date, first: date, last: date) -> None:
    assert rollups.bounds(kind, day) == (first, last)


def test_a_period_without_a_done_day_has_no_rows() -> None:
    given = past(group(1), work("MODULE", 1, 1, progress_pct=Decimal(50)), first=jan(11))
    assert rollups.value_rows(given, "W", jan(12)) == {}
    assert rollups.state_rows(given, "W", jan(12)) == {}
    assert rollups.percentile_rows(given, "W", jan(12)) == {}
    assert rollups.plan_rows(given, "W", jan(12)) == {}
    assert rollups.rolling_rows(given, jan(12)) == {}


def test_a_week_across_new_year_and_its_two_months() -> None:
    monday, thursday = date(2026, 12, 28), date(2026, 12, 31)
    rows = (
        group(1),
        work("MODULE", 1, 1, progress_pct=Decimal(50), valid_to=noon(date(2027, 1, 1))),
        work("MODULE", 1, 1, progress_pct=Decimal(80), valid_from=noon(date(2027, 1, 1))),
    )
    given = past(*rows, first=monday, last=date(2027, 1, 2))
    key = (*MODULE, "PROGRESSION_MOY")
    week = rollups.value_rows(given, "W", monday)[key]
    assert week == (80, None, None, 1, extra(date(2027, 1, 2), 6, False))
    assert rollups.value_rows(given, "W", date(2027, 1, 3))[key] == week
    month = rollups.value_rows(given, "M", monday)[key]
    assert month == (50, None, None, 1, extra(thursday, 31, True))
    month = rollups.value_rows(given, "M", date(2027, 1, 1))[key]
    assert month == (80, None, None, 1, extra(date(2027, 1, 2), 2, False))


# Closing days


def test_last_is_the_closing_day_not_the_mean_of_days() -> None:
    given = past(
        group(1),
        work("MODULE", 1, 1, progress_pct=Decimal(20), valid_to=noon(jan(18))),
        work("MODULE", 1, 1, progress_pct=Decimal(90), valid_from=noon(jan(18))),
        first=jan(12),
        last=jan(18),
    )
    key = (*MODULE, "PROGRESSION_MOY")
    week = rollups.value_rows(given, "W", jan(14))[key]
    assert week == (90, None, None, 1, extra(jan(18), 7, True))
    states = rollups.state_rows(given, "W", jan(14))
    assert states[(*MODULE, "MODULE", "IN_PROGRESS")] == (2, 1)


def session(ends: date) -> Membership:
    return member("SESSION", 1, 1, active_to=CALENDAR.utc_end(ends))


def test_a_session_that_ends_on_a_friday_closes_then() -> None:
    """For what is due, inactive or finished too: all after Friday is no more the session's."""
    friday, saturday = jan(16), jan(17)
    begun = {"started_at": noon(jan(1)), "last_activity_at": CALENDAR.utc_start(jan(10))}
    given = past(
        session(ends=friday),
        group(1),
        acquired(1, jan(13), jan(14)),
        acquired(1, jan(10), saturday, micro=2),
        work("COMPETENCE", 1, 1, progress_pct=Decimal(10)),
        work("MICRO_COMPETENCE", 1, 1, valid_to=noon(jan(14)), **begun),
        work("MICRO_COMPETENCE", 2, 1, valid_to=noon(saturday), **begun),
        plan(1, friday),
        plan(2, saturday),
        first=jan(12),
        last=jan(18),
    )
    week = rollups.value_rows(given, "W", jan(12))
    on_friday, on_sunday = extra(friday, 5, True), extra(jan(18), 7, True)
    micro = ("MICRO_COMPETENCE", 1, "DELAI_ACQUIS_MICRO")
    assert week[("SESSION", 1, *micro)] == (1, None, None, 1, on_friday)
    assert week[("GROUPE", 1, *micro)] == (1, None, None, 1, on_sunday)
    micro = ("MICRO_COMPETENCE", 2, "DELAI_ACQUIS_MICRO")
    assert ("SESSION", 1, *micro) not in week
    assert week[("GROUPE", 1, *micro)] == (7, None, None, 1, on_sunday)
    idle = ("MICRO_COMPETENCE", 2, "INACTIVITE_7J")  # the 10th is within 7 days of the 16th
    assert week[("SESSION", 1, *idle)] == (0, 0, 1, 1, on_friday)
    assert ("GROUPE", 1, *idle) not in week
    percentiles = rollups.percentile_rows(given, "W", jan(12))
    assert percentiles[("SESSION", 1, "GLOBAL", 0, "DELAI_ACQUIS_MICRO")] == (1, 1, 1, 1)
    assert percentiles[("GROUPE", 1, "GLOBAL", 0, "DELAI_ACQUIS_MICRO")][:1] == (4,)
    gaps = rollups.plan_rows(given, "W", jan(12))
    assert gaps[("SESSION", 1, "GLOBAL", 0)] == (1, 0, -1, 0)
    assert gaps[("GROUPE", 1, "GLOBAL", 0)] == (2, 0, -2, 0)
    assert not [key for key in rollups.value_rows(given, "W", jan(19)) if key[0] == "SESSION"]


def test_a_group_emptied_on_a_day_closes_the_day_before() -> None:
    rows = (
        group(1, valid_to=noon(jan(15))),
        group(2, ref=2),
        work("MODULE", 1, 1, progress_pct=Decimal(40)),
        work("MODULE", 1, 2, progress_pct=Decimal(60)),
    )
    given = past(*rows, first=jan(12), last=jan(16))
    week = rollups.value_rows(given, "W", jan(12))
    key = (*MODULE, "PROGRESSION_MOY")
    assert week[key] == (40, None, None, 1, extra(jan(14), 3, False))
    assert week[("GROUPE", 2, *key[2:])] == (60, None, None, 1, extra(jan(16), 5, False))
    # a closing day that is not done has no daily rows to take
    del given.values[jan(14)], given.states[jan(14)]
    assert key not in rollups.value_rows(given, "W", jan(12))
    assert not [key for key in rollups.state_rows(given, "W", jan(12)) if key[:2] == MODULE[:2]]


def test_a_deactivated_learner_is_not_in_the_closing_day() -> None:
    """The sample of the week is that of its end, whoever was there before."""
    given = past(
        group(1),
        group(2, valid_to=noon(jan(15))),
        acquired(1, jan(12), jan(13)),
        acquired(2, jan(10), jan(13)),
        first=jan(12),
        last=jan(18),
    )
    key = (*MICRO, "DELAI_ACQUIS_MICRO")
    week = rollups.value_rows(given, "W", jan(12))
    assert week[key] == (1, None, None, 1, extra(jan(18), 7, True))
    assert given.values[jan(13)][key] == (2, None, None, 2, None)


def test_recompute_takes_the_whole_period_and_tells_what_is_reconstructed() -> None:
    """The daily medians 1, 1 and 7 have the mean 3 and the median 1; the delays 1, 1, 6, 8 have 3.5."""
    given = past(
        *[group(learner) for learner in (1, 2, 3, 4)],
        acquired(1, jan(12), jan(13)),
        acquired(2, jan(13), jan(14)),
        acquired(3, jan(9), jan(15)),
        done(
            "MICRO_COMPETENCE",
            1,
            4,
            started_at=noon(jan(7)),
            finished_at=noon(jan(15)),
            valid_from=noon(jan(15)),
            origin="RECONSTRUCTED",
        ),
        first=jan(15),
    )
    week = rollups.value_rows(given, "W", jan(12))
    told = extra(jan(15), 4, False, reconstructed=1)
    assert week[(*MICRO, "DELAI_ACQUIS_MICRO")] == (Decimal("3.5"), None, None, 4, told)


# Sums of daily rows


def shares() -> Past:
    """Acquired competences: 1 of 1, then 1 of 1, then 1 of 4."""
    since = noon(jan(14))
    return past(
        group(1),
        group(2, valid_from=since),
        done("COMPETENCE", 1, 1, origin="RECONSTRUCTED", progress_pct=Decimal(100)),
        work("COMPETENCE", 1, 2, progress_pct=Decimal(0)),
        work("COMPETENCE", 2, 1, valid_from=since, progress_pct=Decimal(25)),
        work("COMPETENCE", 2, 2, progress_pct=Decimal(50)),
        first=jan(12),
        last=jan(14),
    )


def test_sums_of_daily_rows_by_rule() -> None:
    given = shares()
    key = (*MODULE, "PCT_ACQUIS")

    def week(rule: str) -> Any:
        return rollups.value_rows(given, "W", jan(12), {"PCT_ACQUIS": rule})[key]

    told = extra(jan(14), 3, False, reconstructed=3)
    assert week("RATIO_OF_SUMS") == (50, 3, 6, 6, told)
    assert week("WEIGHTED_MEAN") == (50, None, None, 6, told)
    assert week("SUM") == (225, 3, 6, 6, told)
    last = extra(jan(14), 3, False, reconstructed=1)
    assert week("LAST") == (25, 1, 4, 4, last)


def test_sums_are_complete_only_with_every_day() -> None:
    given = shares()
    for day in (jan(15), jan(16), jan(18)):
        given.compute(day)

    def told() -> Any:
        rules = {"PCT_ACQUIS": "SUM"}
        return rollups.value_rows(given, "W", jan(12), rules)[(*MODULE, "PCT_ACQUIS")][4]

    assert told() == extra(jan(18), 6, False, reconstructed=6)
    given.compute(jan(17))
    assert told() == extra(jan(18), 7, True, reconstructed=7)


# Rolling windows


def test_rolling_windows_weigh_days_and_leave_out_those_not_done() -> None:
    given = shares()
    rows = rollups.rolling_rows(given, jan(14))
    told = extra(jan(14), 3, False, reconstructed=3)
    assert rows[(*MODULE, "PCT_ACQUIS_R7")] == (50, 3, 6, 6, told)
    assert rows[(*MODULE, "PCT_ACQUIS_R30")] == (50, 3, 6, 6, told)
    progress = ("GROUPE", 1, "COMPETENCE", 1, "PROGRESSION_MOY_R7")
    assert rows[progress] == (75, None, None, 4, told)  # 100, 100 and twice 50
    del given.values[jan(13)]
    rows = rollups.rolling_rows(given, jan(14))
    told = extra(jan(14), 2, False, reconstructed=2)
    assert rows[(*MODULE, "PCT_ACQUIS_R7")] == (40, 2, 5, 5, told)
    assert rollups.rolling_rows(given, jan(13)) == {}


def test_rolling_windows_end_with_their_day_and_are_complete_with_all_days() -> None:
    given = past(
        group(1),
        work("MODULE", 1, 1, score=Decimal(5), score_max=Decimal(10), valid_to=noon(jan(7))),
        work("MODULE", 1, 1, score=Decimal(6), score_max=Decimal(10), valid_from=noon(jan(7))),
        first=jan(1),
        last=jan(13),
    )
    key = (*MODULE, "SCORE_NORM_R7")
    assert rollups.rolling_rows(given, jan(13))[key] == (60, None, None, 7, extra(jan(13), 7, True))
    on_12th = (Decimal("58.5714"), None, None, 7, extra(jan(12), 7, True))
    assert rollups.rolling_rows(given, jan(12))[key] == on_12th
    month = rollups.rolling_rows(given, jan(13))[(*MODULE, "SCORE_NORM_R30")]
    assert month == (Decimal("55.3846"), None, None, 13, extra(jan(13), 13, False))


def test_rolling_rows_are_of_scopes_with_members_today_and_of_days_as_they_were() -> None:
    given = past(
        group(1, valid_to=noon(jan(14))),
        group(1, ref=2, valid_from=noon(jan(14))),
        work("MODULE", 1, 1, progress_pct=Decimal(40)),
        acquired(1, jan(10), jan(12)),
        first=jan(12),
        last=jan(14),
    )
    rows = rollups.rolling_rows(given, jan(14))
    assert not [key for key in rows if key[:2] == ("GROUPE", 1)]
    told = extra(jan(14), 3, False)
    second = ("GROUPE", 2)
    assert rows[(*second, "MODULE", 1, "PROGRESSION_MOY_R7")] == (40, None, None, 1, told)
    delay = rows[(*second, "MICRO_COMPETENCE", 1, "DELAI_ACQUIS_MICRO_R7")]
    assert delay == (2, None, None, 1, extra(jan(14), 7, True))
    given.history.targets.clear()  # the daily rows keep the tree that they were computed with
    given.history.realisations.clear()
    assert (*second, "MODULE", 1, "PROGRESSION_MOY_R7") in rollups.rolling_rows(given, jan(14))


@pytest.mark.parametrize("changed", [date(2026, 2, 15), date(2026, 3, 22)])
def test_windows_across_a_clock_change_are_of_local_days(changed: date) -> None:
    start = CALENDAR.utc_start(changed - timedelta(days=3))
    end = CALENDAR.utc_end(changed + timedelta(days=3))
    tick = timedelta(microseconds=1)
    finishes = (start - tick, start, end - tick, end)
    given = past(
        *[group(learner) for learner in range(4)],
        *[
            done("MICRO_COMPETENCE", 1, n, started_at=at - timedelta(days=n), finished_at=at)
            for n, at in enumerate(finishes)
        ],
        first=changed + timedelta(days=3),
    )
    rows = rollups.rolling_rows(given, changed + timedelta(days=3))
    assert rows[(*MICRO, "DELAI_ACQUIS_MICRO_R7")][:4] == (Decimal("1.5"), None, None, 2)
    hours = (end - start) / timedelta(hours=1)
    assert hours == 24 * 7 + (1 if changed.month == 2 else -1)


# Plan gap


def test_plan_gap_counts_done_pairs_due_or_not() -> None:
    given = past(
        *[group(learner) for learner in (1, 2, 3, 4)],
        group(5, ref=2),
        plan(1, jan(14)),
        plan(2, jan(21)),
        *[done("UA", 1, learner) for learner in (1, 2, 3, 5)],
        done("UA", 2, 1),
        work("UA", 2, 2),
        first=jan(18),
    )
    for kind in ("W", "M"):
        gaps = rollups.plan_rows(given, kind, jan(18))
        assert gaps == {
            ("GROUPE", 1, "UA", 1): (4, 3, -1, 75),
            ("GROUPE", 1, "UA", 2): (0, 1, 1, None),
            MODULE: (4, 4, 0, 100),
            ("GROUPE", 1, "GLOBAL", 0): (4, 4, 0, 100),
        }


def test_plan_gap_of_a_learner_in_two_groups_takes_the_earliest_date() -> None:
    given = past(
        group(1),
        group(1, ref=2),
        group(2, ref=2),
        member("FORMATEUR", 9, 1),
        plan(1, jan(14)),
        plan(1, jan(21), group_ref=2),
        first=jan(18),
    )
    gaps = rollups.plan_rows(given, "W", jan(18))
    assert gaps[("GROUPE", 1, "UA", 1)] == (1, 0, -1, 0)
    assert gaps[("GROUPE", 2, "UA", 1)] == (1, 0, -1, 0)  # of two pairs planned, one is due
    assert gaps[("FORMATEUR", 9, "UA", 1)] == (1, 0, -1, 0)


# Tiles


def test_tiles_have_the_latest_of_each_period_for_all_pairs() -> None:
    fifty, sixty = (Decimal(50), None, None, 1, None), (Decimal(60), 3, 5, 5, {"days": 2})
    other = ("GROUPE", 2, "UA", 1)
    stored: Any = {
        ("D", jan(17)): {(*MODULE, "PROGRESSION_MOY"): fifty},
        ("D", jan(18)): {(*other, "PCT_COUVERTURE_UA"): sixty},
        ("D", jan(19)): {},
        ("W", jan(18)): {(*MODULE, "PROGRESSION_MOY"): fifty, (*MODULE, "PCT_ACQUIS"): sixty},
    }
    fifty_shown = {"value": 50, "numerator": None, "denominator": None, "sample_size": 1}
    fifty_shown["extra"] = None
    sixty_shown = {"value": 60, "numerator": 3, "denominator": 5, "sample_size": 5}
    sixty_shown["extra"] = {"days": 2}
    nothing = dict.fromkeys("DWMR")
    week = {"PROGRESSION_MOY": fifty_shown, "PCT_ACQUIS": sixty_shown}
    assert tile_rows(stored) == {
        MODULE: {**nothing, "W": (jan(18), week)},
        other: {**nothing, "D": (jan(18), {"PCT_COUVERTURE_UA": sixty_shown})},
    }
