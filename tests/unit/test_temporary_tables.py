"""A temporary table would take the database's collation, and could then not be compared with the package's tables."""

from __future__ import annotations

import re

import pytest
from kpi.core.servers import COLLATION
from kpi.core.settings import PROJECT

SQL = PROJECT / "include" / "sql"
CREATE = re.compile(r"CREATE TEMPORARY TABLE[^;]*;")
MADE = [
    pytest.param(statement, id=f"{path.relative_to(SQL)}: {statement.split('(')[0].split()[-1]}")
    for path in sorted(SQL.rglob("*.sql"))
    for statement in CREATE.findall(path.read_text("utf-8"))
]


@pytest.mark.parametrize("statement", MADE)
def test_a_temporary_table_says_its_collation_and_has_a_primary_key(statement: str) -> None:
    assert statement.endswith(f") COLLATE {COLLATION};")
    assert "PRIMARY KEY" in statement  # for servers with sql_require_primary_key
