"""Small tables in memory: metrics and the tree of targets for a minute, for seconds what nights change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from cachetools.func import ttl_cache

from kpi.core import catalog
from kpi.core.settings import settings
from kpi.ui import labels, reading
from kpi.ui.answers import Refused

SECONDS_KEPT = 60
SECONDS_KEPT_SHORT = 5
SCOPES_KEPT = 1000


@dataclass(frozen=True)
class Metric:
    """A metric of kpi_metric; `window` is (code, days) where it is another metric's rolling window."""

    id: int
    code: str
    label: str
    label_en: str
    unit: str
    category: str
    higher_is_better: bool
    target_levels: list[str]
    window: tuple[str, int] | None

    @property
    def said(self) -> dict[str, Any]:
        """What answers say of it."""
        return {
            "code": self.code,
            "label": self.label,
            "label_en": self.label_en,
            "unit": self.unit,
            "category": self.category,
            "higher_is_better": self.higher_is_better,
        }


@dataclass
class Tree:
    """The targets by id, each with the one that it hangs under and those that hang under it."""

    targets: dict[int, reading.Row] = field(default_factory=dict)
    children: dict[int | None, list[int]] = field(default_factory=dict)

    @property
    def root(self) -> int | None:
        return next(iter(self.children.get(None, ())), None)

    def said(self, target: int) -> dict[str, Any]:
        """What answers say of a target: id, type, ref_id, label and the number of its children."""
        row = self.targets[target]
        named = {key: row[key] for key in ("id", "type", "ref_id", "label")}
        return named | {"children": len(self.children.get(target, ()))}

    def path(self, target: int) -> list[int]:
        """Return the targets above one, from the root down."""
        return list(self._above(target))[::-1]

    def _above(self, target: int) -> Iterator[int]:
        seen = {target}
        while (parent := self.targets[target]["parent_id"]) is not None and parent not in seen:
            yield parent
            seen.add(parent)
            target = parent


@ttl_cache(maxsize=1, ttl=SECONDS_KEPT)
def _metrics() -> dict[str, Metric]:
    windows = {
        metric.rolling_code(days): (metric.code, days)
        for metric in catalog.metrics(settings().sql_dir)
        for days in metric.windows
    }
    english = catalog.english_labels(settings().sql_dir)
    return {
        row["code"]: Metric(
            *(row["id"], row["code"], row["label"], english.get(row["code"]) or row["label"]),
            *(row["unit"], row["category"]),
            higher_is_better=bool(row["higher_is_better"]),
            # A set has no order: the tree's is the one that a page wants.
            target_levels=[level for level in labels.TARGET_TYPES if level in row["target_levels"]],
            window=windows.get(row["code"]),
        )
        for row in reading.rows("metrics")
    }


@ttl_cache(maxsize=1, ttl=SECONDS_KEPT)
def measures() -> dict[str, catalog.Measure]:
    """Return the measures of kpi_percentiles by code, from the headers of their files."""
    declared = catalog.measures(settings().sql_dir, "kpi_percentiles")
    return {measure.code: measure for measure in declared}


@ttl_cache(maxsize=1, ttl=SECONDS_KEPT)
def _tree() -> Tree:
    tree = Tree()
    for row in reading.rows("targets"):
        tree.targets[row["id"]] = row
        tree.children.setdefault(row["parent_id"], []).append(row["id"])
    return tree


@ttl_cache(maxsize=SCOPES_KEPT, ttl=SECONDS_KEPT)
def scope(id: int) -> reading.Row:
    """Return a scope: id, type, ref_id, label; raises Refused (404) when there is none."""
    rows = reading.rows("scope", {"scope": id})
    if not rows:
        raise Refused.not_found("Point de vue", "Scope", id, "api/scopes")
    return rows[0]


@ttl_cache(maxsize=1, ttl=SECONDS_KEPT_SHORT)
def dates() -> dict[str, tuple[date | None, date | None]]:
    """Return the first and the last date_id that each period has, None where it has none."""
    return {row["period"]: (row["first"], row["latest"]) for row in reading.rows("periods")}


@ttl_cache(maxsize=1, ttl=SECONDS_KEPT_SHORT)
def rejects() -> tuple[datetime | None, list[reading.Row]]:
    """Return the instant of the last capture (UTC) and what could not be used, counted by reason."""
    captured_at = reading.captured_at()
    return captured_at, reading.rows("reject_reasons", {"captured_at": captured_at})


@ttl_cache(maxsize=1, ttl=SECONDS_KEPT_SHORT)
def freshness() -> tuple[datetime | None, list[reading.Row]]:
    """Return the instant of the last capture (UTC) and what each table was last written for."""
    return reading.captured_at(), reading.rows("freshness")


@ttl_cache(maxsize=1, ttl=SECONDS_KEPT_SHORT)
def beginning(day: date | None, week: date | None) -> reading.Row:
    """Return the scope and the target that a page shows first, None where there is none.

    `day` and `week` are the latest dates of the periods D and W.
    """
    rows = reading.rows("beginning", {"date": day, "week": week})
    return rows[0] if rows else {"scope": None, "target": None}


def metrics() -> dict[str, Metric]:
    """Return the metrics by code; what is not there yet is asked for again each time."""
    return _metrics() or _fresh(_metrics)


def metric(code: str) -> Metric:
    """Return a metric; raises Refused (404) when there is none of that code."""
    metric = metrics().get(code)
    if metric is None:
        raise Refused.not_found("Indicateur", "Metric", code, "api/options")
    return metric


def tree() -> Tree:
    """Return the tree of targets; what is not there yet is asked for again each time."""
    whole_tree = _tree()
    return whole_tree if whole_tree.targets else _fresh(_tree)


def tree_with(target: int) -> Tree:
    """Return the tree, asked for again when it lacks the target; raises Refused (404) when there is no such target."""
    whole_tree = tree()
    if target not in whole_tree.targets:
        whole_tree = _fresh(_tree)
    if target not in whole_tree.targets:
        raise Refused.not_found("Cible", "Target", target, "api/targets")
    return whole_tree


def forget() -> None:
    """Forget what is kept: the next question goes to the database."""
    for kept in (_metrics, measures, _tree, scope, dates, rejects, freshness, beginning):
        kept.cache_clear()


def _fresh(kept: Any) -> Any:
    kept.cache_clear()
    return kept()
