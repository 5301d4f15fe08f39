"""Metrics dropped in as one file each: their ranges, weeks, months and windows, by what their headers declare."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import NamedTuple

import pytest
from kpi.core.periods import PERIOD_OF

from tests.golden import school
from tests.sql.test_property_incremental import changed_learners, written
from tests.warehouse import Rows, Warehouse

pytestmark = pytest.mark.long

NEW = Path(__file__).parent / "new_metrics"
CODES = sorted(path.stem for path in NEW.iterdir())
DAYS = [school.day_of(night) for night in range(5)]  # Friday, 2026-02-13, to Tuesday
SUNDAY, NEXT_SUNDAY = date(2026, 2, 15), date(2026, 2, 22)
MONTH_END = date(2026, 2, 28)


class Cell(NamedTuple):
    """Of whom, on what."""

    scope_type: str
    scope_ref: int
    target_type: str
    target_ref: int


class Figure(NamedTuple):
    """What a row of kpi_value says."""

    value: Decimal | int
    numerator: int | None
    denominator: int | None
    sample: int


EVERYBODY = Cell("GLOBAL", 0, "GLOBAL", 0)
MODULE, SESSION = Cell("GLOBAL", 0, "MODULE", 1), Cell("SESSION", 1, "MODULE", 1)

Found = dict[tuple[date, Cell], Figure]


def total(days: list[Figure]) -> Figure:
    """SUM."""
    done = sum(one.numerator or 0 for one in days)
    return Figure(sum(one.value for one in days), done, None, sum(one.sample for one in days))


def ratio(days: list[Figure]) -> Figure:
    """RATIO_OF_SUMS."""
    done, of = (sum(one[column] for one in days) for column in (1, 2))
    return Figure(rounded(Decimal(100 * done) / of), done, of, sum(one.sample for one in days))


def weighted_mean(days: list[Figure]) -> Figure:
    """WEIGHTED_MEAN."""
    sample = sum(one.sample for one in days)
    weighted = sum(one.value * one.sample for one in days)
    return Figure(rounded(weighted / sample), None, None, sample)


def rounded(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.0001"), ROUND_HALF_UP)


ADDED_UP = {
    "NB_MICROS_ACQUISES": total,
    "PCT_MICROS_ACQUISES": ratio,
    "PROGRESSION_UA": weighted_mean,
}


@pytest.fixture(scope="module")
def folder(sql_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's SQL with the new metrics in it."""
    copied = Path(shutil.copytree(sql_dir, tmp_path_factory.mktemp("overlay") / "sql"))
    shutil.copytree(NEW, copied / "facts" / "kpi_value", dirs_exist_ok=True)
    return copied


@pytest.fixture(scope="module")
def warehouse(folder: Path, new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """Five nights with the new metrics, computed one by one and rolled up."""
    made = new_warehouse("metric_rollups", sql_dir=folder)
    for night, day in enumerate(DAYS):
        made.load_source(school.source(night))
        made.capture(day)
    made.dimensions()
    for day in DAYS:
        made.facts(day)
    made.rollup(DAYS[0], DAYS[-1], ["kpi_value"])
    return made


def rows(warehouse: Warehouse, codes: Iterable[str] = CODES) -> Rows:
    """All that is stored of some metrics and their windows, without ids and instants."""
    codes = tuple(codes)
    return warehouse.rows(
        "SELECT period, date_id, scope_type, kpi_scope.ref_key, target_type, kpi_target.ref_key, "
        "code, value_num, numerator, denominator, sample_size, CAST(extra_json AS CHAR) "
        "FROM kpi_value INNER JOIN kpi_metric ON kpi_metric.id = metric_id "
        "INNER JOIN kpi_scope ON kpi_scope.id = scope_id "
        "INNER JOIN kpi_target ON kpi_target.id = target_id "
        f"WHERE {' OR '.join(['code = %s OR code LIKE %s'] * len(codes))} "
        "ORDER BY 7, 1, 2, 3, 4, 5, 6",
        [value for code in codes for value in (code, rf"{code}\_R%")],
    )


def figures(warehouse: Warehouse, code: str, period: str) -> Found:
    return {
        (row[1], Cell(*row[2:6])): Figure(*row[7:11])
        for row in rows(warehouse, [code.partition("_R")[0]])
        if (row[6], row[0]) == (code, period)
    }


def extra(warehouse: Warehouse, code: str, period: str, day: date) -> set[str]:
    """What extra_json says of everybody, as `key: value`."""
    [found] = [
        row[-1]
        for row in rows(warehouse, [code.partition("_R")[0]])
        if row[:2] == (period, day) and row[2:7] == (*EVERYBODY, code)
    ]
    return set(found.strip("{}").split(", "))


# -- weeks, months and windows that add up days


def test_days_worked_out_by_hand(warehouse: Warehouse) -> None:
    """Everybody's done micro-competences: 52 of 96, 61 of 96, 62 of 88; from Monday 66, 69 of 88."""
    for code in ("NB_MICROS_ACQUISES", "PCT_MICROS_ACQUISES"):
        by_day = figures(warehouse, code, "D")
        assert [by_day[day, EVERYBODY].numerator for day in DAYS] == [52, 61, 62, 66, 69]
        assert [by_day[day, EVERYBODY].sample for day in DAYS] == [96, 96, 88, 88, 88]

    weeks = figures(warehouse, "NB_MICROS_ACQUISES", "W")
    assert weeks[SUNDAY, EVERYBODY] == (52 + 61 + 62, 175, None, 96 + 96 + 88)
    assert weeks[NEXT_SUNDAY, EVERYBODY] == (66 + 69, 135, None, 88 + 88)
    months = figures(warehouse, "NB_MICROS_ACQUISES", "M")
    assert months[MONTH_END, EVERYBODY] == (175 + 135, 310, None, 280 + 176)
    weeks = figures(warehouse, "PCT_MICROS_ACQUISES", "W")
    assert weeks[SUNDAY, EVERYBODY] == (Decimal("62.5"), 175, 280, 280)
    # The session ended on Saturday with 18 of 24 and 19 of 20: the mean of 75 and 95 would be 85.
    assert weeks[SUNDAY, SESSION] == (Decimal("84.0909"), 37, 44, 44)
    by_day = figures(warehouse, "PROGRESSION_UA", "D")
    assert [by_day[day, MODULE] for day in DAYS[:3]] == [
        (Decimal("61.5217"), None, None, 92),
        (Decimal("65.8156"), None, None, 94),
        (Decimal("68.8889"), None, None, 84),
    ]
    weeks = figures(warehouse, "PROGRESSION_UA", "W")
    # 92 × 61.5217 + 94 × 65.8156 + 84 × 68.8889 = 17633.3304
    assert weeks[SUNDAY, MODULE] == (Decimal("65.3086"), None, None, 270)


def test_windows_worked_out_by_hand(warehouse: Warehouse) -> None:
    two_days = figures(warehouse, "NB_MICROS_ACQUISES_R2", "R")
    assert [two_days[day, EVERYBODY].value for day in DAYS] == [
        *(52, 52 + 61, 61 + 62, 62 + 66, 66 + 69)
    ]
    seven_days = figures(warehouse, "NB_MICROS_ACQUISES_R7", "R")
    assert [seven_days[day, EVERYBODY].value for day in DAYS] == [52, 113, 175, 241, 310]
    # The session has no members after Saturday, so it has no windows that end later.
    assert [day for day in DAYS if (day, SESSION) in seven_days] == DAYS[:2]


def test_a_period_says_how_many_days_it_adds_up(warehouse: Warehouse) -> None:
    for code, period, day, as_of, days, complete in (
        ("NB_MICROS_ACQUISES", "W", SUNDAY, DAYS[2], 3, "false"),
        ("NB_MICROS_ACQUISES", "W", NEXT_SUNDAY, DAYS[4], 2, "false"),
        ("NB_MICROS_ACQUISES", "M", MONTH_END, DAYS[4], 5, "false"),
        ("NB_MICROS_ACQUISES_R2", "R", DAYS[0], DAYS[0], 1, "false"),
        ("NB_MICROS_ACQUISES_R2", "R", DAYS[1], DAYS[1], 2, "true"),
        ("NB_MICROS_ACQUISES_R7", "R", DAYS[4], DAYS[4], 5, "false"),
    ):
        assert extra(warehouse, code, period, day) >= {
            f'"as_of": "{as_of}"',
            f'"days": {days}',
            f'"complete": {complete}',
        }, (code, period, day)


@pytest.mark.parametrize("period", ["W", "M"])
@pytest.mark.parametrize("code", list(ADDED_UP))
def test_every_week_and_month_adds_up_its_days(
    warehouse: Warehouse, code: str, period: str
) -> None:
    members: dict[tuple[date, Cell], list[Figure]] = defaultdict(list)
    for (day, cell), figure in figures(warehouse, code, "D").items():
        members[PERIOD_OF[period](day).last, cell].append(figure)
    expected = {key: ADDED_UP[code](days) for key, days in members.items()}
    assert len(expected) > 50
    assert figures(warehouse, code, period) == expected


@pytest.mark.parametrize("window", [2, 7])
def test_every_window_adds_up_its_days(warehouse: Warehouse, window: int) -> None:
    by_day = figures(warehouse, "NB_MICROS_ACQUISES", "D")
    members: dict[tuple[date, Cell], list[Figure]] = defaultdict(list)
    for (day, cell), figure in by_day.items():
        for later in (day + timedelta(n) for n in range(window)):
            # Each scope with members has a row here on the day.
            if (later, cell) in by_day:
                members[later, cell].append(figure)
    assert figures(warehouse, f"NB_MICROS_ACQUISES_R{window}", "R") == {
        key: total(days) for key, days in members.items()
    }


# -- a range, and what the files import


@pytest.fixture(params=["with context", "without context", "only by_scope with context"])
def imports(request: pytest.FixtureRequest, folder: Path) -> Iterator[None]:
    """How the files import the macros: as the project's do, or as somebody may who knows no better."""
    for path in NEW.iterdir():
        text = path.read_text("utf-8")
        if request.param == "without context":
            text = text.replace(" with context", "")
        if request.param == "only by_scope with context":
            text = text.replace("as as_of with context", "as as_of")
        (folder / "facts" / "kpi_value" / path.name).write_text(text, "utf-8")
    yield
    shutil.copytree(NEW, folder / "facts" / "kpi_value", dirs_exist_ok=True)


@pytest.mark.usefixtures("imports")
def test_days_ranges_and_periods_are_the_same_whatever_is_imported(warehouse: Warehouse) -> None:
    expected = rows(warehouse)
    assert len(expected) > 5000
    assert {row[0] for row in expected} == {"D", "W", "M", "R"}
    warehouse.execute("DELETE FROM kpi_value")
    for day in DAYS:
        warehouse.facts(day, ["kpi_value"])
    warehouse.rollup(DAYS[0], DAYS[-1], ["kpi_value"])
    assert rows(warehouse) == expected

    warehouse.execute("DELETE FROM kpi_value")
    warehouse.fact_range(DAYS[0], DAYS[-1], ["kpi_value"])
    warehouse.rollup(DAYS[0], DAYS[-1], ["kpi_value"])
    assert rows(warehouse) == expected


def test_what_binds_its_day_is_computed_day_by_day(warehouse: Warehouse) -> None:
    for script, days in (("facts/kpi_value/range.sql", None), ("facts/kpi_value/windows.sql", "7")):
        found = [step for step in warehouse.script(script) if step.each == "day"]
        assert [(step.figure, step.days) for step in found] == [("ANCIENNETE_UA", days)]


# -- changes during the day


def test_changes_during_the_day_are_in_new_metrics(
    folder: Path, new_warehouse: Callable[..., Warehouse]
) -> None:
    """Two nights, then what differs on the next day as changes: the rows are those of a whole computation."""
    made = new_warehouse("metric_changes", sql_dir=folder)
    for night in (0, 1):
        made.load_source(school.source(night))
        made.night(DAYS[night])
        made.rollup(DAYS[night])
    assert made.open_day(DAYS[2])
    before = rows(made)

    made.load_source(school.source(2))
    made.changed(*sorted(changed_learners(school.source(1), school.source(2))))
    made.refresh(datetime.combine(DAYS[2], time(12)))
    after = rows(made)
    changed = {row[6] for row in after if row not in before}
    assert changed >= {*CODES, "NB_MICROS_ACQUISES_R7", "DELAI_UA_R3"}
    assert {row[0] for row in after if row not in before and row[6] in ADDED_UP} >= {"D", "W", "M"}
    assert written(made, DAYS[2]) == {}
    assert rows(made) == after
