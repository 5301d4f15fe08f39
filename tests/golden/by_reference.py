"""Plays a golden case on the reference, without a database: its history, and the rows it gives."""

from __future__ import annotations

from datetime import date
from typing import Any

from tests.golden.case import Case, Row, Thing, When, spread
from tests.golden.play import FACT_COLUMNS, HISTORY_ROW, contract_rows, shown
from tests.reference import facts, rollups
from tests.reference.calendar import Calendar
from tests.reference.capture import capture, capture_learners
from tests.reference.history import Feedback, History, Membership, Plan, Realisation
from tests.reference.rollups import Past

VERSIONS = {"realisation": Realisation, "membership": Membership, "plan": Plan}
DAILY: dict[str, Any] = {
    "kpi_value": facts.value_rows,
    "kpi_state_count": facts.state_rows,
    "kpi_percentiles": facts.percentile_rows,
}
ROLLED_UP: dict[str, Any] = {
    "kpi_value": rollups.value_rows,
    "kpi_state_count": rollups.state_rows,
    "kpi_percentiles": rollups.percentile_rows,
    "kpi_plan_gap": rollups.plan_rows,
}


def past_of(case: Case, calendar: Calendar) -> Past:
    """Return the case's history, with its done days computed."""
    history = History(hints=frozenset(case.hints))
    for night in case.nights:
        source = contract_rows(case, night.rows)
        if night.alone is None:
            capture(history, source, night.day, night.captured_at, calendar)
        else:
            capture_learners(history, source, night.alone, night.captured_at)
    if not case.nights:
        _fill(history, case)
    past = Past(history, calendar)
    for day in case.done:
        past.compute(day)
    return past


def _fill(history: History, case: Case) -> None:
    for name, above in case.targets.items():
        target, parent = Thing.read(name), Thing.read(above) if above else None
        history.targets[target.kind, target.key] = (
            name,
            parent.kind if parent else None,
            parent.key if parent else None,
        )
    unbelieved: dict[str, Any] = {"source_started_at": None, "source_finished_at": None}
    for relation, rows in case.history.items():
        for row in map(HISTORY_ROW[relation], spread(rows)):
            if relation == "feedback":
                history.feedback.append(Feedback(**row))
                continue
            more = unbelieved if relation == "realisation" else {}
            getattr(history, f"{relation}s").append(VERSIONS[relation](**row, **more))


def rows_of(case: Case, past: Past, when: When) -> list[Row]:
    """Return the reference's rows of a day or period, as `Play.facts` does."""
    if when.period == "D":
        rows = DAILY[case.table](past.history, when.date_id, past.calendar)
    elif when.period == "R":
        rows = rollups.rolling_rows(past, when.date_id)
    else:
        day: date = case.latest_done(when) or when.first
        rows = ROLLED_UP[case.table](past, when.period, day)
    code = {"kpi_state_count": None, "kpi_plan_gap": None}.get(case.table, case.code + when.window)
    return shown(
        case,
        (
            _row(case.table, key, values)
            for key, values in rows.items()
            if code is None or key[4] == code
        ),
    )


def _row(table: str, key: tuple[Any, ...], values: tuple[Any, ...]) -> Row:
    row: Row = {"scope": _name(key[:2]), "target": _name(key[2:4])}
    if table == "kpi_value":
        *columns, extra = values
        told = extra or {}
        columns += [told.get(name) for name in ("reconstructed", "as_of", "days", "complete")]
    elif table == "kpi_state_count":
        columns = [*key[4:], *values]
    else:
        columns = list(values)
    return row | dict(zip(FACT_COLUMNS[table], columns, strict=True))


def _name(ref: tuple[str, int]) -> str:
    return f"{ref[0]} {ref[1]}" if ref[0] != "GLOBAL" else ref[0]
