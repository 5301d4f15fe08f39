"""The statements of ledger, preflight and upkeep, by their file under include/sql.

What is put into one by name (tables, columns, partitions) is the package's own or was read from the database and
quoted; all other values are bound when it runs.
"""

from __future__ import annotations

from typing import Any

from kpi.core.settings import settings
from kpi.core.steps import steps
from kpi.core.templates import VOCABULARY, environment


def statement(path: str, **values: Any) -> str:
    """Return the one statement of a file."""
    return _rendered(path, values).strip()


def script(path: str, **values: Any) -> dict[str, str]:
    """Return the statements of a file by the names of their steps, in order."""
    return {step.name: step.sql for step in steps(_rendered(path, values))}


def _rendered(path: str, values: dict[str, Any]) -> str:
    return environment(settings().sql_dir).get_template(path).render(VOCABULARY | values)
