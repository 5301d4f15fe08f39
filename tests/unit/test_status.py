"""The judgement: what was found goes in, levels come out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from kpi.core.settings import Settings
from kpi.status import judgement
from kpi.status.judgement import Item, worst
from kpi.status.reading import Day, Layout, State
from kpi.upkeep.retention.limits import limits
from kpi.vocabulary import DAILY_TABLES

TODAY = date(2026, 2, 16)
SETTINGS = Settings()


def days(*missing: int, dropped: int | None = None) -> tuple[Day, ...]:
    """Return the ten days before today, oldest first; of those in `missing` (days ago) only kpi_value is there."""
    return tuple(
        Day(TODAY - timedelta(ago), DAILY_TABLES[1:] if ago in missing else (), ago == dropped)
        for ago in range(10, 0, -1)
    )


WELL = State(
    instant=datetime(2026, 2, 16, 9),
    today=TODAY,
    due=TODAY - timedelta(1),
    days=days(),
    last_good=TODAY - timedelta(1),
    layouts={"kpi_value": Layout(date(2026, 6, 1), 0), "kpi_plan_gap": Layout(date(2026, 6, 1), 0)},
    oldest={("kpi_value", "D"): date(2026, 1, 5), ("kpi_value", "W"): date(2025, 9, 7)},
    retention=True,
)


def item(key: str, **changes: Any) -> Item:
    """Return one item of a state that is well but for some changes."""
    (found,) = (
        one for one in judgement.judged(replace(WELL, **changes), SETTINGS) if one.key == key
    )
    return found


def test_all_is_green_when_all_is_well() -> None:
    items = judgement.judged(WELL, SETTINGS)
    assert {one.level for one in items} == {"green"}
    assert {one.hint_en for one in items} == {""}
    assert worst(items) == "green"


def test_what_is_not_green_says_in_both_languages_what_to_do() -> None:
    bad = State(
        WELL.instant,
        TODAY,
        WELL.due,
        days(1, 4),
        TODAY - timedelta(2),
        3,
        datetime(2026, 2, 14),
        failures=(("kpi_daily", TODAY),),
    )
    wrong = [one for one in judgement.judged(bad, SETTINGS) if one.level != "green"]
    assert {one.key for one in wrong} == {"last_night", "gaps", "failures", "backlog"}
    for one in wrong:
        assert all((one.detail_fr, one.detail_en, one.hint_fr, one.hint_en, one.value)), one.key
    assert worst(wrong) == "red"


@pytest.mark.parametrize(
    ("ago", "level", "value"),
    [(1, "green", "2026-02-15"), (2, "amber", "2026-02-14"), (3, "red", "2026-02-13")],
)
def test_last_good_night(ago: int, level: str, value: str) -> None:
    found = item("last_night", last_good=TODAY - timedelta(ago))
    assert (found.level, found.value) == (level, value)
    assert f"up to {value}, {ago} day(s) ago" in found.detail_en
    assert f"jusqu'au {value}, il y a {ago} jour(s)" in found.detail_fr


def test_days_older_than_those_looked_at_are_there_all_the_same() -> None:
    """As after the demo, whose days lie months back."""
    long_ago = date(2025, 6, 30)
    found = item("last_night", days=(), last_good=long_ago)
    assert (found.level, found.value) == ("red", str(long_ago))
    assert (
        "up to 2025-06-30, 231 day(s) ago; 2026-02-15 is due: 230 day(s) late." in found.detail_en
    )
    assert "kpi_daily" in found.hint_en


def test_before_the_night_is_due_the_day_before_is_good_enough() -> None:
    assert (
        item("last_night", last_good=TODAY - timedelta(2), due=TODAY - timedelta(2)).level
        == "green"
    )


def test_a_new_database_has_no_night_yet() -> None:
    assert item("last_night", days=(), last_good=None).level == "amber"


def test_gaps_say_which_days_lack_what_and_the_backfill_for_them() -> None:
    found = item("gaps", days=days(3, 5))
    assert (found.level, found.value) == ("amber", "2")
    assert found.detail_en == (
        "Facts are missing: 2026-02-11 (kpi_state_count, kpi_percentiles), "
        "2026-02-13 (kpi_state_count, kpi_percentiles)."
    )
    assert found.hint_en == (
        'Trigger kpi_backfill with {"date_from": "2026-02-11", "date_to": "2026-02-13"}.'
    )


def test_what_retention_removed_or_was_before_the_first_night_is_no_gap() -> None:
    assert item("gaps", days=days(5, dropped=5)).level == "green"
    assert item("gaps", days=days(10, 9)).level == "green"


@pytest.mark.parametrize(
    ("age", "level"),
    [
        (timedelta(minutes=-30), "green"),  # noted by a session in another time zone
        (timedelta(minutes=90), "green"),
        (timedelta(hours=3), "amber"),
        (timedelta(hours=30), "red"),
    ],
)
def test_backlog(age: timedelta, level: str) -> None:
    found = item("backlog", waiting=7, oldest_change=WELL.instant - age)
    assert (found.level, found.value) == (level, "7")


@pytest.mark.parametrize(
    ("first", "rows", "level", "value"),
    [
        (date(2026, 6, 1), 0, "green", "+3"),
        (date(2026, 5, 1), 0, "amber", "+2"),
        (date(2026, 6, 1), 12, "amber", "+3"),
        (date(2026, 3, 1), 0, "red", "+0"),
        (date(2026, 1, 1), 12, "red", "-2"),
    ],
)
def test_partitions_ahead(first: date, rows: int, level: str, value: str) -> None:
    layouts = {**WELL.layouts, "kpi_value": Layout(first, rows)}
    found = item("partitions", layouts=layouts)
    assert (found.level, found.value) == (level, value)


def test_without_partitions_there_is_nothing_to_judge() -> None:
    assert item("partitions", layouts={}).level == "green"


@pytest.mark.parametrize("period", ["D", "W", "M", "R"])
def test_a_month_goes_on_the_first_day_on_which_retention_finds_it_expired(period: str) -> None:
    for month in (date(2024, 2, 29), date(2025, 12, 1), date(2026, 1, 31)):
        on = judgement.goes_on(month, period, SETTINGS)
        first = month.replace(day=1)
        assert period in limits(on, SETTINGS).expired(first)
        assert period not in limits(on - timedelta(1), SETTINGS).expired(first)


@pytest.mark.parametrize(
    ("oldest", "in_use", "level"),
    [
        (date(2026, 1, 5), True, "green"),
        (date(2025, 10, 5), True, "amber"),
        (date(2025, 10, 5), False, "green"),
    ],
)
def test_retention(oldest: date, in_use: bool, level: str) -> None:
    found = item("retention", oldest={("kpi_value", "D"): oldest}, retention=in_use)
    assert found.level == level
    assert found.value.endswith(f": D {oldest:%Y-%m}")


def test_next_to_go_is_what_is_due_first() -> None:
    assert item("retention").value == "2026-05-02: D 2026-01"


def test_an_old_schema_old_zone_data_or_no_database_is_red() -> None:
    assert judgement.schema("0008_alerts.sql", "").level == "green"
    assert judgement.schema("0006_retention.sql", "It lacks 0007_changes.sql.").level == "red"
    assert judgement.zone_data("tzdata 2026.3", "").level == "green"
    assert judgement.zone_data("tzdata 2025.2", "The time zone data are too old.").level == "red"
    assert judgement.unreachable().level == "red"
