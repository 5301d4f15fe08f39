"""The fact tables of the other storage mode, beside the present ones: names, DDL, foreign keys; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kpi.upkeep.migrations import Migration
from kpi.vocabulary import FACT_TABLES

# The DDL that a migration may have for a table; what stands before the name, and the name.
_DDL = re.compile(
    r"(?:CREATE\s+TABLE(?:\s+IF\s+NOT\s+EXISTS)?|ALTER\s+TABLE|(?:CREATE(?:\s+UNIQUE)?|DROP)\s+INDEX\s+\w+\s+ON)"
    r"\s+`?(?P<table>\w+)`?",
    re.IGNORECASE,
)
_FOREIGN_KEY = re.compile(
    r"FOREIGN\s+KEY\s*\((?P<column>\w+)\)\s*REFERENCES\s+(?P<parent>\w+)\s*\((?P<key>\w+)\)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ForeignKey:
    """A column of a fact table whose values are to be in a dimension."""

    table: str
    column: str
    parent: str
    key: str


def new(table: str) -> str:
    """Return the name of a fact table while its copy is made."""
    return f"{table}_new"


def old(table: str) -> str:
    """Return the name under which a fact table is kept after a conversion."""
    return f"{table}_old"


def beside(migrations: Sequence[Migration]) -> list[str]:
    """Return the migrations' DDL of the fact tables, for tables named new(table).

    Also that of later migrations; statements about other tables, and about rows, are left out.
    """
    return [
        statement[: ddl.start("table")] + new(ddl["table"]) + statement[ddl.end("table") :]
        for ddl, statement in _ddl(migrations)
    ]


def foreign_keys(migrations: Sequence[Migration]) -> list[ForeignKey]:
    """Return the foreign keys that the migrations give the fact tables."""
    return [
        ForeignKey(ddl["table"], key["column"], key["parent"], key["key"])
        for ddl, statement in _ddl(migrations)
        for key in _FOREIGN_KEY.finditer(statement)
    ]


def _ddl(migrations: Sequence[Migration]) -> list[tuple[re.Match[str], str]]:
    statements = [
        (_DDL.match(text), text) for migration in migrations for text in migration.statements
    ]
    return [(match, text) for match, text in statements if match and match["table"] in FACT_TABLES]
