"""Promise 10 for percentiles: one file in facts/kpi_percentiles is a measure, on all roads, checked and documented."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path

import pytest
from kpi.core import catalog
from kpi.operators.incremental import warn_of_unfollowed
from metric_docs import figures_page

from tests.golden import school
from tests.sql.test_new_metric import failed_checks
from tests.sql.test_property_incremental import changed_learners, written
from tests.warehouse import Rows, Warehouse

FRIDAY, SATURDAY, SUNDAY = DAYS = [school.day_of(night) for night in range(3)]
MONDAY, MONTH = date(2026, 2, 9), (date(2026, 2, 1), date(2026, 2, 28))
CODE, OWN = "DELAI_UA", "DELAI_FIXE"
HEADER = """/*
code: {code}
label: Délais des UA
label_en: Time to do a learning unit
unit: heures
agg: PERCENTILE
target_levels: [GLOBAL, MODULE, UA]
{reads}
rollup: RECOMPUTE
description: >
  Median, 75th and 90th percentiles of the time in hours from start to end of the learning units finished in the period.
example: >
  Two units done in 1 and 3 hours: p50 = 2.0000, p75 = 2.5000, p90 = 2.8000, sample_size = 2.
*/
"""
FILE = (
    HEADER.format(code=CODE, reads="reads: {realisation: [UA]}")
    + """SELECT
  learner_id,
  domain,
  ref_id,
  CONCAT(learner_id, ':', ref_id) AS event_id,
  started_at AS began_at,
  finished_at AS happened_at,
  reconstructed,
  first_day,
  last_day
FROM realisation
WHERE
  is_final = 1
  AND started_at IS NOT NULL
"""
)
# Everybody and everything: the day of the month.
OWN_FILE = (
    HEADER.format(code=OWN, reads="")
    + """SELECT
  kpi_scope.id AS scope_id,
  kpi_target.id AS target_id,
  DAY(%(as_of)s) AS p50,
  DAY(%(as_of)s) AS p75,
  DAY(%(as_of)s) AS p90,
  1 AS sample_size
FROM kpi_scope
CROSS JOIN kpi_target
WHERE
  kpi_scope.scope_type = 'GLOBAL'
  AND kpi_target.target_type = 'GLOBAL'
"""
)
EVENTS = """
SELECT TIMESTAMPDIFF(MICROSECOND, done.started_at, done.finished_at) / 3600000000
FROM kpi_time AS opening
INNER JOIN kpi_time AS ending ON ending.date_id = %s
INNER JOIN kpi_src_realisation AS done
  ON done.valid_to >= ending.utc_end AND done.valid_from < ending.utc_end
  AND done.finished_at >= opening.utc_start AND done.finished_at < ending.utc_end
INNER JOIN kpi_src_membership AS member
  ON member.valid_to >= ending.utc_end AND member.valid_from < ending.utc_end
  AND member.scope_type = 'GLOBAL' AND member.learner_id = done.learner_id
WHERE opening.date_id = %s AND done.domain = 'UA' AND done.is_final AND done.started_at IS NOT NULL
ORDER BY 1
"""


@pytest.fixture(scope="module")
def folder(sql_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the SQL that tests may change; the rest of the project stays as it is."""
    return Path(shutil.copytree(sql_dir, tmp_path_factory.mktemp("overlay") / "sql"))


def drop(folder: Path) -> None:
    for code, text in ((CODE, FILE), (OWN, OWN_FILE)):
        (folder / "facts" / "kpi_percentiles" / f"{code}.sql").write_text(text, "utf-8")


@pytest.fixture(scope="module")
def made(folder: Path, new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """Two nights without the files, then with them; days, a range and their periods in turn."""
    warehouse = new_warehouse("new_measure", sql_dir=folder)
    for night, day in enumerate(DAYS[:2]):
        warehouse.load_source(school.source(night))
        warehouse.night(day)
    return warehouse


@pytest.fixture
def dropped(made: Warehouse) -> Warehouse:
    """The same with the files there, and no figures of theirs."""
    made.use()
    made.execute("DELETE FROM kpi_percentiles WHERE measure_code IN (%s, %s)", (CODE, OWN))
    drop(made.settings.sql_dir)
    return made


def rows(warehouse: Warehouse, where: str = "TRUE") -> Rows:
    """The rows of the new measures, without ids."""
    return warehouse.rows(
        "SELECT measure_code, period, date_id, scope_id, target_id, p50, p75, p90, sample_size "
        f"FROM kpi_percentiles WHERE measure_code IN ('{CODE}', '{OWN}') AND {where} ORDER BY 1, 2, 3, 4, 5"
    )


def everybody(warehouse: Warehouse, code: str, period: str, day: date) -> tuple[object, ...]:
    [found] = warehouse.rows(
        "SELECT p50, p75, p90, sample_size FROM kpi_percentiles "
        "INNER JOIN kpi_scope ON kpi_scope.id = scope_id AND scope_type = 'GLOBAL' "
        "INNER JOIN kpi_target ON kpi_target.id = target_id AND target_type = 'GLOBAL' "
        "WHERE measure_code = %s AND period = %s AND date_id = %s",
        (code, period, day),
    )
    return tuple(found)


def expected(warehouse: Warehouse, first: date, last: date) -> tuple[object, ...]:
    """Percentiles by linear interpolation of what everybody finished, worked out from the history."""
    hours = [value for (value,) in warehouse.rows(EVENTS, (last, first))]
    assert hours
    return (*(percentile(hours, Decimal(part) / 100) for part in (50, 75, 90)), len(hours))


def percentile(values: list[Decimal], part: Decimal) -> Decimal:
    place = part * (len(values) - 1)
    below = int(place)
    above = min(below + 1, len(values) - 1)
    value = values[below] + (values[above] - values[below]) * (place - below)
    return pytest.approx(value, abs=Decimal("0.0002"))  # type: ignore[return-value]


def test_a_file_is_a_measure_of_the_day(dropped: Warehouse) -> None:
    before = dropped.rows("SELECT * FROM kpi_percentiles ORDER BY id")
    done = dropped.facts(SATURDAY, ["kpi_percentiles"])["kpi_percentiles"]
    new = rows(dropped)
    assert (done.inserted, done.updated, done.deleted) == (len(new), 0, 0)
    assert everybody(dropped, CODE, "D", SATURDAY) == expected(dropped, SATURDAY, SATURDAY)
    assert everybody(dropped, OWN, "D", SATURDAY) == (14, 14, 14, 1)
    others = (
        f"SELECT * FROM kpi_percentiles WHERE measure_code NOT IN ('{CODE}', '{OWN}') ORDER BY id"
    )
    assert dropped.rows(others) == before


def test_a_range_gives_the_days_rows(dropped: Warehouse) -> None:
    for day in DAYS[:2]:
        dropped.facts(day, ["kpi_percentiles"])
    one_by_one = rows(dropped)
    assert {row[0] for row in one_by_one} == {CODE, OWN}
    dropped.execute("DELETE FROM kpi_percentiles WHERE measure_code IN (%s, %s)", (CODE, OWN))
    dropped.fact_range(FRIDAY, SATURDAY, ["kpi_percentiles"])
    assert rows(dropped) == one_by_one


def test_weeks_and_months_are_computed_anew(dropped: Warehouse) -> None:
    for day in DAYS[:2]:
        dropped.facts(day, ["kpi_percentiles"])
    dropped.rollup(FRIDAY, SATURDAY, ["kpi_percentiles"])
    assert everybody(dropped, CODE, "W", SUNDAY) == expected(dropped, MONDAY, SATURDAY)
    assert everybody(dropped, CODE, "M", MONTH[1]) == expected(dropped, MONTH[0], SATURDAY)
    assert everybody(dropped, OWN, "W", SUNDAY) == (14, 14, 14, 1), "as of the last day"
    assert {row[1] for row in rows(dropped)} == {"D", "W", "M"}


def test_it_is_checked(dropped: Warehouse) -> None:
    """Against the events that its own file finds, and as all percentiles are."""
    check = "fail__percentiles_unordered"
    for fault in ("sample_size = sample_size + 1", "p50 = p75 + 1"):
        dropped.facts(FRIDAY)
        assert check not in failed_checks(dropped)
        dropped.execute(
            f"UPDATE kpi_percentiles SET {fault} WHERE measure_code = %s AND date_id = %s AND period = 'D'",
            (CODE, FRIDAY),
        )
        assert check in failed_checks(dropped), fault
    dropped.facts(FRIDAY)


def test_it_is_documented(dropped: Warehouse) -> None:
    page = figures_page(dropped.settings)
    assert f"### {CODE}\n\nDélais des UA · heures · rolls up by RECOMPUTE\n" in page


def test_a_file_taken_away_takes_its_figures_along(dropped: Warehouse) -> None:
    dropped.facts(SATURDAY, ["kpi_percentiles"])
    added = len(rows(dropped, f"date_id = '{SATURDAY}' AND period = 'D'"))
    for code in (CODE, OWN):
        (dropped.settings.sql_dir / "facts" / "kpi_percentiles" / f"{code}.sql").unlink()
    assert dropped.facts(SATURDAY, ["kpi_percentiles"])["kpi_percentiles"].deleted == added > 1
    assert rows(dropped, f"date_id = '{SATURDAY}' AND period = 'D'") == []


def test_changes_during_the_day_are_in_it_or_it_is_named(
    folder: Path, new_warehouse: Callable[..., Warehouse]
) -> None:
    """The rows are those of a whole computation; a file that gives its figures by itself is named instead."""
    drop(folder)
    made = new_warehouse("measure_changes", sql_dir=folder)
    for night in (0, 1):
        made.load_source(school.source(night))
        made.night(DAYS[night])
        made.rollup(DAYS[night])
    assert made.open_day(SUNDAY)
    before = rows(made)
    made.load_source(school.source(2))
    made.changed(*sorted(changed_learners(school.source(1), school.source(2))))
    made.refresh(datetime.combine(SUNDAY, time(12)))
    after = rows(made)
    changed = [row for row in after if row not in before]
    assert {row[0] for row in changed} == {CODE}
    assert {row[1] for row in changed} == {"D", "W", "M"}
    assert written(made, SUNDAY) == {}
    assert rows(made) == after

    said: list[str] = []
    warn_of_unfollowed(made.settings, lambda text, *values: said.append(text % values))
    [warning] = said
    assert f" {OWN} of kpi_percentiles: " in warning
    assert CODE not in warning
    assert catalog.not_followed(Path(__file__).parents[2] / "include" / "sql") == []
