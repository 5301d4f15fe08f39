"""Promise 10: one file dropped into facts/kpi_value is a metric, computed, checked, documented."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import mysql.connector
import pytest
from kpi.core import catalog
from kpi.core.catalog import HeaderError
from kpi.upkeep import preflight

from tests.golden import school
from tests.golden.reading import Rows, figures, stored
from tests.warehouse import Warehouse

DAY = school.day_of(0)
CODE = "PCT_MICROS_ACQUISES"
FILE = f"""/*
code: {CODE}
label: '% micro-compétences acquises'
unit: '%'
agg: PCT
counts: stock
higher_is_better: true
category: MAITRISE
target_levels: [GLOBAL, MODULE]
reads: {{realisation: [MICRO_COMPETENCE]}}
rollup: RATIO_OF_SUMS
description: >
  Of the (learner, micro-competence) pairs at or below the target, the share in a final state.
example: >
  3 of 4 pairs are DONE: numerator 3, denominator 4, value_num = 75.0000.
*/
SELECT
  learner_id,
  domain,
  ref_id,
  is_final AS part,
  reconstructed,
  first_day,
  last_day
FROM realisation
"""


@pytest.fixture(scope="module")
def folder(sql_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the SQL that tests may change; the rest of the project stays as it is."""
    return Path(shutil.copytree(sql_dir, tmp_path_factory.mktemp("overlay") / "sql"))


@pytest.fixture(scope="module")
def night(folder: Path, new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """The school's first night, computed before the new file is there."""
    warehouse = new_warehouse("new_metric", sql_dir=folder)
    warehouse.load_source(school.source(0))
    warehouse.night(DAY)
    return warehouse


@pytest.fixture
def drop(night: Warehouse) -> Iterator[Callable[..., Path]]:
    """Write the new file, changed if a test wants so; file, figures and metric go at the end."""
    path = night.settings.sql_dir / "facts" / "kpi_value" / f"{CODE}.sql"

    def write(text: str = FILE) -> Path:
        path.write_text(text, "utf-8")
        return path

    yield write
    path.unlink(missing_ok=True)
    night.facts(DAY, ["kpi_value"])
    night.execute("DELETE FROM kpi_metric WHERE code = %s", (CODE,))


def test_promise_10_adding_a_metric_is_adding_one_file(
    night: Warehouse, drop: Callable[..., Path]
) -> None:
    before = figures(night, DAY)["kpi_value"]
    path = drop()
    night.register_metrics()
    written = night.facts(DAY, ["kpi_value"])["kpi_value"]

    registered = night.rows(
        "SELECT label, unit, agg, higher_is_better, category, target_levels, description "
        "FROM kpi_metric WHERE code = %s",
        (CODE,),
    )
    documented = catalog.read_header(path, catalog.Metric).description.strip()
    assert documented.startswith("Of the (learner, micro-competence) pairs")
    assert registered == [
        (
            "% micro-compétences acquises",
            "%",
            "PCT",
            1,
            "MAITRISE",
            {"GLOBAL", "MODULE"},
            documented,
        )
    ]
    [metric] = [one for one in catalog.metrics(night.settings.sql_dir) if one.code == CODE]
    assert metric.rollup == "RATIO_OF_SUMS"

    new = [row for row in figures(night, DAY)["kpi_value"] if row[4] == CODE]
    micros = [row for row in school.source(0)["realisation"] if row["domain"] == "MICRO_COMPETENCE"]
    done = sum(row["state_code"] == "DONE" for row in micros)
    [everybody] = [row for row in new if row[:4] == ("GLOBAL", 0, "GLOBAL", 0)]
    assert everybody[6:9] == (done, len(micros), len(micros))
    assert float(everybody[5]) == pytest.approx(100 * done / len(micros), abs=5e-5)
    assert {row[2] for row in new} == {"GLOBAL", "MODULE"}
    assert (written.inserted, written.updated, written.deleted) == (len(new), 0, 0)
    assert [row for row in figures(night, DAY)["kpi_value"] if row[4] != CODE] == before
    assert failed_checks(night) == []


def test_promise_10_the_new_metric_is_checked(night: Warehouse, drop: Callable[..., Path]) -> None:
    """The checks that fit its unit and aggregate cover it without being told."""
    drop()
    night.register_metrics()
    night.facts(DAY, ["kpi_value"])
    wrong = {
        "value_num = 100.01": "fail__percent_outside_0_100",
        "numerator = denominator + 1": "fail__numerator_above_denominator",
        "sample_size = NULL": "fail__sample_missing",
    }
    for change, check in wrong.items():
        night.execute(
            f"UPDATE kpi_value SET {change} WHERE metric_id = "
            "(SELECT id FROM kpi_metric WHERE code = %s) LIMIT 1",
            (CODE,),
        )
        assert check in failed_checks(night), change
        night.facts(DAY, ["kpi_value"])
        assert failed_checks(night) == []


def test_promise_10_a_file_taken_away_takes_its_figures_along(
    night: Warehouse, drop: Callable[..., Path]
) -> None:
    before = stored(night)
    path = drop()
    night.register_metrics()
    added = night.facts(DAY, ["kpi_value"])["kpi_value"].inserted
    path.unlink()
    assert night.facts(DAY, ["kpi_value"])["kpi_value"].deleted == added > 0
    assert stored(night) == before


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (
            "category:",
            "catgory:",
            r"'category' is missing; unknown key 'catgory' \(the keys are code,",
        ),
        ("agg: PCT\n", "", r"key 'agg' is missing"),
        (
            "rollup: RATIO_OF_SUMS",
            "rollup: WEIGHTED_MEAN",
            r"PCT cannot roll up by WEIGHTED_MEAN.*LAST",
        ),
        ("rollup: RATIO_OF_SUMS", "rollup: SUM", r"agg PCT cannot roll up by SUM"),
        ("agg: PCT", "agg: MEDIAN", r"MEDIAN cannot roll up by RATIO_OF_SUMS.*choose RECOMPUTE"),
        ("reads: {realisation", "reads: {chapters", r"reads.chapters.*'chapters'"),
        (
            "agg: PCT",
            "agg: PERCENTILE",
            r"percentiles are no metric; put the file into facts/kpi_perc",
        ),
        ("unit: '%'", "unit: kg", r"unit: 'kg': Input should be '%', 'points'"),
        ("[GLOBAL, MODULE]", "[GLOBAL, FILIERE]", r"target_levels.1: 'FILIERE': Input should be"),
        ("[GLOBAL, MODULE]", "[MODULE, MODULE]", r"a level is named twice"),
        (f"code: {CODE}", "code: AUTRE", rf"says code: AUTRE, but the file is named {CODE}.sql"),
        (f"code: {CODE}", "code: autre", r"code: 'autre': String should match pattern"),
        ("example: >\n  3 of 4", "note: >\n  3 of 4", r"key 'example' is missing"),
        ("/*\n", "-- \n", r"does not begin with a /\* … \*/ header; add one"),
        ("code:", "code: [", r"is not YAML \("),
    ],
)
def test_promise_10_a_wrong_header_is_refused_with_the_reason(
    night: Warehouse, drop: Callable[..., Path], old: str, new: str, reason: str
) -> None:
    """One sentence names the file, what is wrong and the way out; nothing is written."""
    tables = ("kpi_metric", "kpi_value")
    before = stored(night, tables)
    path = drop(FILE.replace(old, new, 1))
    for refused in (
        night.register_metrics,
        lambda: preflight.before_daily(DAY, night.settings),
        lambda: night.facts(DAY, ["kpi_value"]),
    ):
        with pytest.raises(HeaderError, match=reason) as caught:
            refused()
        assert str(path) in str(caught.value)
        assert re.fullmatch(r"[^\n]+\.", str(caught.value)), "one sentence"
    assert stored(night, tables) == before


def test_promise_10_sql_that_gives_a_cell_twice_is_refused(
    night: Warehouse, drop: Callable[..., Path]
) -> None:
    """Two rows for one scope and target would hide one another; the slice stays as it was."""
    header = FILE.partition("*/")[0].replace("reads: {realisation: [MICRO_COMPETENCE]}\n", "")
    drop(
        header + "*/\nSELECT kpi_scope.id AS scope_id, kpi_target.id AS target_id, 1 AS value_num,"
        " 1 AS numerator, 1 AS denominator, 1 AS sample_size, NULL AS extra_json"
        " FROM (SELECT 1 AS n UNION ALL SELECT 2) AS twice CROSS JOIN kpi_scope CROSS JOIN kpi_target"
    )
    night.register_metrics()
    before = stored(night)
    with pytest.raises(mysql.connector.IntegrityError, match="Duplicate entry"):
        night.facts(DAY, ["kpi_value"])
    assert stored(night) == before


def failed_checks(warehouse: Warehouse) -> list[str]:
    """Run the checks as their tasks do: one row, all of whose columns must be true."""
    failed = []
    for path in sorted((warehouse.settings.sql_dir / "checks").glob("*.sql")):
        sql = warehouse.render(f"checks/{path.name}")
        rows: Rows = warehouse.rows(sql, {"date_id": DAY, "as_of": DAY})
        if not rows or not all(rows[0]):
            failed.append(path.stem)
    return failed
