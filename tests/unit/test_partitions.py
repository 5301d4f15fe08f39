"""The planner of monthly partitions: a layout goes in, statements come out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from kpi.upkeep.partitions import layouts, planner
from kpi.upkeep.partitions.layouts import Content, TableLayout
from kpi.upkeep.partitions.monthly import (
    MOST_MONTHS_AHEAD,
    MOST_MONTHS_BACK,
    from_days,
    months,
    months_around,
    next_month,
    to_days,
    wanted_months,
)
from kpi.upkeep.partitions.planner import Partition

TODAY = date(2026, 2, 15)


def month(text: str) -> date:
    return date.fromisoformat(f"{text}-01")


def layout(*parts: str) -> list[Partition]:
    """Write partitions as `name<end`, `p_max` for the catch-all."""
    found = []
    for part in parts:
        name, _, end = part.partition("<")
        found.append(Partition(name, to_days(date.fromisoformat(end)) if end else None))
    return found


def planned(parts: Sequence[Partition], first: str, last: str) -> list[str]:
    wanted = months(month(first), month(last))
    return [change.sql for change in planner.changes("kpi_value", parts, wanted)]


# -- months


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2026-02-15", "2026-02-20", ["2026-02"]),
        ("2025-11-30", "2026-02-01", ["2025-11", "2025-12", "2026-01", "2026-02"]),
        ("2026-03-01", "2026-02-28", []),
    ],
)
def test_months_between_two_days(first: str, last: str, expected: list[str]) -> None:
    found = months(date.fromisoformat(first), date.fromisoformat(last))
    assert found == [month(text) for text in expected]


def test_months_around_a_day_cross_the_years() -> None:
    assert months_around(date(2026, 1, 31), 2, 1) == [
        month(text) for text in ("2025-11", "2025-12", "2026-01", "2026-02")
    ]
    assert len(months_around(date(2026, 12, 1), 12, 3)) == 16


def test_each_day_of_a_month_lies_in_its_partition() -> None:
    for begin, end in pairwise(months_around(TODAY, 14, 14)):
        assert (end - timedelta(days=1)).replace(day=1) == begin


@pytest.mark.parametrize(
    ("oldest", "newest", "first", "last"),
    [
        (None, None, "2025-12", "2026-05"),
        (date(2026, 1, 9), date(2026, 3, 31), "2025-12", "2026-05"),
        (date(2024, 9, 30), date(2026, 7, 1), "2024-09", "2026-07"),
        (date(1970, 1, 1), date(2099, 1, 1), "2025-12", "2026-05"),
        (date(2006, 2, 1), date(2029, 2, 28), "2006-02", "2029-02"),
        (date(2006, 1, 31), date(2029, 3, 1), "2025-12", "2026-05"),
    ],
)
def test_months_with_rows_are_wanted_unless_implausibly_far(
    oldest: date | None, newest: date | None, first: str, last: str
) -> None:
    assert wanted_months(TODAY, 2, 3, oldest, newest) == months(month(first), month(last))
    assert (MOST_MONTHS_BACK, MOST_MONTHS_AHEAD) == (240, 36)


def test_bounds_are_numbered_as_mysql_does() -> None:
    assert to_days(date(2026, 2, 1)) == 740013  # SELECT TO_DAYS('2026-02-01')
    assert from_days(740013) == date(2026, 2, 1)
    assert from_days(0) is None
    assert from_days(to_days(date.max)) == date.max
    assert from_days(to_days(date.max) + 1) is None


# -- examples


def test_all_months_are_split_off_an_empty_table() -> None:
    assert planned(layout("p_max"), "2025-12", "2026-01") == [
        "ALTER TABLE kpi_value REORGANIZE PARTITION p_max INTO (\n"
        "  PARTITION p202512 VALUES LESS THAN (TO_DAYS('2026-01-01')),\n"
        "  PARTITION p202601 VALUES LESS THAN (TO_DAYS('2026-02-01')),\n"
        "  PARTITION p_max VALUES LESS THAN MAXVALUE\n)"
    ]


def test_months_ahead_are_split_off_the_catch_all() -> None:
    there = layout("p202512<2026-01-01", "p202601<2026-02-01", "p_max")
    assert planned(there, "2025-12", "2026-02") == [
        "ALTER TABLE kpi_value REORGANIZE PARTITION p_max INTO (\n"
        "  PARTITION p202602 VALUES LESS THAN (TO_DAYS('2026-03-01')),\n"
        "  PARTITION p_max VALUES LESS THAN MAXVALUE\n)"
    ]


def test_nothing_is_done_when_all_months_are_there() -> None:
    there = layout("p202512<2026-01-01", "p202601<2026-02-01", "p_max")
    assert planned(there, "2025-12", "2026-01") == []
    assert planner.changes("kpi_value", there, []) == []
    assert planner.changes("kpi_value", [], [month("2026-01")]) == [], "not a partitioned table"


def test_a_partition_of_two_months_is_split() -> None:
    there = layout("p202512<2026-01-01", "p202602<2026-03-01", "p202603<2026-04-01", "p_max")
    assert planned(there, "2025-12", "2026-03") == [
        "ALTER TABLE kpi_value REORGANIZE PARTITION p202602 INTO (\n"
        "  PARTITION p202601 VALUES LESS THAN (TO_DAYS('2026-02-01')),\n"
        "  PARTITION p202602 VALUES LESS THAN (TO_DAYS('2026-03-01'))\n)"
    ]


def test_partitions_that_divide_a_month_are_joined() -> None:
    there = layout("a<2026-01-01", "b<2026-01-10", "c<2026-01-20", "d<2026-02-01", "p_max")
    assert planned(there, "2025-12", "2026-01") == [
        "ALTER TABLE kpi_value REORGANIZE PARTITION `b`, `c`, `d` INTO (\n"
        "  PARTITION p202601 VALUES LESS THAN (TO_DAYS('2026-02-01'))\n)"
    ]


def test_bounds_count_and_names_do_not() -> None:
    there = layout("p_max<2026-01-01", "p209901<2026-02-01", "rest")
    assert planned(there, "2025-12", "2026-01") == []
    assert planned(layout("p202601<2026-01-01", "rest`"), "2025-12", "2026-01") == [
        "ALTER TABLE kpi_value REORGANIZE PARTITION `rest``` INTO (\n"
        "  PARTITION p202601_2 VALUES LESS THAN (TO_DAYS('2026-02-01')),\n"
        "  PARTITION `rest``` VALUES LESS THAN MAXVALUE\n)"
    ]


def test_a_lost_catch_all_is_made_again() -> None:
    assert planned(layout("p202512<2026-01-01"), "2025-12", "2026-01") == [
        "ALTER TABLE kpi_value ADD PARTITION (\n"
        "  PARTITION p202601 VALUES LESS THAN (TO_DAYS('2026-02-01')),\n"
        "  PARTITION p_max VALUES LESS THAN MAXVALUE\n)"
    ]


def test_months_missed_for_long_lie_in_one_partition_until_rows_want_them() -> None:
    there = layout("p202401<2024-02-01", "p_max")
    [statement] = planned(there, "2026-01", "2026-01")
    assert "PARTITION p202402_to_202512 VALUES LESS THAN (TO_DAYS('2026-01-01'))" in statement
    assert "PARTITION p202601 VALUES LESS THAN (TO_DAYS('2026-02-01'))" in statement


# -- against a model of MySQL


@dataclass(frozen=True)
class Model:
    """Partitions in order, and the rows, which are days: a row lies where the bounds say."""

    partitions: tuple[Partition, ...]
    rows: tuple[int, ...]

    def holder(self, row: int) -> int | None:
        """Return the index of the row's partition."""
        for index, one in enumerate(self.partitions):
            if one.end is None or row < one.end:
                return index
        return None

    def executed(self, sql: str) -> Model:
        """Do what MySQL does with a statement, or refuse it as MySQL would."""
        found = re.fullmatch(
            r"ALTER TABLE kpi_value (?:REORGANIZE PARTITION (.+) INTO|ADD PARTITION) \(\n(.+)\n\)",
            sql,
            re.DOTALL,
        )
        assert found, sql
        pieces = tuple(map(piece, found[2].split(",\n")))
        named = [unquoted(name) for name in found[1].split(", ")] if found[1] else []
        names = [one.name for one in self.partitions]
        at = names.index(named[0]) if named else len(names)
        assert names[at : at + len(named)] == named, "neighbours, in order"
        before, after = self.partitions[:at], self.partitions[at + len(named) :]
        if after:
            assert pieces[-1].end == self.partitions[at + len(named) - 1].end, "the range stays"
        elif not named:
            assert before[-1].end is not None, "nothing is added behind MAXVALUE"
        made = Model((*before, *pieces, *after), self.rows)
        ends = [one.end for one in made.partitions]
        assert None not in ends[:-1]
        assert all(low < high for low, high in pairwise(ends) if high is not None)
        lowered = [one.name.lower() for one in made.partitions]
        assert len(set(lowered)) == len(lowered), "MySQL compares names without case"
        assert all(made.holder(row) is not None for row in self.rows), "each row finds a place"
        return made


def piece(text: str) -> Partition:
    found = re.fullmatch(
        r"  PARTITION (\S+) VALUES LESS THAN (?:\(TO_DAYS\('(.+)'\)\)|\((\d+)\)|MAXVALUE)", text
    )
    assert found, text
    end = to_days(date.fromisoformat(found[2])) if found[2] else found[3] and int(found[3])
    return Partition(unquoted(found[1]), end or None)


def unquoted(name: str) -> str:
    return name.strip("`").replace("``", "`")


AROUND = st.dates(date(2024, 6, 1), date(2027, 12, 31))
MONTHS = AROUND.map(lambda day: day.replace(day=1))
NAMES = st.sampled_from(["p_max", "P202601", "p202602", "p202603_2", "select", "p`x"])


@st.composite
def models(draw: st.DrawFn) -> Model:
    # Bounds at months, at any day, and such as no date has.
    bound = st.one_of(MONTHS.map(to_days), AROUND.map(to_days), st.sampled_from([1, 5_000_000]))
    ends: list[int | None] = sorted(draw(st.sets(bound, max_size=12)))  # type: ignore[type-var]
    catch_all = draw(st.booleans()) or not ends
    if catch_all:
        ends.append(None)
    given_names = draw(st.lists(NAMES, unique_by=str.lower, max_size=len(ends)))
    names = [*given_names, *(f"x{number}" for number in range(len(ends)))][: len(ends)]
    parts = tuple(Partition(name, end) for name, end in zip(names, ends, strict=True))
    rows = draw(st.lists(AROUND.map(to_days), max_size=30))
    model = Model(parts, tuple(rows))
    return Model(parts, tuple(row for row in rows if model.holder(row) is not None))


@st.composite
def spans(draw: st.DrawFn) -> list[date]:
    first, last = sorted([draw(MONTHS), draw(MONTHS)])
    return months(first, last)


@given(models(), spans())
@example(Model((Partition("P202601", None),), ()), months(month("2025-12"), month("2026-01")))
def test_after_it_each_wanted_month_is_a_partition_and_no_row_is_lost(
    model: Model, wanted: list[date]
) -> None:
    before = model
    for change in planner.changes("kpi_value", model.partitions, wanted):
        model = model.executed(change.sql)

    starts = dict(
        zip(
            (one.end for one in model.partitions),
            [None, *(one.end for one in model.partitions[:-1])],
            strict=True,
        )
    )
    for one in wanted:
        end = to_days(next_month(one))
        assert end in starts, "it ends with the month"
        first_of_all = starts[end] is None and one == wanted[0]
        assert starts[end] == to_days(one) or first_of_all, "it begins with the month"
    assert model.rows == before.rows
    assert model.partitions[-1].end is None, "there is a catch-all"
    low, high = to_days(wanted[0]), to_days(next_month(wanted[-1]))
    outside = {one.end for one in before.partitions if one.end and not low < one.end < high}
    assert outside <= set(starts), "what lies outside stays"
    assert planner.changes("kpi_value", model.partitions, wanted) == [], "once is enough"


# -- the report


def test_the_report_is_a_table_with_bounds_rows_and_periods() -> None:
    one = TableLayout(
        "kpi_value",
        tuple(layout("p202601<2026-02-01", "p202602<2026-03-01", "p_max")),
        (
            Content(2_345_678, {"D": 31000, "M": 1000}, date(2026, 1, 1), date(2026, 1, 31)),
            Content(81_920, {"R": 7}, date(2026, 2, 1), date(2026, 2, 2)),
            Content(16_384, {}, None, None),
        ),
    )
    assert (one.oldest, one.newest) == (date(2026, 1, 1), date(2026, 2, 2))
    lines = [line.split() for line in layouts.report([one]).splitlines()]
    assert lines[0] == ["table", "partition", "from", "to", "rows", "MB", "periods"]
    january = ["…", "2026-01-31", "32,000", "2.3", "D", "31,000,", "M", "1,000"]
    assert lines[1] == ["kpi_value", "p202601", *january]
    february = ["2026-02-01", "2026-02-28", "7", "0.1", "R", "7"]
    assert lines[2] == ["kpi_value", "p202602", *february]
    assert lines[3] == ["kpi_value", "p_max", "2026-03-01", "…", "0", "0.0", "–"]
