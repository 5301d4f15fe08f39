"""Rendering of the SQL templates under include/sql, the same in Airflow, in tests and for the linter."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import jinja2

from kpi import vocabulary
from kpi.core import catalog, local_days
from kpi.core.connections import SOURCE, Session, attempted, connection_settings, session
from kpi.core.errors import KpiError
from kpi.core.servers import CHARSET, SHARED_COLLATION
from kpi.core.settings import Settings, settings

_SCHEMA = re.compile(r"^[0-9A-Za-z_$-]{1,64}$")
# What the templates know of the vocabulary.
VOCABULARY = {
    "enum": vocabulary.enum,
    "all_periods": vocabulary.PERIODS,
    "calendar_periods": vocabulary.CALENDAR_PERIODS,
    "period_words": vocabulary.PERIOD_WORDS,
    "scope_types": vocabulary.SCOPE_TYPES,
    "target_types": vocabulary.TARGET_TYPES,
    "finest_first": vocabulary.FINEST_FIRST,
    "domains": vocabulary.DOMAINS,
    "fact_tables": vocabulary.FACT_TABLES,
    "daily_tables": vocabulary.DAILY_TABLES,
    "written_tables": vocabulary.WRITTEN_TABLES,
    "tile_periods": vocabulary.TILE_PERIODS,
    "day_sums": vocabulary.DAY_SUMS,
}
_LAST_SECOND = 253_370_764_799  # 9998-12-31 23:59:59


def quoted_schema(name: str) -> str:
    """Return a schema's name in back-quotes; raises KpiError when it is no plain identifier."""
    if not _SCHEMA.match(name):
        raise KpiError(
            f"The schema name {name!r} is not allowed; "
            "use letters, digits, '_', '-' and '$' in the connection's schema."
        )
    return f"`{name}`"


def source_schema() -> str:
    """Return the quoted schema of the connection kpi_source; raises ConnectionProblem without one."""
    return quoted_schema(connection_settings(SOURCE).schema or "")


def soft_deleted_tables(attempts: int) -> frozenset[str]:
    """Ask the source which of its tables mark deleted rows, again after transient errors; raises ConnectionProblem."""

    def once() -> frozenset[str]:
        with session(SOURCE) as source:
            return with_deleted_rows(source)

    return attempted(once, attempts)


def with_deleted_rows(source: Session) -> frozenset[str]:
    """Return the source's tables that mark deleted rows, in a column `deleted_at`."""
    sql = renderer(settings())("preflight/deleted_rows.sql")
    rows = source.rows(sql, {"schema_name": source.schema})
    return frozenset(str(table) for (table,) in rows)


@jinja2.pass_context
def live(context: jinja2.runtime.Context, table: str, alias: str | None = None) -> str:
    """Return a table of the source, for adapters, without the rows that it marks as deleted in `deleted_at`."""
    name = f"{context['source']}.{table}"
    if table not in context.get("soft_deleted", ()):
        return f"{name} AS {alias}" if alias else name
    return f"(SELECT * FROM {name} WHERE deleted_at IS NULL) AS {alias or table}"


def utc_expression(expression: str, zone: str) -> str:
    """Return an SQL expression for the UTC instant of a wall time in `zone`.

    It takes the offset in force off the wall time: a number where the zone's never changes, else a CASE over
    the changes, newest first, since most rows are recent. What is no date, or next to the first or last there is,
    comes out as it is, for the capture to set aside: MySQL refuses to reckon with it.
    """
    wall_time = f"CAST({expression} AS DATETIME(6))"
    changes = local_days.transitions(zone)
    offset = _offset(expression, changes[0].before, _by_wall_time(zone))
    if offset == "0":
        return wall_time
    return f"IF({_odd_date(expression)}, {wall_time}, {wall_time} - INTERVAL {offset} SECOND)"


def local_date_expression(expression: str, zone: str) -> str:
    """Return an SQL expression for the local date, in `zone`, of a UTC instant."""
    changes = local_days.transitions(zone)
    # A change is on the wall clock of the greater of its two offsets.
    instants = [
        (earlier.wall - timedelta(seconds=max(earlier.before, later.before)), later.before)
        for earlier, later in pairwise(changes)
    ]
    offset = _offset(expression, changes[0].before, instants)
    if offset == "0":
        return f"CAST({expression} AS DATE)"
    shifted = f"CAST({expression} + INTERVAL {offset} SECOND AS DATE)"
    return f"IF({_odd_date(expression)}, CAST({expression} AS DATE), {shifted})"


def day_after(expression: str) -> str:
    """Return an SQL expression for the date after a DATE; the last one there is comes out as it is."""
    return f"IF({_odd_date(expression)}, {expression}, {expression} + INTERVAL 1 DAY)"


def unix_expression(expression: str) -> str:
    """Return an SQL expression for the UTC instant of a number of seconds since 1970; 0 is none.

    A number that is no instant gives the last one there is, for the capture to set aside.
    """
    seconds = f"CAST({expression} AS DECIMAL(30, 6))"
    return (
        f"IF({seconds} BETWEEN 0 AND {_LAST_SECOND}, TIMESTAMP '1970-01-01 00:00:00.000000' + "
        f"INTERVAL NULLIF({seconds}, 0) SECOND, IF({seconds} IS NULL, NULL, TIMESTAMP '9999-12-31 00:00:00.000000'))"
    )


def is_day(expression: str) -> str:
    """Return the condition that a DATE or DATETIME is there and not a zero date."""
    return f"{expression} >= '1000-01-01'"


def _by_wall_time(zone: str) -> list[tuple[datetime, int]]:
    changes = local_days.transitions(zone)
    return [(earlier.wall, later.before) for earlier, later in pairwise(changes)]


def _offset(expression: str, first: int, changes: Sequence[tuple[datetime, int]]) -> str:
    """Return the offset in force in seconds: `first`, then, from each of the changes on, the one it brings."""
    branches = "\n".join(
        f"  WHEN {expression} >= TIMESTAMP '{since:%Y-%m-%d %H:%M:%S}' THEN {offset}"
        for since, offset in reversed(changes)
    )
    return f"CASE\n{branches}\n  ELSE {first}\nEND" if branches else str(first)


def _odd_date(expression: str) -> str:
    return (
        f"{expression} >= '9998-12-31' OR {expression} < '1000-01-02' "
        f"OR MONTH({expression}) = 0 OR DAY({expression}) = 0"
    )


def text(expression: str) -> str:
    """Return an SQL expression for a text of the source in one collation, so that it meets texts of other columns."""
    return f"CONVERT({expression} USING {CHARSET}) COLLATE {SHARED_COLLATION}"


def found_in(what: str, folders: Sequence[str], name: str) -> list[str]:
    """Return where a road looks for one of its `sets` or `sums`: in its folders, in order."""
    return [f"{what}/{folder}/{name}.sql" for folder in folders]


@jinja2.pass_context
def of_learners(context: jinja2.runtime.Context, learner_id: str) -> str:
    """Return the condition that a column is a learner to capture, for adapters; TRUE in a capture of all learners."""
    if not context.get("only_learners"):
        return "TRUE"
    listed = "JSON_TABLE(%(learners)s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS listed"
    return f"{learner_id} IN (SELECT listed.id FROM {listed})"


def template_context(settings: Settings) -> dict[str, Any]:
    """Return what every template may call, besides its own parameters.

    `figures(table)` lists the catalogue, the vocabulary stands by its own names, `found_in` says where a road takes a
    set or sums from. `adapter`, `adapter_relations()` and `hints(relation)` say how the source is read, and
    `contract(relation)` with which columns; `source_schema()` is its schema, quoted, and `soft_deleted_tables()` those
    of its tables that mark deleted rows. The rest is what adapters use (include/sql/source/README.md).
    """
    return {
        "figures": partial(catalog.figures, settings.sql_dir),
        "found_in": found_in,
        **VOCABULARY,
        "adapter": settings.source_adapter,
        "adapter_relations": partial(catalog.relations, settings.sql_dir, settings.source_adapter),
        "hints": partial(catalog.hints, settings.sql_dir, settings.source_adapter),
        "contract": catalog.CONTRACT.__getitem__,
        "source_schema": source_schema,
        "soft_deleted_tables": partial(soft_deleted_tables, settings.write_attempts),
        "live": live,
        "parameters": settings.source_parameters,
        "of_learners": of_learners,
        "text": text,
        "is_day": is_day,
        "day_after": day_after,
        "unix": unix_expression,
        "local_date": partial(local_date_expression, zone=settings.timezone),
        "utc": partial(utc_expression, zone=settings.source_timezone),
        "local_midnight": partial(utc_expression, zone=settings.timezone),
    }


@cache
def environment(sql_dir: Path) -> jinja2.Environment:
    """Return a Jinja environment over include/sql that fails on an undefined name.

    There is one for each folder, as compiling the templates takes far longer than rendering them.
    """
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(sql_dir), undefined=jinja2.StrictUndefined, autoescape=False
    )
    made.globals.update(VOCABULARY)
    return made


def renderer(settings: Settings, **values: Any) -> Callable[[str], str]:
    """Return a function that renders a template, given by its path below include/sql."""
    env = environment(settings.sql_dir)
    context = template_context(settings) | values

    def render(path: str) -> str:
        return env.get_template(path).render(context)

    return render
