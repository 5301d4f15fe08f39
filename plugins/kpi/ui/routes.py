"""The dashboard's data, a route each (docs/dashboard.md): what is asked for, its query, the answer's form."""

from __future__ import annotations

import json
from itertools import groupby
from operator import itemgetter
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from kpi.core.settings import settings
from kpi.ui import dimensions, labels
from kpi.ui.answers import DataResponse, Output
from kpi.ui.parameters import parameters_of
from kpi.ui.reading import Row, rows
from kpi.ui.reliability import reliability
from kpi.ui.selection import AskedFigures, AskedRange, Id, IdInPath, metric_of, today
from kpi.ui.turns import InTurn
from kpi.vocabulary import CALENDAR_PERIODS, DAY, SCOPE_TYPES, WEEK, ClosingPeriod, ScopeType

MOST_CHILDREN = 60
MOST_WORDS = 6

router = APIRouter(default_response_class=DataResponse, route_class=InTurn)
AskedOutput = Annotated[Output, parameters_of(Output)]


@router.get("/options")
def options() -> Response:
    """What a page needs to begin: lists to choose from, a first choice, and what codes are called."""
    dates = dimensions.dates()
    day, week = dates[DAY][1], dates[WEEK][1]
    beginning = dimensions.beginning(day, week)
    # By week one sees something move; where kpi_rollup lags behind kpi_daily, the days are newer.
    period = WEEK if day and week and week >= day else DAY
    return DataResponse(
        {
            "today": today(),
            "timezone": settings().timezone,
            "scope_types": [
                {"type": code, **_both(labels.SCOPE_TYPES[code])} for code in SCOPE_TYPES
            ],
            "periods": [
                {"period": code, **_both(label), "first": dates[code][0], "latest": dates[code][1]}
                for code, label in labels.PERIODS.items()
            ],
            "metrics": [_described(metric) for metric in dimensions.metrics().values()],
            "default": {
                "scope": beginning["scope"],
                "target": beginning["target"] or dimensions.tree().root,
                "period": period,
                "date": dates[period][1],
            },
            "labels": labels.OF | {"measure": _measure_labels()},
        }
    )


@router.get("/scopes")
def scopes(
    type: ScopeType,
    q: Annotated[str, Query(max_length=100)] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Response:
    """The scopes of a type whose label holds every word of `q`."""
    words = q.split()[:MOST_WORDS]
    patterns = {f"word_{place}": f"%{_literal(word)}%" for place, word in enumerate(words)}
    matches = rows("scopes", {"type": type, "most": limit + 1, **patterns}, words=len(words))
    return DataResponse({"scopes": matches[:limit], "more": len(matches) > limit})


@router.get("/scope/{id}")
def scope(id: IdInPath) -> Response:
    """One scope."""
    return DataResponse({"scope": dimensions.scope(id)})


@router.get("/targets")
def targets(id: Id | None = None) -> Response:
    """A target, the way to it from the root, and what hangs under it."""
    tree = dimensions.tree_with(id) if id else dimensions.tree()
    target = id or tree.root
    if target is None:
        return DataResponse({"target": None, "path": [], "children": []})
    return DataResponse(
        {
            "target": tree.said(target),
            "path": [tree.said(ancestor) for ancestor in tree.path(target)],
            "children": [tree.said(child) for child in tree.children.get(target, ())],
        }
    )


@router.get("/tiles")
def tiles(asked: AskedFigures, output: AskedOutput) -> Response:
    """Each figure of a scope on a target, beside that of the period before."""
    parameters = asked.parameters()
    metrics = dimensions.metrics()
    windows = {metric.code: metric.window[1] for metric in metrics.values() if metric.window}
    figures = [
        {**metrics[row["code"]].said, **_judged(row)}
        for row in rows("tiles", parameters | {"windows": json.dumps(windows)})
        if row["code"] in metrics
    ]
    content = {
        **_when(parameters),
        "complete": all(row["complete"] for row in figures),
        "tiles": figures,
    }
    return output.reply(content, "tiles", [_in_language(row, output) for row in figures])


@router.get("/states")
def states(asked: AskedFigures, output: AskedOutput) -> Response:
    """How many pairs are in each state, for the target and for each that hangs under it."""
    parameters = asked.parameters(instead_of_windows=DAY)
    tree = dimensions.tree_with(asked.target)
    children = tree.children.get(asked.target, [])
    shown = children[:MOST_CHILDREN]
    counts = rows("states", parameters | {"targets": json.dumps([asked.target, *shown])})
    domains = {
        target: _domains(list(some)) for target, some in groupby(counts, itemgetter("target_id"))
    }
    content = {
        **_when(parameters),
        "domains": domains.get(asked.target, []),
        "children": [
            {"target": tree.said(child), "domains": domains.get(child, [])} for child in shown
        ],
        "left_out": len(children) - len(shown),
    }
    table = [
        {
            "target": tree.targets[row["target_id"]]["label"],
            "domain": labels.said(row["domain"], "target_type", output.lang),
            "state": labels.said(row["code"], "state", output.lang),
            **{key: row[key] for key in ("code", "order", "count", "total")},
        }
        for row in counts
    ]
    return output.reply(content, "states", table)


@router.get("/evolution")
def evolution(
    asked: AskedFigures,
    within: AskedRange,
    output: AskedOutput,
    metric: Annotated[str, Query(max_length=64)],
) -> Response:
    """A metric over time, a point for each date of the period, NULLs where there is no figure."""
    definition = metric_of(metric, asked.period)
    dates = within.parameters(asked.period)
    parameters = asked.parameters() | dates | {"metric": definition.id}
    points = rows("evolution", parameters)
    content = {
        "metric": definition.code,
        "unit": definition.unit,
        **_over(parameters),
        "points": points,
    }
    return output.reply(content, f"evolution_{definition.code}", points)


@router.get("/delays")
def delays(asked: AskedFigures, output: AskedOutput) -> Response:
    """The percentiles of the delays."""
    parameters = asked.parameters(instead_of_windows=DAY)
    percentiles = [{**_measured(row["code"]), **_judged(row)} for row in rows("delays", parameters)]
    content = {**_when(parameters), "measures": percentiles}
    return output.reply(content, "delays", [_in_language(row, output) for row in percentiles])


@router.get("/plan")
def plan(
    scope: Id,
    target: Id,
    within: AskedRange,
    output: AskedOutput,
    period: ClosingPeriod = CALENDAR_PERIODS[0],
) -> Response:
    """Plan against done, week by week or month by month."""
    asked = {"scope": scope, "target": target, "period": period, "today": today()}
    parameters = asked | within.parameters(period)
    points = rows("plan", parameters)
    return output.reply({**_over(parameters), "points": points}, "plan", points)


@router.get("/siblings")
def siblings(
    asked: AskedFigures,
    output: AskedOutput,
    metric: Annotated[str, Query(max_length=64)],
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """A metric for the scopes of the scope's type, of a learner for those of his groups, the best first."""
    definition = metric_of(metric, asked.period)
    parameters = asked.parameters()
    better = {"higher_is_better": definition.higher_is_better}
    kind = dimensions.scope(asked.scope)["type"]
    ranking = rows(
        "siblings",
        parameters | better | {"metric": definition.id, "type": kind, "most": limit},
        among_learners=kind == "APPRENANT",
    )
    content = {
        "metric": definition.code,
        "unit": definition.unit,
        **_when(parameters),
        **better,
        "rows": [
            {"scope": _named(row), "chosen": row["chosen"], **_ranked(row)} for row in ranking
        ],
        "left_out": ranking[0]["scopes"] - len(ranking) if ranking else 0,
    }
    table = [{"rank": row["rank"], "label": row["label"], **_ranked(row)} for row in ranking]
    return output.reply(content, f"siblings_{definition.code}", table)


@router.get("/freshness")
def freshness(output: AskedOutput) -> Response:
    """What each table was last written for, from the ledger."""
    captured_at, facts = dimensions.freshness()
    content = {"captured_at": captured_at, "facts": facts}
    return output.reply(content, "freshness", facts)


@router.get("/rejects")
def rejects(
    output: AskedOutput,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> Response:
    """What could not be used: counted by reason, then a page of the list."""
    last_capture, reasons = dimensions.rejects()
    page = rows("rejects", {"most": limit, "skipped": offset})
    content = {
        "total": sum(row["rows"] for row in reasons),
        "captured_at": last_capture,
        "reasons": reasons,
        "rows": page,
    }
    return output.reply(content, "rejects", page)


def _both(label: labels.Label) -> dict[str, str]:
    return {"label_fr": label["fr"], "label_en": label["en"]}


def _described(metric: dimensions.Metric) -> dict[str, Any]:
    of, days = metric.window or (None, None)
    return {
        **metric.said,
        "target_levels": metric.target_levels,
        "rolling": {"of": of, "days": days} if of else None,
    }


def _measure_labels() -> dict[str, labels.Label]:
    return {
        code: {"fr": measure.label, "en": measure.english}
        for code, measure in dimensions.measures().items()
    }


def _measured(code: str) -> dict[str, str]:
    """Return what a measure's rows are of; rows whose file is gone are called by their code."""
    measure = dimensions.measures().get(code)
    return {
        "code": code,
        "label": measure.label if measure else code,
        "label_en": measure.english if measure else code,
        "unit": measure.unit if measure else "",
    }


def _literal(word: str) -> str:
    """Return a word as a LIKE pattern for itself."""
    return word.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")


def _when(parameters: Row) -> Row:
    return {"period": parameters["period"], "date": parameters["date"]}


def _over(parameters: Row) -> Row:
    return {
        "period": parameters["period"],
        "from": parameters["first"],
        "to": parameters["last"],
    }


def _judged(row: Row) -> Row:
    return {**row, "reliability": reliability(row["sample_size"], row.get("denominator"))}


def _named(row: Row) -> Row:
    return {key: row[key] for key in ("id", "type", "ref_id", "label")}


def _ranked(row: Row) -> Row:
    keys = ("rank", "value", "sample_size", "numerator", "denominator")
    return _judged({key: row[key] for key in keys})


def _in_language(row: Row, output: Output) -> Row:
    """Return a row for CSV: with one label, in the language wanted."""
    label = row["label_en"] if output.lang == "en" else row["label"]
    return {key: value for key, value in row.items() if key != "label_en"} | {"label": label}


def _domains(counts: list[Row]) -> list[Row]:
    """Return one target's states, given in the order of domains, by domain."""
    return [
        {
            "domain": domain,
            "total": some[0]["total"],
            "states": [{key: row[key] for key in ("code", "order", "count")} for row in some],
        }
        for domain, rows_of in groupby(counts, itemgetter("domain"))
        if (some := list(rows_of))
    ]
