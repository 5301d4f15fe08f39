"""The SQL as it runs, without Airflow or a database: each script, or one figure on one road.

`make rendered` writes every script into tests/rendered, for a small fixed catalogue and a source in UTC, so that a
change of a template shows what it changes. `make show FIGURE=PCT_ACQUIS ROAD=day` prints what computes one figure.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Any

from kpi.core import catalog
from kpi.core.connections import AS_THEY_ARE
from kpi.core.errors import InputError
from kpi.core.servers import CHARSET, COLLATION
from kpi.core.settings import PROJECT, Settings
from kpi.core.steps import Step, steps
from kpi.core.tables import Column, Rows
from kpi.core.templates import renderer
from kpi.upkeep.storage.tables import ForeignKey, new, old
from kpi.vocabulary import FACT_TABLES

FOLDER = PROJECT / "tests" / "rendered"
# Of each shape of figures one.
CATALOGUE = (
    *("PCT_ACQUIS", "PROGRESSION_MOY", "PCT_COUVERTURE_UA", "INACTIVITE_7J", "DELAI_ACQUIS_MICRO"),
    *("DELAI_FEEDBACK", "ETATS", "ECART_PLAN"),
)
# The scripts of each road.
ROADS = {
    "day": ("facts/*/day.sql",),
    "range": ("facts/*/range.sql",),
    "closing": ("facts/*/closing.sql",),
    "windows": ("facts/*/windows.sql",),
    "opening": ("roads/opening.sql",),
    "change": ("roads/change/before_and_after.sql", "roads/change/cells.sql"),
}
SCRIPTS = (
    *(pattern for patterns in ROADS.values() for pattern in patterns),
    *("capture/capture.sql", "capture/learners.sql", "capture/take_back.sql"),
    *("dimensions/dimensions.sql", "alerts/thresholds.sql", "display/kpi_tile_cache.sql"),
)
SINGLE = (
    "capture/missed_days.sql",
    *("schema/*.sql", "checks/*.sql", "display/[!k]*.sql", "dimensions/kpi_*.sql"),
    *("rollup/*.sql", "alerts/[!at]*.sql", "alerts/told.sql", "status/*.sql"),
    *("display/dashboard/*.sql", "adapter/*.sql", "dimensions/first_source_day.sql"),
)
# Ledger, preflight and upkeep: scripts, or one statement a file.
STATEMENTS = (
    *("changes/*.sql", "ledger/*.sql", "migrations/*.sql", "partitions/*.sql", "preflight/*.sql"),
    *("retention/*.sql", "storage/*.sql", "tables/*.sql", "dimensions/days.sql"),
    *("capture/kept.sql", "capture/stage.sql"),
)
# What the tasks of the upkeep show: names that are found when they run stand in « ».
SHOWN = ("tasks/*.sql",)
_TAG = re.compile(r"\{[{%]")


def upkeep() -> dict[str, Any]:
    """Return an example of each name that the statements of the upkeep are rendered with."""
    rows = Rows("kpi_value", "p202601", date(2026, 1, 1), date(2026, 1, 31), ("D", "W"))
    columns = [Column("id", "bigint", "NO", ""), Column("value_num", "decimal(12,4)", "YES", "")]
    return {
        **dict.fromkeys(("rows", "place", "kept", "copied"), rows),
        "columns": columns,
        "tables": list(FACT_TABLES),
        "dates": 2,
        "undo_table": "kpi_undo_kpi_value_202601_20260501050000000000",
        "partition": "p202601",
        "periods": rows.periods,
        "names": ["p_max"],
        "parts": [("p202602", "(TO_DAYS('2026-03-01'))"), ("p_max", "MAXVALUE")],
        "charset": CHARSET,
        "collation": COLLATION,
        "copy": new("kpi_value"),
        "new": {table: new(table) for table in FACT_TABLES},
        "old": {table: old(table) for table in FACT_TABLES},
        "foreign_key": ForeignKey("kpi_value", "metric_id", "kpi_metric", "id"),
        "written": {"kpi_run": "table_name", "kpi_reject": "relation"},
        "into": ["scope_type", "ref_id"],
        "select": "SELECT\n  scope_type,\n  ref_id\nFROM lms_scope",
        "sql_mode": AS_THEY_ARE,
    }


def offline(settings: Settings, **values: Any) -> Callable[[str], str]:
    """Return a renderer that needs no connection: the source's schema is `lms`, no table marks deleted rows."""
    shapes = {"table": "kpi_value", "words": 2, "among_learners": 1}
    shapes |= {"relation": "scope", "column": "scope_type", "key": catalog.KEYS["scope"]}
    source = {"source_schema": lambda: "`lms`", "soft_deleted_tables": frozenset, "source": "`lms`"}
    return renderer(settings, **source, **shapes, **upkeep(), **values)


def paths(settings: Settings, patterns: tuple[str, ...]) -> Iterator[str]:
    """Yield the templates that patterns name, by their paths below include/sql."""
    for pattern in patterns:
        for path in sorted(settings.sql_dir.glob(pattern)):
            yield path.relative_to(settings.sql_dir).as_posix()


def without_gaps(sql: str) -> str:
    """Return SQL without the blank lines that Jinja's tags leave."""
    return re.sub(r"\n{3,}", "\n\n", sql.strip()) + "\n"


def snapshots(settings: Settings) -> dict[str, str]:
    """Return the rendered text of each file that is a template, of the small catalogue and a source in UTC."""
    in_utc = settings.model_copy(update={"timezone": "UTC", "source_timezone": "UTC"})

    def few(figures: Iterable[Any]) -> list[Any]:
        return [figure for figure in figures if figure.code in CATALOGUE]

    render = offline(in_utc, figures=lambda table: few(catalog.figures(in_utc.sql_dir, table)))
    return {
        path: without_gaps(render(path))
        for path in paths(in_utc, SCRIPTS + SINGLE + STATEMENTS + SHOWN)
        if _TAG.search((in_utc.sql_dir / path).read_text("utf-8"))
    }


def figure_steps(settings: Settings, figure: str, road: str) -> list[tuple[str, Step]]:
    """Return the steps that compute a figure on a road, with their scripts; raises InputError when there are none."""
    if road not in ROADS:
        raise InputError(f"There is no road '{road}'; choose one of {', '.join(ROADS)}.")
    render = offline(settings)
    computing = [
        (path, step)
        for path in paths(settings, ROADS[road])
        for step in steps(render(path))
        if step.figure == figure
    ]
    if not computing:
        raise InputError(
            f"No step of the road '{road}' computes the figure '{figure}'; docs/figures.md lists the figures, and "
            "rows that are added up or carried over for all figures at once have no step of their own."
        )
    return computing


def write(settings: Settings) -> None:
    """Write the snapshots anew."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    for name, sql in snapshots(settings).items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(sql, "utf-8")


def main() -> int:
    """Write the snapshots, or print one figure's SQL; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--figure")
    parser.add_argument("--road", default="day")
    asked = parser.parse_args()
    if asked.figure is None:
        write(Settings())
        return 0
    try:
        for path, step in figure_steps(Settings(), asked.figure, asked.road):
            print(f"-- {path}: {step.name}\n{without_gaps(step.sql)}")
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
