"""Write docs/figures.md from the headers of the figures' .sql files (make docs)."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from kpi.core import catalog
from kpi.core.settings import PROJECT, Settings
from kpi.vocabulary import FACT_TABLES

FIGURES = PROJECT / "docs" / "figures.md"
_HEAD = """# Figures

What each figure means, generated from the headers of the SQL files by `make docs`: change the header, not this page.
"""


def figures_page(settings: Settings) -> str:
    """Return the page: the metrics of kpi_value, then the histogram, the percentiles and the plan gap."""
    parts = [_HEAD, "## kpi_value\n", *_metrics(settings)]
    for table in FACT_TABLES:
        if table != "kpi_value":
            parts += [f"## {table}\n", *_measures(settings, table)]
    return "\n".join(parts)


def _metrics(settings: Settings) -> Iterator[str]:
    for metric in catalog.metrics(settings.sql_dir):
        good = "higher is better" if metric.higher_is_better else "lower is better"
        yield _section(
            metric.code,
            f"{metric.label} · {metric.unit} · {metric.agg} of a {metric.counts} · {good} · {metric.category} · "
            f"targets {', '.join(metric.target_levels)} · rolls up by {metric.rollup}{_windows(metric)}"
            f"{_alerts(metric)}",
            metric.description,
            metric.example,
            metric.template,
        )


def _measures(settings: Settings, table: str) -> Iterator[str]:
    for measure in catalog.measures(settings.sql_dir, table):
        yield _section(
            measure.code,
            f"{measure.label} · {measure.unit} · rolls up by {measure.rollup}",
            measure.description,
            measure.example,
            measure.template,
        )


def _windows(metric: catalog.Metric) -> str:
    if metric.rolling is None:
        return ""
    codes = ", ".join(f"`{metric.rolling_code(days)}`" for days in metric.rolling.days)
    return f" · windows {codes} by {metric.rolling.rule}"


def _alerts(metric: catalog.Metric) -> str:
    return "".join(
        f" · {rule.level} alert {rule.side} {rule.threshold:f} {metric.unit} for {rule.days} days in a row "
        f"({', '.join(rule.scopes)} on {', '.join(rule.targets or metric.target_levels)})"
        for rule in metric.alerts
    )


def _section(code: str, facts: str, description: str, example: str, path: str) -> str:
    return (
        f"### {code}\n\n{facts}\n\n{description.strip()}\n\n*Example.* {example.strip()}\n\n"
        f"SQL: [`include/sql/{path}`](../include/sql/{path})\n"
    )


if __name__ == "__main__":
    sys.stdout.write(figures_page(Settings()))
