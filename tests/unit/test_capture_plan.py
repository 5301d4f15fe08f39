"""Whether a run captures: history is written forwards only."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from kpi.core.errors import InputError
from kpi.history.capture import Last, Plan, planned

ZONE = "Africa/Casablanca"
DAY = date(2026, 2, 15)  # from 2026-02-14 23:00 to 2026-02-16 00:00 UTC
NIGHT = datetime(2026, 2, 16, 1, 30)
LATER = datetime(2026, 3, 1, 12)
SECOND = timedelta(seconds=1)


def plan(
    day: date = DAY,
    captured_at: datetime | None = None,
    now: datetime = NIGHT,
    last: Last | None = None,
) -> Plan | None:
    return planned(day, captured_at, now, last, ZONE)


def test_the_first_capture_has_nothing_before_it() -> None:
    assert plan() == Plan(DAY, NIGHT, None)
    assert plan(captured_at=NIGHT, now=LATER) == Plan(DAY, NIGHT, None)


def test_the_next_night_follows_the_last_capture() -> None:
    last = Last(date(2026, 2, 14), datetime(2026, 2, 15, 0, 30))
    assert plan(last=last) == Plan(DAY, NIGHT, last.captured_at)


def test_a_day_before_the_last_captured_one_is_computed_from_history() -> None:
    last = Last(DAY, NIGHT)
    before = date(2026, 2, 14)
    assert plan(before, last=last, now=LATER) is None
    assert plan(before, captured_at=LATER, now=LATER, last=last) is None


def test_an_instant_before_the_last_capture_is_computed_from_history() -> None:
    assert plan(captured_at=NIGHT - SECOND, now=LATER, last=Last(DAY, NIGHT)) is None


def test_a_day_whose_end_was_captured_is_not_captured_again() -> None:
    assert plan(now=LATER, last=Last(DAY, NIGHT)) is None
    exactly_at_its_end = Last(DAY, datetime(2026, 2, 16))
    assert plan(now=LATER, last=exactly_at_its_end) is None


def test_a_day_captured_before_its_end_is_captured_again() -> None:
    noon = datetime(2026, 2, 15, 12)
    assert plan(now=NIGHT, last=Last(DAY, noon)) == Plan(DAY, NIGHT, noon)
    last_second = datetime(2026, 2, 16) - SECOND
    assert plan(now=NIGHT, last=Last(DAY, last_second)) == Plan(DAY, NIGHT, last_second)


def test_an_instant_given_captures_the_day_again() -> None:
    assert plan(captured_at=NIGHT, now=LATER, last=Last(DAY, NIGHT)) == Plan(DAY, NIGHT, NIGHT)


def test_an_instant_in_the_future_is_refused() -> None:
    with pytest.raises(InputError, match=r"instant 2026-02-16 01:30:01\+00:00 lies in the future"):
        plan(captured_at=NIGHT + SECOND)


def test_an_instant_before_the_day_begins_is_refused() -> None:
    begin = datetime(2026, 2, 14, 23)
    assert plan(captured_at=begin) == Plan(DAY, begin, None)
    with pytest.raises(InputError, match=r"lies before the day 2026-02-15 begins; .* give a later"):
        plan(captured_at=begin - SECOND)
