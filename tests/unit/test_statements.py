"""SQL that reads or changes data lives in files under include/sql, and what the upkeep runs is shown by its tasks."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from kpi.core.airflow_settings import LONGEST_SQL
from kpi.core.settings import PROJECT, Settings
from kpi.core.statements import script, statement
from kpi.core.steps import steps
from kpi.core.templates import renderer

PACKAGE = PROJECT / "plugins" / "kpi"
SQL = PROJECT / "include" / "sql"
BEGINS = re.compile(
    r"\s*(SELECT|INSERT|UPDATE|DELETE|ALTER|CREATE|DROP|WITH|REPLACE|TRUNCATE|ANALYZE|OPTIMIZE|RENAME|LOCK TABLES"
    r"|EXPLAIN|CHECKSUM)\s"
)
# Of the session or the server, no data: docs/decisions.md lists them.
PLUMBING = re.compile(
    r"SELECT ("
    r"@@(server_uuid|global\.read_only|character_set_database)"
    r"|UTC_TIMESTAMP\(6\)"
    r"|(GET|RELEASE|IS_USED)_LOCK\(%\(name\)s(, %\(wait\)s)?\)"
    r"|RELEASE_ALL_LOCKS\(\)"
    r"|…"  # GET_LOCK, once for each of several locks
    r")"
)
SHOWN = sorted(path.relative_to(SQL).as_posix() for path in (SQL / "tasks").glob("*.sql"))


def texts(source: str) -> Iterator[str]:
    """Yield the strings of a module; what is put into one stands as `…`."""
    tree = ast.parse(source)
    parts = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in node.values
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values
            )
        elif isinstance(node, ast.Constant) and id(node) not in parts:
            yield str(node.value)


def statements_in(source: str) -> list[str]:
    return [
        text
        for text in texts(source)
        if BEGINS.match(text) and not PLUMBING.fullmatch(text.strip())
    ]


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_no_sql_begins_in_a_string_of_python(path: Path) -> None:
    assert statements_in(path.read_text("utf-8")) == []


def test_sql_in_a_string_is_found() -> None:
    source = 'a = "SELECT 1 FROM x"\nb = f"DELETE FROM {a} WHERE TRUE"\nc = f"SELECT {a}"\nd = "Update it."'
    assert statements_in(source) == ["SELECT 1 FROM x", "DELETE FROM … WHERE TRUE"]


def test_a_file_gives_its_statement_or_its_steps() -> None:
    assert statement("partitions/drop.sql", table="kpi_value", partition="p202601") == (
        "ALTER TABLE kpi_value DROP PARTITION p202601"
    )
    assert list(script("retention/holds.sql")) == ["in force", "hold what was restored"]


@pytest.mark.parametrize("path", SHOWN)
def test_what_the_upkeep_may_run_is_shown_whole(path: str) -> None:
    """With the names that are known before: what is found when it runs stands in « »."""
    shown = renderer(Settings())(path)
    found = steps(shown)
    assert len(shown) < LONGEST_SQL
    assert len({step.name for step in found}) == len(found) >= 7
    assert all(step.sql for step in found)
