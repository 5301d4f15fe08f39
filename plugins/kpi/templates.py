"""Rendering of the SQL templates under include/sql, the same in Airflow, in tests and for the linter."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import jinja2

from kpi import calendar, catalog
from kpi.connections import SOURCE, connection_settings
from kpi.errors import KpiError
from kpi.servers import CHARSET, SHARED_COLLATION
from kpi.settings import Settings

_STEP = re.compile(r"^-- step: (?P<name>.+)$", re.MULTILINE)
_SCHEMA = re.compile(r"^[0-9A-Za-z_$-]{1,64}$")


class Step(NamedTuple):
    """One statement of a script, named by the `-- step: name` line above it."""

    name: str
    sql: str


def steps(script: str) -> list[Step]:
    """Split a rendered script at its `-- step: name` lines into single statements, in order."""
    marks = list(_STEP.finditer(script))
    ends = [mark.start() for mark in marks[1:]] + [len(script)]
    return [
        Step(mark["name"].strip(), script[mark.end() : end].strip().rstrip(";"))
        for mark, end in zip(marks, ends, strict=True)
    ]


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


def utc_expression(expression: str, zone: str) -> str:
    """Return an SQL expression for the UTC instant of a wall time in `zone`.

    It takes the offset in force off the wall time: a number where the zone's never changes, else a CASE over
    the changes, newest first, since most rows are recent.
    """
    wall_time = f"CAST({expression} AS DATETIME(6))"
    changes = calendar.transitions(zone)
    offset = str(changes[0].before)
    if len(changes) > 1:
        branches = "\n".join(
            f"  WHEN {expression} >= TIMESTAMP '{earlier.wall:%Y-%m-%d %H:%M:%S}' THEN {later.before}"
            for earlier, later in reversed(list(pairwise(changes)))
        )
        offset = f"CASE\n{branches}\n  ELSE {offset}\nEND"
    return wall_time if offset == "0" else f"{wall_time} - INTERVAL {offset} SECOND"


def text(expression: str) -> str:
    """Return an SQL expression for a text of the source in one collation, so that it meets texts of other columns."""
    return f"CONVERT({expression} USING {CHARSET}) COLLATE {SHARED_COLLATION}"


@jinja2.pass_context
def of_learners(context: jinja2.runtime.Context, learner_id: str) -> str:
    """Return the condition that a column is a learner to capture, for adapters; TRUE in a capture of all learners."""
    if not context.get("only_learners"):
        return "TRUE"
    listed = "JSON_TABLE(%(learners)s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS listed"
    return f"{learner_id} IN (SELECT listed.id FROM {listed})"


def template_context(settings: Settings) -> dict[str, Any]:
    """Return what every template may call, besides its own parameters.

    `metrics()` and `measures(table)` list the catalogue; `adapter` and `adapter_relations()` say how the
    source is read; `source_schema()` is its schema, quoted; `of_learners(column)` restricts a capture of some learners;
    `utc(expr)` and `local_midnight(expr)` are the
    adapters' conversions of wall times and local dates to UTC instants, `text(expr)` that of texts to one collation.
    """
    return {
        "metrics": partial(catalog.metrics, settings.sql_dir),
        "measures": partial(catalog.measures, settings.sql_dir),
        "adapter": settings.source_adapter,
        "adapter_relations": partial(catalog.relations, settings.sql_dir, settings.source_adapter),
        "source_schema": source_schema,
        "of_learners": of_learners,
        "text": text,
        "utc": partial(utc_expression, zone=settings.source_timezone),
        "local_midnight": partial(utc_expression, zone=settings.timezone),
    }


@cache
def environment(sql_dir: Path) -> jinja2.Environment:
    """Return a Jinja environment over include/sql that fails on an undefined name.

    There is one for each folder, as compiling the templates takes far longer than rendering them.
    """
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(sql_dir), undefined=jinja2.StrictUndefined, autoescape=False
    )


def renderer(settings: Settings, **values: Any) -> Callable[[str], str]:
    """Return a function that renders a template, given by its path below include/sql."""
    env = environment(settings.sql_dir)
    context = template_context(settings) | values

    def render(path: str) -> str:
        return env.get_template(path).render(context)

    return render
