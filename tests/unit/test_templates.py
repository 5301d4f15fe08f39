"""Rendering of the SQL templates, and the splitting of scripts into steps."""

from __future__ import annotations

import re
from pathlib import Path

import jinja2
import pytest
from kpi.errors import KpiError
from kpi.settings import PROJECT, Settings
from kpi.templates import Step, quoted_schema, renderer, steps, utc_expression

SQL = PROJECT / "include" / "sql"
SCRIPTS = [
    "dimensions/dimensions.sql",
    *(f"facts/{table}/slice.sql" for table in ("kpi_value", "kpi_state_count", "kpi_percentiles")),
]


def test_a_script_is_split_at_its_step_lines() -> None:
    script = "/* head */\n-- step: a: create b\nCREATE x;\n\n-- step: c\nSELECT ';' -- no step\n;\n"
    assert steps(script) == [Step("a: create b", "CREATE x"), Step("c", "SELECT ';' -- no step\n")]


@pytest.mark.parametrize("path", SCRIPTS)
def test_each_step_of_a_script_is_one_statement(path: str) -> None:
    import sqlparse

    script = steps(renderer(Settings(sql_dir=SQL))(path))
    assert len(script) >= 4
    assert len({step.name for step in script}) == len(script), "names are told apart in the log"
    for step in script:
        assert len(sqlparse.split(step.sql)) == 1, step.name


@pytest.mark.parametrize("name", ["lms", "lms_demo", "LMS-2026", "a$b", "9lives"])
def test_a_plain_schema_name_is_quoted(name: str) -> None:
    assert quoted_schema(name) == f"`{name}`"


@pytest.mark.parametrize("name", ["", "a`b", "a b", "a.b", "a;b", "x" * 65, "é"])
def test_another_schema_name_is_refused(name: str) -> None:
    with pytest.raises(KpiError, match=r"The schema name .* is not allowed; use letters, digits"):
        quoted_schema(name)


def test_an_undefined_name_fails(tmp_path: Path) -> None:
    (tmp_path / "schema").mkdir()
    (tmp_path / "x.sql").write_text("SELECT {{ nothing }}")
    with pytest.raises(jinja2.UndefinedError, match="nothing"):
        renderer(Settings(sql_dir=tmp_path))("x.sql")


def test_a_zone_without_changes_is_one_subtraction() -> None:
    assert utc_expression("x", "UTC") == "CAST(x AS DATETIME(6))"
    assert utc_expression("x", "Etc/GMT-1") == "CAST(x AS DATETIME(6)) - INTERVAL 3600 SECOND"
    assert utc_expression("x", "Etc/GMT+5") == "CAST(x AS DATETIME(6)) + INTERVAL 18000 SECOND"


def test_the_changes_of_a_zone_are_tested_newest_first() -> None:
    expression = utc_expression("x", "Africa/Casablanca")
    walls = re.findall(r"WHEN x >= TIMESTAMP'([^']+)' THEN", expression)
    assert walls == sorted(walls, reverse=True)
    # Permanently at UTC from September 2026 on.
    assert walls[0].startswith("2026-09-20")
    newest = expression.splitlines()[1]
    assert newest.endswith("THEN CAST(x AS DATETIME(6))")
