"""The rooms of plugins/kpi: few, named for what they hold, and importing downwards only."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kpi.core.settings import PROJECT

PACKAGE = PROJECT / "plugins" / "kpi"
# Each may import those before it, and itself.
ROOMS = ("core", "history", "figures", "incremental", "upkeep", "alerts", "status", "ui")
ORDER = ("vocabulary", *ROOMS, "operators")
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> Iterator[str]:
    """Yield the rooms whose modules a module imports."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "kpi":
            words = (node.module or "").split(".")[1:]
            yield from [words[0]] if words else [alias.name for alias in node.names]


def test_there_are_at_most_eight_rooms_beside_the_vocabulary_and_the_operators() -> None:
    assert {room(path) for path in MODULES} == set(ORDER)
    assert len(ROOMS) <= 8


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_import_runs_upwards(path: Path) -> None:
    allowed = {*ORDER[: ORDER.index(room(path)) + 1], "__version__"}
    assert set(imported_rooms(path)) <= allowed


def test_no_module_shadows_one_of_the_standard_library() -> None:
    names = {path.stem for path in MODULES}
    assert names & sys.stdlib_module_names == set()
