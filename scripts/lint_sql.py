"""Render every SQL template as Airflow would, into .local/rendered, and lint it with sqlfluff.

The bound parameters, %(name)s, stay in the rendered text. Exit status is sqlfluff's.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from kpi.core.settings import PROJECT, Settings
from kpi.core.steps import Step, steps
from rendered_sql import SCRIPTS, SINGLE, STATEMENTS, offline, paths, without_gaps

RENDERED = PROJECT / ".local" / "rendered"
STATEMENT = "statement"  # the one of a file without steps

# Steps, by their script, that MySQL knows and sqlfluff's grammar does not.
NOT_PARSED = {
    ("partitions/lock_tables.sql", STATEMENT),
    ("partitions/reorganise.sql", STATEMENT),
    ("retention/exchange.sql", "rebuild"),
    ("retention/removal.sql", "without partitions"),
    ("storage/copies.sql", "checksums of both"),
}


def rendered(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield (name, SQL) for each statement of each script, each check, migration and display query."""
    render = offline(settings)
    for name in paths(settings, SCRIPTS + STATEMENTS):
        text = render(name)
        parts = steps(text) if "-- step: " in text else [Step(STATEMENT, text)]
        for number, step in enumerate(parts, start=1):
            if (name, step.name) in NOT_PARSED:
                continue
            words = re.sub(r"\W+", "_", step.name)
            yield f"{name.removesuffix('.sql')}/{number:02}_{words}.sql", step.sql
    for name in paths(settings, SINGLE):
        yield name, render(name)


def main() -> int:
    """Render and lint; return sqlfluff's exit status."""
    shutil.rmtree(RENDERED, ignore_errors=True)
    for name, sql in rendered(Settings()):
        path = RENDERED / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(without_gaps(sql), "utf-8")
    sqlfluff = str(Path(sys.executable).parent / "sqlfluff")
    command = [sqlfluff, "lint", "--processes", "2", str(RENDERED), *sys.argv[1:]]
    return subprocess.run(command, check=False, cwd=PROJECT).returncode


if __name__ == "__main__":
    sys.exit(main())
