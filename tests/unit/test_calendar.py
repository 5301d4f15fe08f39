"""Local days, instants and changes of offset."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from kpi.core import local_days
from kpi.core.errors import InputError

CASABLANCA = "Africa/Casablanca"
# Local days that do not last 24 h, 2025 to the end of the changes.
UNUSUAL = {
    date(2025, 2, 23): 25,
    date(2025, 4, 6): 23,
    date(2026, 2, 15): 25,
    date(2026, 3, 22): 23,
    date(2026, 9, 20): 25,
}


def test_zone_data_are_current() -> None:
    local_days.require_current_zone_data()


def test_days_that_do_not_last_24_hours() -> None:
    days = local_days.local_days(date(2025, 1, 1), date(2028, 12, 31), CASABLANCA)
    hours = {day.date_id: (day.utc_end - day.utc_start) / timedelta(hours=1) for day in days}
    assert {day: length for day, length in hours.items() if length != 24} == UNUSUAL


def test_a_day_ends_where_the_next_begins() -> None:
    days = list(local_days.local_days(date(2025, 1, 1), date(2027, 12, 31), CASABLANCA))
    assert len(days) == 3 * 365
    for day, following in pairwise(days):
        assert day.utc_end == following.utc_start
        assert following.date_id == day.date_id + timedelta(days=1)


@pytest.mark.parametrize(
    ("day", "start"),
    [
        (date(2026, 2, 15), datetime(2026, 2, 14, 23)),
        (date(2026, 2, 16), datetime(2026, 2, 16)),
        (date(2026, 3, 22), datetime(2026, 3, 22)),
        (date(2026, 3, 23), datetime(2026, 3, 22, 23)),
        (date(2026, 9, 20), datetime(2026, 9, 19, 23)),
        (date(2026, 9, 21), datetime(2026, 9, 21)),
        (date(2026, 11, 22), datetime(2026, 11, 22)),
    ],
)
def test_first_instant_of_a_day(day: date, start: datetime) -> None:
    found = local_days.utc_start(day, CASABLANCA)
    assert (type(found), found) == (datetime, start)
    assert local_days.local_date(start, CASABLANCA) == day
    assert local_days.local_date(start - timedelta(microseconds=1), CASABLANCA) == day - timedelta(
        1
    )


def test_a_day_whose_midnight_is_skipped_begins_at_its_first_instant() -> None:
    # Cairo's clocks went from 00:00 to 01:00 on that day.
    assert local_days.utc_start(date(2024, 4, 26), "Africa/Cairo") == datetime(2024, 4, 25, 22)


def test_iso_weeks_from_2020_to_2030() -> None:
    for day in local_days.local_days(date(2020, 1, 1), date(2030, 12, 31), CASABLANCA):
        expected = day.date_id.isocalendar()
        assert (day.iso_year, day.iso_week) == (expected.year, expected.week)
        assert (day.y, day.m, day.d) == day.date_id.timetuple()[:3]


@pytest.mark.parametrize(
    ("day", "iso_year", "iso_week"),
    [
        (date(2021, 1, 3), 2020, 53),
        (date(2024, 12, 30), 2025, 1),
        (date(2026, 12, 31), 2026, 53),
        (date(2027, 1, 3), 2026, 53),
        (date(2027, 1, 4), 2027, 1),
    ],
)
def test_iso_weeks_around_new_year(day: date, iso_year: int, iso_week: int) -> None:
    (row,) = local_days.local_days(day, day, CASABLANCA)
    assert (row.iso_year, row.iso_week) == (iso_year, iso_week)


@pytest.mark.parametrize("text", ["2026-02-30", "2026-2-3", "20260215", "2026-02-15T00", "", "x"])
def test_what_is_no_day_is_named(text: str) -> None:
    with pytest.raises(InputError, match=r"is not a day; write it as YYYY-MM-DD") as error:
        local_days.parse_day(text)
    assert repr(text) in str(error.value)


def test_a_day_is_parsed() -> None:
    assert local_days.parse_day("2026-02-15") == date(2026, 2, 15)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-02-16T01:30:00+00:00", datetime(2026, 2, 16, 1, 30)),
        ("2026-02-16T01:30:00Z", datetime(2026, 2, 16, 1, 30)),
        ("2026-02-16T02:30:00.5+01:00", datetime(2026, 2, 16, 1, 30, 0, 500000)),
    ],
)
def test_an_instant_is_parsed_into_utc(text: str, instant: datetime) -> None:
    assert local_days.parse_instant(text) == instant


@pytest.mark.parametrize("text", ["2026-02-16T01:30:00", "2026-02-16", "now", ""])
def test_an_instant_without_offset_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"is not an ISO 8601 instant with its offset; write it"):
        local_days.parse_instant(text)


@pytest.mark.parametrize("zone", [CASABLANCA, "Europe/Paris", "America/New_York", "Africa/Cairo"])
def test_transitions_give_pythons_offset_for_every_wall_time(zone: str) -> None:
    changes = local_days.transitions(zone)
    assert [change.wall for change in changes] == sorted(change.wall for change in changes)
    walls = [datetime(2024, 1, 1) + timedelta(minutes=30 * step) for step in range(4 * 365 * 48)]
    position = 0
    for wall in walls:
        while wall >= changes[position].wall:
            position += 1
        offset = wall.replace(tzinfo=ZoneInfo(zone)).utcoffset()
        assert offset is not None
        assert changes[position].before == offset.total_seconds(), wall


def test_a_zone_without_changes_has_one_offset() -> None:
    assert local_days.transitions("UTC") == ((datetime.max, 0),)
    assert local_days.transitions("Etc/GMT-3") == ((datetime.max, 3 * 3600),)


def test_local_date_reads_a_naive_instant_as_utc() -> None:
    late = datetime(2026, 1, 31, 23, 30)
    assert local_days.local_date(late, CASABLANCA) == date(2026, 2, 1)
    aware = late.replace(tzinfo=UTC).astimezone(ZoneInfo(CASABLANCA))
    assert local_days.local_date(late, CASABLANCA) == aware.date()
