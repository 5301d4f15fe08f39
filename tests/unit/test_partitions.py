"""The planner of monthly partitions: a layout goes in, statements come out."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from kpi import partitions


def month(text: str) -> date:
    return date.fromisoformat(f"{text}-01")


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2026-02-15", "2026-02-20", ["2026-02"]),
        ("2025-11-30", "2026-02-01", ["2025-11", "2025-12", "2026-01", "2026-02"]),
        ("2026-03-01", "2026-02-28", []),
    ],
)
def test_months_between_two_days(first: str, last: str, expected: list[str]) -> None:
    found = partitions.months(date.fromisoformat(first), date.fromisoformat(last))
    assert found == [month(text) for text in expected]


def test_months_around_a_day_cross_the_years() -> None:
    assert partitions.months_around(date(2026, 1, 31), 2, 1) == [
        month(text) for text in ("2025-11", "2025-12", "2026-01", "2026-02")
    ]
    assert len(partitions.months_around(date(2026, 12, 1), 12, 3)) == 16


def test_all_months_are_split_off_an_empty_table() -> None:
    statement = partitions.split_catch_all("kpi_value", [month("2025-12"), month("2026-01")], [])
    assert statement == (
        "ALTER TABLE kpi_value REORGANIZE PARTITION p_max INTO (\n"
        "  PARTITION p202512 VALUES LESS THAN (TO_DAYS('2026-01-01')),\n"
        "  PARTITION p202601 VALUES LESS THAN (TO_DAYS('2026-02-01')),\n"
        "  PARTITION p_max VALUES LESS THAN MAXVALUE\n)"
    )


def test_only_months_behind_the_last_partition_are_split_off() -> None:
    wanted = [month("2025-12"), month("2026-01"), month("2026-02")]
    statement = partitions.split_catch_all(
        "kpi_value", wanted, [month("2026-01"), month("2026-02")]
    )
    assert statement is not None
    assert "p202512" not in statement
    assert "p202601" not in statement
    assert "p202602 VALUES LESS THAN (TO_DAYS('2026-03-01'))" in statement


def test_nothing_is_split_when_all_months_are_there() -> None:
    wanted = [month("2025-12"), month("2026-01")]
    assert (
        partitions.split_catch_all("kpi_value", wanted, [month("2026-01"), month("2026-02")])
        is None
    )
    assert partitions.split_catch_all("kpi_value", [], []) is None


def test_each_day_of_a_month_lies_in_its_partition() -> None:
    wanted = partitions.months_around(date(2026, 2, 15), 14, 14)
    for begin, end in pairwise(wanted):
        assert (end - timedelta(days=1)).replace(day=1) == begin
