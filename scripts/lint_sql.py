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

from kpi import catalog
from kpi.settings import PROJECT, Settings
from kpi.templates import renderer, steps

RENDERED = PROJECT / ".local" / "rendered"
SCRIPTS = (
    *(
        "capture/capture.sql",
        "capture/learners.sql",
        "capture/take_back.sql",
        "incremental/*.sql",
        "dimensions/dimensions.sql",
        "facts/*/slice.sql",
        "facts/*/range.sql",
    ),
    *("rollup/*/period.sql", "rollup/*/rolling.sql", "display/kpi_tile_cache.sql"),
    "alerts/thresholds.sql",
)
SINGLE = (
    "capture/missed_days.sql",
    *("schema/*.sql", "checks/*.sql", "display/[!k]*.sql", "dimensions/kpi_*.sql"),
    *("rollup/*.sql", "alerts/[!at]*.sql", "alerts/told.sql", "status/*.sql"),
    *("display/dashboard/*.sql", "adapter/*.sql"),
)


def rendered(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield (name, SQL) for each statement of each script, each check, migration and display query."""
    shapes = {"table": "kpi_value", "words": 2, "among_learners": 1}
    shapes |= {"relation": "scope", "column": "scope_type", "key": catalog.KEYS["scope"]}
    source = {"source_schema": lambda: "`lms`", "soft_deleted_tables": frozenset, "source": "`lms`"}
    render = renderer(settings, **source, **shapes)
    for pattern in SCRIPTS:
        for path in sorted(settings.sql_dir.glob(pattern)):
            name = path.relative_to(settings.sql_dir).as_posix()
            for number, step in enumerate(steps(render(name)), start=1):
                words = re.sub(r"\W+", "_", step.name)
                yield f"{name.removesuffix('.sql')}/{number:02}_{words}.sql", step.sql
    for pattern in SINGLE:
        for path in sorted(settings.sql_dir.glob(pattern)):
            name = path.relative_to(settings.sql_dir).as_posix()
            yield name, render(name)
    yield "dimensions/first_source_day.sql", render("dimensions/first_source_day.sql")


def main() -> int:
    """Render and lint; return sqlfluff's exit status."""
    settings = Settings()
    shutil.rmtree(RENDERED, ignore_errors=True)
    for name, sql in rendered(settings):
        path = RENDERED / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # The blank lines that Jinja's tags leave are of no interest.
        path.write_text(re.sub(r"\n{3,}", "\n\n", sql.strip()) + "\n", "utf-8")
    catalog.metrics(settings.sql_dir)
    command = [
        str(Path(sys.executable).parent / "sqlfluff"),
        "lint",
        "--processes",
        "2",
        str(RENDERED),
    ]
    return subprocess.run([*command, *sys.argv[1:]], check=False, cwd=PROJECT).returncode


if __name__ == "__main__":
    sys.exit(main())
