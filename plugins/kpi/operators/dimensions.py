"""Operators that write the dimensions: kpi_time, kpi_metric, kpi_scope, kpi_target and the tree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator

from kpi.core import catalog, local_days
from kpi.core.connections import ETL, attempted, session
from kpi.core.locks import lock, lock_name
from kpi.core.settings import settings
from kpi.core.steps import Runner, create_temporary, steps
from kpi.figures.run_dates import now
from kpi.operators.reports import reported
from kpi.operators.script import ScriptOperator
from kpi.upkeep import preflight, time_dimension
from kpi.vocabulary import TARGET_LEVELS


class TimeDimensionOperator(BaseOperator):
    """Fill and repair kpi_time; the param `force` lets days that have facts move."""

    template_fields = ("upsert", "first_source_day")
    template_ext = (".sql",)
    template_fields_renderers = {"upsert": "mysql", "first_source_day": "mysql"}

    def __init__(self, *, upsert: str, first_source_day: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.upsert = upsert
        self.first_source_day = first_source_day

    def execute(self, context: Any) -> None:
        kpi_settings = settings()
        with reported(self, "kpi_time") as report:
            local_days.require_current_zone_data()
            with session(ETL) as etl:
                preflight.require_schema(etl, kpi_settings)
            fill = time_dimension.fill(
                self.upsert,
                self.first_source_day,
                local_days.local_date(now(), kpi_settings.timezone),
                bool(context["params"].get("force")),
                kpi_settings,
            )
            for day in fill.moved:
                self.log.warning(
                    "%s now lasts from %s to %s UTC", day.date_id, day.utc_start, day.utc_end
                )
            report.add(
                {
                    "days": "kpi_time",
                    "new": len(fill.new),
                    "repaired": len(fill.repaired),
                    "moved": len(fill.moved),
                    "unchanged": fill.unchanged,
                }
            )


class MetricDictionaryOperator(ScriptOperator):
    """Register in kpi_metric what the headers of facts/kpi_value declare."""

    def __init__(self, *, conn_id: str = ETL, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id

    def execute(self, context: Any) -> None:
        kpi_settings = settings()
        rows = metric_rows(catalog.metrics(kpi_settings.sql_dir))

        def register() -> int:
            with session(self.conn_id) as etl, etl.transaction():
                return sum(1 for row in rows if etl.run(self.sql, row))

        with reported(self, "kpi_metric") as report:
            if context["params"].get("plan"):
                self.log.info("Would register %s.", ", ".join(str(row["code"]) for row in rows))
                report.add({"metrics that would be registered": len(rows)})
                return
            written = attempted(register, kpi_settings.write_attempts)
            report.add({"metrics": len(rows), "new or changed": written})


class DimensionsOperator(ScriptOperator):
    """Bring kpi_scope, kpi_target and kpi_target_closure up to date with the captured source."""

    def execute(self, context: Any) -> None:
        script = steps(self.sql)
        kpi_settings = settings()

        def write() -> dict[str, int]:
            with (
                session(ETL) as etl,
                # Two nights at once would add the same branches of the tree.
                lock(etl, lock_name(etl.schema, "dimensions"), kpi_settings.lock_wait_seconds),
            ):
                create_temporary(etl, script)
                with etl.transaction():
                    done = Runner(etl).run(script)
                return {step.name: rows for step, rows in done.items()}

        with reported(self, "Dimensions") as report:
            touched = attempted(write, kpi_settings.write_attempts)
            report.add(*({"step": name, "rows": rows} for name, rows in touched.items()))


def metric_rows(metrics: Sequence[catalog.Metric]) -> list[dict[str, str | int]]:
    """Return the values that dimensions/kpi_metric.sql is bound for each metric and each of its windows."""
    rows = []
    for metric in metrics:
        rows.append(_metric_row(metric))
        rows += [
            _metric_row(metric)
            | {
                "code": metric.rolling_code(days),
                "label": metric.rolling_label(days),
                "description": f"Over the {days} local days that end with the row's. {metric.description.strip()}",
            }
            for days in metric.windows
        ]
    return rows


def _metric_row(metric: catalog.Metric) -> dict[str, str | int]:
    levels: Sequence[str] = metric.target_levels
    # MySQL keeps a SET's members in the order of its definition.
    ordered = [level for level in TARGET_LEVELS if level in levels]
    return {
        "code": metric.code,
        "label": metric.label,
        "unit": metric.unit,
        "agg": metric.agg,
        "higher_is_better": int(metric.higher_is_better),
        "category": metric.category,
        "target_levels": ",".join(ordered),
        "description": metric.description.strip(),
    }
