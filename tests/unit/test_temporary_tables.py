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


def test_a_text_out_of_json_says_its_collation() -> None:
    """It would take the server's default_collation_for_utf8mb4."""
    texts = re.compile(r"(?:CHAR|TEXT|ENUM|enum)\b[^,\n]* PATH '")
    found = [
        line.strip()
        for path in sorted(SQL.rglob("*.sql"))
        for line in path.read_text("utf-8").splitlines()
        if texts.search(line)
    ]
    assert found
    assert [line for line in found if f"COLLATE {COLLATION} PATH" not in line] == []
